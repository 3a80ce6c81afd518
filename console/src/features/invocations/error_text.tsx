import { Link } from "@tanstack/react-router";
import { Fragment, type ReactNode } from "react";
import { CodeBlock } from "../../parts/code.tsx";
import { visibleText } from "../../parts/format.ts";

/** Longer errors are shown without links to their positions. */
const LINKED_CHARACTERS = 20_000;
/** A file of the author, its line and its column. */
const POSITION = /((?:[\w@+-][\w@.+-]*\/)*[\w@+-][\w@.+-]*\.[cm]?[jt]sx?):(\d{1,7})(?::\d{1,7})?/g;

interface Piece {
  readonly text: string;
  readonly file?: string;
  readonly line?: number;
}

/** An error's text in pieces, of which the positions in files have their file and line. */
function piecesOf(text: string): readonly Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  for (const match of text.matchAll(POSITION)) {
    if (match.index > at) pieces.push({ text: text.slice(at, match.index) });
    pieces.push({ text: match[0], file: match[1] ?? "", line: Number(match[2]) });
    at = match.index + match[0].length;
  }
  if (at < text.length) pieces.push({ text: text.slice(at) });
  return pieces;
}

/** An error; positions in its stack lead to the source. */
export function ErrorText({ text, functionId, commitId }: {
  readonly text: string;
  readonly functionId: string;
  readonly commitId: string;
}) {
  if (text.length > LINKED_CHARACTERS) return <CodeBlock text={text} label="the error" />;
  return (
    <pre className="invocation-error" tabIndex={0} aria-label="the error"><bdi>
      {piecesOf(text).map(({ text: piece, file, line }, index) => (
        <Fragment key={index}>
          {file === undefined || line === undefined ? visibleText(piece) : (
            <SourceLink functionId={functionId} commitId={commitId} file={file} line={line}>
              {piece}
            </SourceLink>
          )}
        </Fragment>
      ))}
    </bdi></pre>
  );
}

/** Leads to a line of a file in the commit that ran. */
function SourceLink({ functionId, commitId, file, line, children }: {
  readonly functionId: string;
  readonly commitId: string;
  readonly file: string;
  readonly line: number;
  readonly children: ReactNode;
}) {
  return (
    <Link
      to="/functions/$functionId"
      params={{ functionId }}
      search={{ commit: commitId, file, line }}
    >
      {children}
    </Link>
  );
}
