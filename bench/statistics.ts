/** Numbers from samples. */

/** Samples that a percentile needs beyond it, so that it is more than one unlucky invocation. */
const SAMPLES_BEYOND = 1;

/** The nearest rank; NaN without samples. */
export function percentile(samples: readonly number[], percent: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  const rank = Math.ceil(sorted.length * percent / 100);
  return sorted[Math.max(0, rank - 1)] ?? NaN;
}

/** The middle value; of an even number of samples the mean of the two in the middle. */
export function median(samples: readonly number[]): number {
  const sorted = samples.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2;
}

/** The summary of a set of samples. A percentile that the samples are too few for is undefined. */
export interface Summary {
  readonly n: number;
  readonly p50: number;
  readonly p95: number | undefined;
  readonly p99: number | undefined;
  readonly p999: number | undefined;
}

export function summarize(samples: readonly number[]): Summary {
  const enough = (percent: number) =>
    samples.length * (100 - percent) / 100 >= SAMPLES_BEYOND
      ? percentile(samples, percent)
      : undefined;
  return {
    n: samples.length,
    p50: median(samples),
    p95: enough(95),
    p99: enough(99),
    p999: enough(99.9),
  };
}

/** Random arrivals (a Poisson process): milliseconds from the start, ascending. */
export function poisson(perSecond: number, durationMs: number): number[] {
  const times: number[] = [];
  let time = 0;
  while ((time += -Math.log(1 - Math.random()) * 1000 / perSecond) < durationMs) times.push(time);
  return times;
}

/** Who goes first changes with every round, so that an order favours nobody. */
export function inTurn<T>(items: readonly T[], round: number): T[] {
  const start = round % Math.max(1, items.length);
  return [...items.slice(start), ...items.slice(0, start)];
}
