import type { LogLine } from "../../api/types.ts";

export interface LogFilter {
  readonly text: string;
  readonly level: string;
  readonly source: string;
}

/** The lines that a filter matches; the text in any case. */
export function matchingLines(lines: readonly LogLine[], filter: LogFilter): readonly LogLine[] {
  const text = filter.text.toLowerCase();
  if (text === "" && filter.level === "" && filter.source === "") return lines;
  return lines.filter(({ message, level, source }) =>
    (filter.level === "" || level === filter.level) &&
    (filter.source === "" || source === filter.source) &&
    (text === "" || message.toLowerCase().includes(text))
  );
}
