import { useMemo, useState } from "react";
import { Button, CopyButton } from "./button.tsx";
import { countOf, formatCount, visibleText } from "./format.ts";

/** Longer texts begin cut. */
const SHOWN_CHARACTERS = 20_000;
/** A browser lays out a line of 1 MiB for seconds. */
const SHOWN_OF_LINE = 2_000;

/** Text as it is, in a fixed-width type, with controls made visible. */
export function CodeBlock(
  { text, label }: { readonly text: string; readonly label: string },
) {
  const [isWhole, setWhole] = useState(false);
  const start = useMemo(() => textStart(text), [text]);
  const isCut = start !== text;
  const shown = useMemo(() => isWhole ? broken(text) : start, [text, start, isWhole]);
  const visible = useMemo(() => visibleText(shown), [shown]);
  return (
    <div className="code">
      <div className="code-tools">
        <CopyButton text={text} label={`Copy ${label}`} />
      </div>
      <pre
        className="code-text"
        tabIndex={0}
        aria-label={visibleText(label)}
      ><bdi>{visible}</bdi></pre>
      {isCut && !isWhole && (
        <Button onClick={() => setWhole(true)}>
          Show all {countOf(text.length, "character")}
        </Button>
      )}
      {isWhole && shown !== text && (
        <p className="muted">
          Long lines wrap after {formatCount(SHOWN_OF_LINE)}{" "}
          characters. The copy button copies them whole.
        </p>
      )}
    </div>
  );
}

/** The first lines of a text, long ones cut; the text itself if that is all of it. */
export function textStart(text: string): string {
  const lines: string[] = [];
  let left = SHOWN_CHARACTERS;
  for (let at = 0; at <= text.length && left > 0;) {
    const found = text.indexOf("\n", at);
    const end = found < 0 ? text.length : found;
    const shown = pieceOf(text, at, end);
    const length = countOf(end - at, "character");
    lines.push(at + shown.length < end ? `${shown} … (${length} in this line)` : shown);
    left -= shown.length + 1;
    at = end + 1;
  }
  return lines.join("\n");
}

/** The whole text. Long lines wrap. */
function broken(text: string): string {
  return text.split("\n").map((line) => {
    const pieces: string[] = [];
    for (let at = 0; at < line.length;) {
      const piece = pieceOf(line, at, line.length);
      pieces.push(piece);
      at += piece.length;
    }
    return pieces.join("\n");
  }).join("\n");
}

/** As much of a line as one line shows. It ends with a whole character. */
function pieceOf(text: string, from: number, end: number): string {
  const to = from + SHOWN_OF_LINE;
  if (to >= end) return text.slice(from, end);
  const isWithin = (text.charCodeAt(to - 1) & 0xfc00) === 0xd800;
  return text.slice(from, isWithin ? to - 1 : to);
}

/** A value as formatted JSON. */
export function JsonBlock(
  { value, label }: { readonly value: unknown; readonly label: string },
) {
  return (
    <CodeBlock
      text={value === undefined ? "" : JSON.stringify(value, null, 2)}
      label={label}
    />
  );
}
