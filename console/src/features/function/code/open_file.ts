import { useLocation, useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo } from "react";
import type { FilePosition } from "../../../parts/monaco/definitions.ts";
import type { Files } from "./drafts.ts";

const MAIN = "main.ts";

/** The file of the URL, or the first one; the position in it; and what opens another file. */
export function useOpenFile(files: Files) {
  const { commit, file, line, column } = useSearch({ from: "/shell/functions/$functionId/" });
  const navigate = useNavigate({ from: "/functions/$functionId" });
  // A reader who opens the same position once more wants to see it again.
  const entry = useLocation({ select: ({ state }) => state.__TSR_key });
  const reveal = useMemo(
    () => line === undefined ? undefined : { line, column: column ?? 1 },
    [file, line, column, entry],
  );
  const first = MAIN in files ? MAIN : Object.keys(files).sort()[0];
  const path = file !== undefined && Object.hasOwn(files, file) ? file : first;
  const ofCommit = commit === undefined ? {} : { commit };
  const open = (opened: string, line?: number, column?: number) =>
    void navigate({
      search: {
        ...ofCommit,
        file: opened,
        ...(line === undefined ? {} : { line }),
        ...(column === undefined ? {} : { column }),
      },
    });
  /** Opens a definition. The browser's Back leads to the symbol that the reader came from. */
  const follow = async (from: FilePosition, { path, ...to }: FilePosition) => {
    const { path: left, ...position } = from;
    await navigate({ search: { ...ofCommit, file: left, ...position }, replace: true });
    await navigate({ search: { ...ofCommit, file: path, ...to } });
  };
  return { path, reveal, open, follow };
}
