import { Link } from "@tanstack/react-router";
import { visibleText } from "../../parts/values.tsx";

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

/** A link to the line in the editor. */
export function PositionLink(
  { functionId, position }: { readonly functionId: string; readonly position: string },
) {
  const found = positionOf(position);
  if (found === undefined) return <code>{visibleText(position)}</code>;
  return (
    <Link
      to="/functions/$functionId"
      params={{ functionId }}
      search={{ file: found.path, line: found.line }}
    >
      <code>{visibleText(position)}</code>
    </Link>
  );
}
