import { useVirtualizer } from "@tanstack/react-virtual";
import { type RefObject, useEffect, useMemo, useRef, useState } from "react";
import type { LogLine } from "../../api/types.ts";
import { Button } from "../../parts/button.tsx";
import { CodeBlock } from "../../parts/code.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { SelectField, TextField } from "../../parts/field.tsx";
import { formatBytes, formatCount, formatExact } from "../../parts/format.ts";
import { Section } from "../../parts/page.tsx";
import { ErrorNote } from "../../parts/states.tsx";
import { visibleText } from "../../parts/values.tsx";
import { type LogFilter, matchingLines, useLog } from "./log_stream.ts";

/** Of one line; a dialog has the rest. */
const SHOWN_CHARACTERS = 500;
const LINE_HEIGHT = 20;
/** This near its end the log follows new lines, in px. */
const END_DISTANCE = 24;

const EVERYTHING: LogFilter = { text: "", level: "", source: "" };

export function Logs({ functionId, id }: { readonly functionId: string; readonly id: string }) {
  const { lines, mode } = useLog(functionId, id);
  const [filter, setFilter] = useState(EVERYTHING);
  const shown = useMemo(() => matchingLines(lines, filter), [lines, filter]);
  return (
    <Section title="Log" actions={<LogState shown={shown.length} all={lines.length} mode={mode} />}>
      {mode === "failed" ? <ErrorNote error="Cannot read the log; load the page again" /> : null}
      {lines.length === 0
        ? <p className="muted">{mode === "ended" ? "It printed nothing." : "No line yet"}</p>
        : (
          <>
            <LogFilters filter={filter} onChange={setFilter} />
            <LogView lines={shown} />
          </>
        )}
    </Section>
  );
}

function LogState(
  { shown, all, mode }: {
    readonly shown: number;
    readonly all: number;
    readonly mode: string;
  },
) {
  const count = shown === all ? formatCount(all) : `${formatCount(shown)} of ${formatCount(all)}`;
  return (
    <span className="muted" role="status">
      {count} {all === 1 ? "line" : "lines"}
      {mode === "following" ? ", live" : ""}
    </span>
  );
}

function options(values: readonly string[]) {
  return [{ value: "", label: "Any" }, ...values.map((value) => ({ value, label: value }))];
}

function LogFilters(
  { filter, onChange }: {
    readonly filter: LogFilter;
    readonly onChange: (filter: LogFilter) => void;
  },
) {
  return (
    <div className="filters">
      <TextField
        label="Text of the log"
        type="search"
        value={filter.text}
        onChange={(text) => onChange({ ...filter, text })}
      />
      <SelectField
        label="Level"
        value={filter.level}
        onChange={(level) => onChange({ ...filter, level })}
        options={options(["debug", "info", "warn", "error"])}
      />
      <SelectField
        label="Source"
        value={filter.source}
        onChange={(source) => onChange({ ...filter, source })}
        options={options(["console", "stdout", "stderr", "egress", "system"])}
      />
    </div>
  );
}

/** Lines of any number and length, of which the visible ones are drawn. */
function LogView({ lines }: { readonly lines: readonly LogLine[] }) {
  const place = useRef<HTMLDivElement>(null);
  const [opened, setOpened] = useState<LogLine>();
  const virtualizer = useVirtualizer({
    count: lines.length,
    getScrollElement: () => place.current,
    estimateSize: () => LINE_HEIGHT,
    getItemKey: (index) => lines[index]?.sequence ?? index,
    overscan: 20,
  });
  useFollowing(place, lines.length);
  return (
    <>
      <div ref={place} className="invocation-log" tabIndex={0} role="region" aria-label="Log lines">
        <div
          className="invocation-log-lines"
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
                className={`invocation-log-line invocation-log-${line.level}`}
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
  { line, onOpen }: { readonly line: LogLine; readonly onOpen: (line: LogLine) => void },
) {
  const { time, level, source, message } = line;
  const isCut = message.length > SHOWN_CHARACTERS;
  const date = new Date(time);
  return (
    <>
      <time dateTime={time} title={`${formatExact(date)} (${time})`} className="muted">
        {date.toLocaleTimeString(undefined, { hour12: false })}
      </time>
      <span className="invocation-log-level">{level}</span>
      <span className="invocation-log-source muted">{source}</span>
      <span className="invocation-log-message">
        <bdi>{visibleText(isCut ? message.slice(0, SHOWN_CHARACTERS) : message)}</bdi>
        {isCut
          ? <Button onClick={() => onOpen(line)}>Show all {formatBytes(message.length)}</Button>
          : null}
      </span>
    </>
  );
}

/** Keeps the end in view as lines arrive, if it is in view. */
function useFollowing(place: RefObject<HTMLDivElement | null>, count: number): void {
  const isAtEnd = useRef(false);
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const note = () => {
      const below = element.scrollHeight - element.scrollTop - element.clientHeight;
      isAtEnd.current = below < END_DISTANCE && element.scrollTop > 0;
    };
    element.addEventListener("scroll", note, { passive: true });
    return () => element.removeEventListener("scroll", note);
  }, [place]);
  useEffect(() => {
    if (isAtEnd.current) place.current?.scrollTo({ top: place.current.scrollHeight });
  }, [place, count]);
}
