import { pause } from "../../shared/pause.ts";

/** Pause after a step, as a multiple of its time and of its wait for the writer: erasure takes a tenth of the writer. */
const PAUSE_FACTOR = 9;
const PAUSE_MAX_MS = 1000;

/**
 * Runs steps of an erasure, each with transactions of its own, until one was the last or the signal aborts. After each
 * step other writes run for nine times as long.
 * @param step answers whether another step follows
 */
export async function inSteps(step: () => Promise<boolean>, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const startMs = performance.now();
    if (!await step()) return;
    await pauseAfter(performance.now() - startMs, signal);
  }
}

/** Pauses after a step of a duration. */
export async function pauseAfter(stepMs: number, signal: AbortSignal): Promise<void> {
  await pause(Math.min(stepMs * PAUSE_FACTOR, PAUSE_MAX_MS), signal);
}
