import { useEffect, useMemo, useState } from "react";
import {
  formatBytes,
  formatCompact,
  formatCount,
  formatDuration,
  formatExact,
  formatRelative,
  visibleText,
} from "./format.ts";
import type { Column } from "./table.tsx";

const REFRESH = 15_000;
const subscribers = new Set<(now: Date) => void>();
let timer: number | undefined;

/** The time, renewed each 15 s; all uses share one timer. */
function useNow(): Date {
  const [now, setNow] = useState(() => new Date());
  useEffect(() => {
    subscribers.add(setNow);
    timer ??= setInterval(() => {
      const time = new Date();
      for (const subscriber of subscribers) subscriber(time);
    }, REFRESH);
    return () => {
      subscribers.delete(setNow);
      if (subscribers.size > 0) return;
      clearInterval(timer);
      timer = undefined;
    };
  }, []);
  return now;
}

/** A time relative to now, with the exact one on hover. */
export function Time({ value }: { readonly value: string | undefined }) {
  const tick = useNow();
  // A value that comes between two ticks is no time to come.
  const now = useMemo(() => new Date(), [tick, value]);
  if (value === undefined) return <span className="muted">–</span>;
  const time = new Date(value);
  return (
    <time dateTime={value} title={`${formatExact(time)} (${value})`}>
      {formatRelative(time, now)}
    </time>
  );
}

/** A column of times. @param width in px @param minor below the others in a narrow table */
export function timeColumn<T>(
  header: string,
  width: number,
  of: (row: T) => string | undefined,
  { minor = true, isSortable = false }: {
    readonly minor?: boolean;
    readonly isSortable?: boolean;
  } = {},
): Column<T> {
  return {
    header,
    width: `${width}px`,
    minor,
    ...isSortable ? { sortBy: (row: T) => of(row) ?? "" } : {},
    cell: (row) => <Time value={of(row)} />,
  };
}

/** A duration in ms, with the exact one on hover. */
export function Duration({ ms }: { readonly ms: number | undefined }) {
  if (ms === undefined) return <span className="muted">–</span>;
  return <span title={`${formatCount(ms)} ms`}>{formatDuration(ms)}</span>;
}

/** A size, with the exact number of bytes on hover. */
export function Bytes({ value }: { readonly value: number | undefined }) {
  if (value === undefined) return <span className="muted">–</span>;
  return <span title={`${formatCount(value)} bytes`}>{formatBytes(value)}</span>;
}

/** A count in few characters, with the exact one on hover. */
export function Count({ value }: { readonly value: number | undefined }) {
  if (value === undefined) return <span className="muted">–</span>;
  return <span title={formatCount(value)}>{formatCompact(value)}</span>;
}

/** A name or text from outside: in its own direction, in one line, whole on hover. */
export function Name({ value }: { readonly value: string }) {
  const visible = visibleText(value);
  return <bdi className="name" title={visible}>{visible}</bdi>;
}
