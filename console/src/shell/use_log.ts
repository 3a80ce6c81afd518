import { useCallback, useEffect, useState } from "react";
import type { LogLine } from "../api/client.ts";
import { whileVisible } from "../browser/connection.ts";

interface Followed {
  readonly lines: readonly LogLine[];
  readonly mode: "opening" | "following" | "ended" | "failed";
}

interface LogState extends Followed {
  /** Reads a log anew that could not be read. */
  readonly retry: () => void;
}

const OPENING: Followed = { lines: [], mode: "opening" };
/** Lines that arrive within this time are shown together, in ms. */
const GROUP_TIME = 50;

/**
 * Follows the log of an invocation until both end, while the reader sees the page. The browser reconnects by itself after the
 * last line that it has; a page that was hidden reads the log again, and skips what it has.
 */
export function useLog(functionId: string, id: string): LogState {
  const [state, setState] = useState(OPENING);
  const [attempt, setAttempt] = useState(0);
  const retry = useCallback(() => setAttempt((before) => before + 1), []);
  useEffect(() => {
    setState(OPENING);
    let last = -1;
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
    let hasEnded = false;
    const follow = () => {
      if (hasEnded) return () => {};
      const path = [functionId, id].map(encodeURIComponent);
      const source = new EventSource(`/api/v1/functions/${path[0]}/invocations/${path[1]}/logs`);
      const stop = (mode: "ended" | "failed") => {
        hasEnded = true;
        source.close();
        flush(mode);
      };
      source.onopen = () => flush("following");
      source.addEventListener("log", (event: MessageEvent<string>) => {
        const line = JSON.parse(event.data) as LogLine;
        if (line.sequence <= last) return;
        last = line.sequence;
        arrived.push(line);
        timer ??= setTimeout(() => flush(), GROUP_TIME);
      });
      source.addEventListener("end", () => stop("ended"));
      source.onerror = () => {
        if (source.readyState === EventSource.CLOSED) stop("failed");
      };
      return () => source.close();
    };
    const end = whileVisible(follow);
    return () => {
      end();
      clearTimeout(timer);
    };
  }, [functionId, id, attempt]);
  return { ...state, retry };
}
