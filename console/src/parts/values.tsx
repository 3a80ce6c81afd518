import { useEffect, useState } from "react";
import {
  formatBytes,
  formatCompact,
  formatCount,
  formatDuration,
  formatExact,
  formatRelative,
} from "./format.ts";

const REFRESH = 15_000;
const subscribers = new Set<(now: Date) => void>();
let timer: number | undefined;

/** The time, renewed each 15 s; all uses share one timer. */
export function useNow(): Date {
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
  const now = useNow();
  if (value === undefined) return <span className="muted">–</span>;
  const time = new Date(value);
  return (
    <time dateTime={value} title={`${formatExact(time)} (${value})`}>
      {formatRelative(time, now)}
    </time>
  );
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

/** Controls, zero-width characters and marks of direction; tabs and line ends stay. */
const INVISIBLE = new RegExp(
  String
    .raw`[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]`,
  "g",
);

/** Text with invisible characters made visible, so that a name cannot pose as another. */
export function visibleText(text: string): string {
  return text.replace(INVISIBLE, (character) => {
    const code = character.charCodeAt(0);
    return code < 0x20
      ? String.fromCharCode(0x2400 + code)
      : `\\u${code.toString(16).padStart(4, "0")}`;
  });
}
