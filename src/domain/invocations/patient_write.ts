import type { Run } from "../../engine/contract.ts";
import { damageOf } from "../../store/damage.ts";
import { type StorageHealth, StorageUnavailable } from "../../store/storage_health.ts";
import { backoffMs } from "../../shared/backoff.ts";
import { pause } from "../../shared/pause.ts";
import { DomainError, storageUnavailable } from "../errors.ts";

/** How often a start or an end is written that the store rejects while it can write. The recovery ends such a call later. */
const ATTEMPTS_MAX = 5;
const BACKOFF = { initialMs: 100, maxMs: 1_000 } as const;
const NEVER_ABORTED = new AbortController().signal;

/** Repeats a write until the store can write. */
export type PatientWrite = <T>(work: () => Promise<T>) => Promise<T>;

/**
 * Makes the writer of an execution: it waits for a store that cannot write, and repeats a write that failed with another
 * error, which may pass, as a lock or a time limit of the database does. An interruption ends the wait: the next start then
 * finds the invocation as it is recorded.
 * @param onWait learns that the record waits for the store
 */
export function patientWriter(
  health: Pick<StorageHealth, "available">,
  id: string,
  { signal }: Pick<Run, "signal">,
  onWait: (reason: DomainError) => void,
): PatientWrite {
  return async (work) => {
    for (let failures = 0;;) {
      try {
        return await work();
      } catch (error) {
        if (signal.reason === "INTERRUPTED") throw error;
        if (error instanceof StorageUnavailable) {
          onWait(storageUnavailable(`Cannot record invocation ${id} yet`, error));
          await Promise.race([health.available(), wasInterrupted(signal)]);
        } else {
          if (++failures === ATTEMPTS_MAX || !mayPass(error)) throw error;
          await pause(backoffMs(BACKOFF, failures), NEVER_ABORTED);
        }
      }
    }
  };
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
