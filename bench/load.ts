/** The load generator. It shares the cores of the machine with what it measures. */

/** The server said that it is full: an answer that is right under too much load, and no measurement. */
export class Rejected extends Error {
  override name = "Rejected";

  /** @param retryAfterMs when the server wants to be asked again */
  constructor(who: string, readonly retryAfterMs: number) {
    super(`${who} is full`);
  }
}

/** Sends one request; rejects with {@link Rejected} or, on a wrong answer, with a description of the error. */
export type Call = () => Promise<void>;

export interface Load {
  /** Milliseconds of each answered request. */
  readonly samples: number[];
  /** Number of rejected requests. */
  readonly rejected: number;
}

/**
 * Open loop: requests are sent at the given milliseconds, whether or not earlier ones were answered. The clock of
 * each runs from when it was due, so that a generator that is late hides no waiting.
 */
export async function openLoop(schedule: readonly number[], call: Call): Promise<Load> {
  const start = performance.now();
  const tally = new Tally();
  const invocations: Promise<unknown>[] = [];
  for (const due of schedule) {
    await pause(start + due - performance.now());
    invocations.push(tally.time(call, start + due));
  }
  await Promise.all(invocations);
  return tally;
}

/** Sends one request after the other, with a pause before each. */
export async function oneByOne(count: number, pauseMs: number, call: Call): Promise<Load> {
  const tally = new Tally();
  for (let n = 0; n < count; n++) {
    await pause(pauseMs);
    await tally.time(call, performance.now());
  }
  return tally;
}

/** When a closed loop ends: after so many milliseconds, or so many answers. */
export type Bound = { readonly ms: number } | { readonly answers: number };

/**
 * Closed loop: so many callers that pause only after a rejection, as long as it asks. `perSecond` counts
 * answers.
 */
export async function saturate(
  callers: number,
  until: Bound,
  call: Call,
): Promise<Load & { readonly perSecond: number }> {
  const start = performance.now();
  const tally = new Tally();
  const end = "ms" in until ? start + until.ms : Infinity;
  const answers = "answers" in until ? until.answers : Infinity;
  const caller = async () => {
    while (performance.now() < end && tally.samples.length < answers) {
      const restMs = await tally.time(call, performance.now());
      await pause(Math.min(restMs, end - performance.now()));
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  const seconds = (performance.now() - start) / 1000;
  const { samples, rejected } = tally;
  return { samples, rejected, perSecond: samples.length / seconds };
}

/** The samples and rejections of several rounds as one. */
export function merge(loads: readonly Load[]): Load {
  return {
    samples: loads.flatMap(({ samples }) => samples),
    rejected: loads.reduce((sum, { rejected }) => sum + rejected, 0),
  };
}

export async function pause(ms: number): Promise<void> {
  if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
}

class Tally implements Load {
  readonly samples: number[] = [];
  rejected = 0;

  /** Answers how long the caller is asked to rest. */
  async time(call: Call, startMs: number): Promise<number> {
    try {
      await call();
      this.samples.push(performance.now() - startMs);
      return 0;
    } catch (error) {
      if (!(error instanceof Rejected)) throw error;
      this.rejected++;
      return error.retryAfterMs;
    }
  }
}
