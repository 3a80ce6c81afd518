/** Phases and usage of an invocation, as numbers. */
import { parseDuration } from "../../parts/format.ts";

export interface Phase {
  readonly name: string;
  readonly startedAt: string;
  readonly duration: string;
}

/** A phase on the time axis of its invocation, in ms. */
export interface Bar {
  readonly name: string;
  readonly start: number;
  readonly duration: number;
  /** A sum of times inside of the phase `run`. */
  readonly isInner: boolean;
}

const INNER = new Set(["host_calls", "egress"]);

/** Bars of phases in their order, the sums inside of `run` after it. */
export function barsOf(phases: readonly Phase[]): readonly Bar[] {
  const begin = Math.min(...phases.map(({ startedAt }) => instantOf(startedAt)));
  const bars = phases.map(({ name, startedAt, duration }) => ({
    name,
    start: instantOf(startedAt) - begin,
    duration: parseDuration(duration) ?? 0,
    isInner: INNER.has(name),
  }));
  const inner = bars.filter(({ isInner }) => isInner);
  return bars.filter(({ isInner }) => !isInner)
    .flatMap((bar) => bar.name === "run" ? [bar, ...inner] : [bar]);
}

/** Ms since 1970 with the fraction that a Date loses. */
function instantOf(time: string): number {
  const fraction = /\.\d{3}(\d+)Z$/.exec(time)?.[1];
  return Date.parse(time) + (fraction === undefined ? 0 : Number(`0.${fraction}`));
}

/** The end of the last bar, in ms. */
export function spanOf(bars: readonly Bar[]): number {
  return Math.max(...bars.map(({ start, duration }) => start + duration), 0);
}
