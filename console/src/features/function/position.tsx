import { Link } from "@tanstack/react-router";
import { visibleText } from "../../parts/values.tsx";
import { useDraftState } from "./code/draft_store.ts";
import { useFunction } from "./use_function.ts";

/** A position in a file of the author; line and column begin with 1. */
export interface Position {
  readonly path: string;
  readonly line: number;
  readonly column: number;
}

/** Reads `path:LINE:COLUMN`, also within a line of a stack. */
export function positionOf(text: string): Position | undefined {
  const match = /([^\s()]+):(\d+):(\d+)/.exec(text);
  if (match === null) return undefined;
  const [, path = "", line, column] = match;
  return { path: path.replace(/^file:\/+/, ""), line: Number(line), column: Number(column) };
}

/** A link to the line of a commit; to that of the draft where the file is still the same. */
export function PositionLink(
  { position, commitId }: { readonly position: string; readonly commitId: string },
) {
  const fn = useFunction();
  const { draft } = useDraftState(fn.id);
  const found = positionOf(position);
  if (found === undefined) return <code>{visibleText(position)}</code>;
  const { path, line } = found;
  const isSame = (draft?.base ?? fn.head) === commitId &&
    !Object.hasOwn(draft?.changed ?? {}, path) && draft?.removed.includes(path) !== true;
  return (
    <Link
      to="/functions/$functionId"
      params={{ functionId: fn.id }}
      search={{ ...(isSame ? {} : { commit: commitId }), file: path, line }}
    >
      <code>{visibleText(position)}</code>
    </Link>
  );
}
