import { useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo } from "react";
import type { Files } from "./drafts.ts";

const MAIN = "main.ts";

/** The file of the URL, or the first one; the line in it; and what opens another file. */
export function useOpenFile(files: Files) {
  const { commit, file, line } = useSearch({ from: "/shell/functions/$functionId/" });
  const navigate = useNavigate({ from: "/functions/$functionId" });
  const reveal = useMemo(
    () => line === undefined ? undefined : { line, column: 1 },
    [file, line],
  );
  const first = MAIN in files ? MAIN : Object.keys(files).sort()[0];
  const path = file !== undefined && Object.hasOwn(files, file) ? file : first;
  const open = (opened: string, at?: number) =>
    void navigate({
      search: {
        ...(commit === undefined ? {} : { commit }),
        file: opened,
        ...(at === undefined ? {} : { line: at }),
      },
    });
  return [path, reveal, open] as const;
}
