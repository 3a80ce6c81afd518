import { setImmediate, setTimeout } from "node:timers/promises";

/**
 * What some work returns; undefined if the signal is aborted first. Nobody waits for the work then, and its failure is
 * ignored.
 */
export async function untilAborted<T>(
  work: Promise<T>,
  signal: AbortSignal,
): Promise<T | undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const stop = () => resolve(undefined);
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** Lets the event loop do other work between two steps of a long one. */
export async function otherWork(): Promise<void> {
  await setImmediate();
}

/** Waits, in milliseconds, at most until the signal is aborted. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await setTimeout(ms, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
