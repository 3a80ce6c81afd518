/** The log of an invocation, as a stream that ends with it. */
import { useEffect, useState } from "react";
import type { LogLine } from "../../api/types.ts";

export interface LogState {
  readonly lines: readonly LogLine[];
  readonly mode: "opening" | "following" | "ended" | "failed";
}

const OPENING: LogState = { lines: [], mode: "opening" };
/** Lines that arrive within this time are shown together, in ms. */
const GROUP_TIME = 50;

/** Follows the log; the browser reconnects by itself after the last line that it has. */
export function useLog(functionId: string, id: string): LogState {
  const [state, setState] = useState(OPENING);
  useEffect(() => {
    setState(OPENING);
    const path = [functionId, id].map(encodeURIComponent);
    const source = new EventSource(`/api/v1/functions/${path[0]}/invocations/${path[1]}/logs`);
    let arrived: LogLine[] = [];
    let timer: number | undefined;
    const flush = (mode?: LogState["mode"]) => {
      clearTimeout(timer);
      timer = undefined;
      const added = arrived;
      arrived = [];
      setState((known) => ({
        lines: added.length === 0 ? known.lines : [...known.lines, ...added],
        mode: mode ?? known.mode,
      }));
    };
    const stop = (mode: "ended" | "failed") => {
      source.close();
      flush(mode);
    };
    source.onopen = () => flush("following");
    source.addEventListener("log", (event: MessageEvent<string>) => {
      arrived.push(JSON.parse(event.data) as LogLine);
      timer ??= setTimeout(() => flush(), GROUP_TIME);
    });
    source.addEventListener("end", () => stop("ended"));
    source.onerror = () => {
      if (source.readyState === EventSource.CLOSED) stop("failed");
    };
    return () => {
      source.close();
      clearTimeout(timer);
    };
  }, [functionId, id]);
  return state;
}

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
