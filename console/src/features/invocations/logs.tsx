import { useMemo, useState } from "react";
import type { LogLine } from "../../api/client.ts";
import { SelectField, TextField } from "../../parts/field.tsx";
import { countOf, formatCount } from "../../parts/format.ts";
import { LogView } from "../../parts/log_view.tsx";
import { Section } from "../../parts/page.tsx";
import { ErrorNote } from "../../parts/states.tsx";
import { useLog } from "../../shell/use_log.ts";

const EVERYTHING: LogFilter = { text: "", level: "", source: "" };

interface LogFilter {
  readonly text: string;
  readonly level: string;
  readonly source: string;
}

export function Logs({ functionId, id }: { readonly functionId: string; readonly id: string }) {
  const { lines, mode, retry } = useLog(functionId, id);
  const [filter, setFilter] = useState(EVERYTHING);
  const shown = useMemo(() => matchingLines(lines, filter), [lines, filter]);
  return (
    <Section title="Log" actions={<LogState shown={shown.length} all={lines.length} mode={mode} />}>
      {mode === "failed" && <ErrorNote error="Could not read the log" onRetry={retry} />}
      {lines.length === 0
        ? (
          <p className="muted">
            {mode === "ended" ? "No log lines. Write some with console.log." : "No log lines yet"}
          </p>
        )
        : (
          <>
            <LogFilters filter={filter} onChange={setFilter} />
            <LogView lines={shown} />
          </>
        )}
    </Section>
  );
}

function LogState({ shown, all, mode }: {
  readonly shown: number;
  readonly all: number;
  readonly mode: string;
}) {
  const count = shown === all ? "" : `${formatCount(shown)} of `;
  return (
    <span className="muted" role="status">
      {count}
      {countOf(all, "line")}
      {mode === "following" ? ", live" : ""}
    </span>
  );
}

function options(values: readonly string[]) {
  return [{ value: "", label: "Any" }, ...values.map((value) => ({ value, label: value }))];
}

function LogFilters({ filter, onChange }: {
  readonly filter: LogFilter;
  readonly onChange: (filter: LogFilter) => void;
}) {
  return (
    <div className="filters">
      <TextField
        label="Search the log"
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

/** The lines that a filter matches; the text in any case. */
function matchingLines(lines: readonly LogLine[], filter: LogFilter): readonly LogLine[] {
  const text = filter.text.toLowerCase();
  if (text === "" && filter.level === "" && filter.source === "") return lines;
  return lines.filter(({ message, level, source }) =>
    (filter.level === "" || level === filter.level) &&
    (filter.source === "" || source === filter.source) &&
    (text === "" || message.toLowerCase().includes(text))
  );
}
