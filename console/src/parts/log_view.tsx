import { useVirtualizer } from "@tanstack/react-virtual";
import { type RefObject, useEffect, useRef, useState } from "react";
import { Button } from "./button.tsx";
import { CodeBlock } from "./code.tsx";
import { Dialog } from "./dialog.tsx";
import { countOf, formatExact, visibleText } from "./format.ts";

/** Of one line; a dialog has the rest. */
const SHOWN_CHARACTERS = 500;
const LINE_HEIGHT = 20;
/** This near its end the log follows new lines, in px. */
const END_DISTANCE = 24;

interface ShownLine {
  /** Of the invocation, from 1. */
  readonly sequence: number;
  readonly time: string;
  readonly level: string;
  readonly source: string;
  readonly message: string;
}

interface LogViewProps {
  /** The label for screen readers. */
  readonly label?: string;
  readonly lines: readonly ShownLine[];
  /** Whether the last lines are in view from the start. */
  readonly startsAtEnd?: boolean;
}

/** Lines of any number and length, of which the visible ones are drawn. */
export function LogView(
  { lines, label = "Log lines", startsAtEnd = false }: LogViewProps,
) {
  const container = useRef<HTMLDivElement>(null);
  const [opened, setOpened] = useState<ShownLine>();
  const virtualizer = useVirtualizer({
    count: lines.length,
    getScrollElement: () => container.current,
    estimateSize: () => LINE_HEIGHT,
    getItemKey: (index) => lines[index]?.sequence ?? index,
    overscan: 20,
  });
  useFollowing(container, virtualizer.getTotalSize(), startsAtEnd);
  return (
    <>
      <div ref={container} className="log" tabIndex={0} role="region" aria-label={label}>
        <div
          className="log-lines"
          role="list"
          style={{ height: virtualizer.getTotalSize() }}
        >
          {virtualizer.getVirtualItems().map(({ index, key, start }) => {
            const line = lines[index];
            return line === undefined ? null : (
              <div
                key={key}
                ref={virtualizer.measureElement}
                data-index={index}
                role="listitem"
                aria-posinset={index + 1}
                aria-setsize={lines.length}
                className={`log-line log-${line.level}`}
                style={{ transform: `translateY(${start}px)` }}
              >
                <Line line={line} onOpen={setOpened} />
              </div>
            );
          })}
        </div>
      </div>
      <Dialog
        open={opened !== undefined}
        onClose={() => setOpened(undefined)}
        title={`Line ${opened?.sequence ?? ""}`}
        size="large"
      >
        <CodeBlock text={opened?.message ?? ""} label="the line" />
      </Dialog>
    </>
  );
}

function Line(
  { line, onOpen }: { readonly line: ShownLine; readonly onOpen: (line: ShownLine) => void },
) {
  const { time, level, source, message } = line;
  const isCut = message.length > SHOWN_CHARACTERS;
  const date = new Date(time);
  return (
    <>
      <time dateTime={time} title={`${formatExact(date)} (${time})`} className="muted">
        {date.toLocaleTimeString(undefined, { hour12: false })}
      </time>
      <span className="log-level">{level}</span>
      <span className="log-source muted">{source}</span>
      <span className="log-message">
        <bdi>{visibleText(isCut ? message.slice(0, SHOWN_CHARACTERS) : message)}</bdi>
        {isCut && (
          <Button onClick={() => onOpen(line)}>
            Show all {countOf(message.length, "character")}
          </Button>
        )}
      </span>
    </>
  );
}

/** Keeps the end in view as the log grows, if it is in view. */
function useFollowing(
  container: RefObject<HTMLDivElement | null>,
  height: number,
  startsAtEnd: boolean,
): void {
  const isAtEnd = useRef(startsAtEnd);
  useEffect(() => {
    const element = container.current;
    if (element === null) return;
    let before = 0;
    const note = () => {
      const { scrollTop, scrollHeight, clientHeight } = element;
      const isNear = scrollTop > 0 && scrollHeight - scrollTop - clientHeight < END_DISTANCE;
      // Lines that were drawn since may have moved the end away; only the reader scrolls up.
      isAtEnd.current = isNear || (isAtEnd.current && scrollTop >= before);
      before = scrollTop;
    };
    element.addEventListener("scroll", note, { passive: true });
    return () => element.removeEventListener("scroll", note);
  }, [container]);
  useEffect(() => {
    if (isAtEnd.current) container.current?.scrollTo({ top: container.current.scrollHeight });
  }, [container, height]);
}
