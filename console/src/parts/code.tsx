import { useState } from "react";
import { Button } from "./button.tsx";
import { CopyButton } from "./copy.tsx";
import { formatBytes } from "./format.ts";
import { visibleText } from "./values.tsx";

/** Longer texts begin cut; a browser lays out a line of 1 MiB for seconds. */
const SHOWN_CHARACTERS = 20_000;
const SHOWN_OF_LINE = 2_000;

/** Text as it is, in a fixed-width type, with controls made visible. */
export function CodeBlock(
  { text, label }: { readonly text: string; readonly label: string },
) {
  const [isWhole, setWhole] = useState(false);
  const isCut = !isWhole && text.length > SHOWN_CHARACTERS;
  const shown = cutLines(isCut ? text.slice(0, SHOWN_CHARACTERS) : text);
  return (
    <div className="code">
      <div className="code-tools">
        <CopyButton text={text} label={`Copy ${label}`} />
      </div>
      <pre
        className="code-text"
        tabIndex={0}
        aria-label={label}
      ><bdi>{visibleText(shown)}</bdi></pre>
      {isCut
        ? (
          <Button onClick={() => setWhole(true)}>
            Show all {formatBytes(text.length)}
          </Button>
        )
        : null}
    </div>
  );
}

function cutLines(text: string): string {
  if (text.length <= SHOWN_OF_LINE) return text;
  return text.split("\n").map((line) =>
    line.length > SHOWN_OF_LINE
      ? `${line.slice(0, SHOWN_OF_LINE)} … (${formatBytes(line.length)} in this line)`
      : line
  ).join("\n");
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
