/** How often the record of an attempt repeats a write, and what it waits for. */
import { backoffMs } from "../../shared/backoff.ts";
import { pause } from "../../shared/pause.ts";
import { damageOf } from "../../store/damage.ts";
import type { Store } from "../../store/mod.ts";
import { StorageUnavailable } from "../../store/storage_health.ts";
import { DomainError, storageUnavailable } from "../errors.ts";

/**
 * How often a start or an end is written that the store rejects while it can write. Recovery later ends an invocation
 * that was not written.
 */
const ATTEMPTS_MAX = 5;
const BACKOFF = { initialMs: 100, maxMs: 1_000 } as const;
const NEVER_ABORTED = new AbortController().signal;

/** Whose record is written. */
export interface RecordWrite {
  /** Of the invocation. */
  readonly id: string;
  readonly store: Pick<Store, "health">;
  /** Of its run: an interruption ends the wait for the store. */
  readonly signal: AbortSignal;
  /** Learns that the record waits for the store. */
  readonly onWait: (reason: DomainError) => void;
}

/**
 * Waits until a write that failed may succeed. Throws its error if the write will not, or if the server stops.
 * @param failures how often it has failed while the store could write
 * @returns the same with this failure
 */
export async function waitAfter(
  error: unknown,
  failures: number,
  { id, store, signal, onWait }: RecordWrite,
): Promise<number> {
  if (signal.reason === "INTERRUPTED") throw error;
  if (error instanceof StorageUnavailable) {
    onWait(storageUnavailable(`Invocation ${id} is not recorded yet`, error));
    await Promise.race([store.health.available(), wasInterrupted(signal)]);
    return failures;
  }
  if (failures + 1 === ATTEMPTS_MAX || !mayPass(error)) throw error;
  await pause(backoffMs(BACKOFF, failures + 1), NEVER_ABORTED);
  return failures + 1;
}

function mayPass(error: unknown): boolean {
  return !(error instanceof DomainError || damageOf(error) !== undefined);
}

/** Resolves once the signal aborts because the server stops. */
async function wasInterrupted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const onAbort = () => signal.reason === "INTERRUPTED" && resolve();
  signal.addEventListener("abort", onAbort);
  onAbort();
  await promise;
}
