/** A start on a full disk. */
import { getLogger } from "@logtape/logtape";
import { setTimeout as delay } from "node:timers/promises";
import { isFullDisk, StorageUnavailable, unavailabilityOf } from "../store/storage_health.ts";
import { probeDirectory } from "../store/probe.ts";

const logger = getLogger(["invoked", "server"]);

/** How often a full disk is tried again. */
const RETRY_INTERVAL_MS = 1_000;
/** What programs and libraries print that a disk or a quota has no space for. */
const FULL_MESSAGE = /\(os error (?:28|122)\)|no space left on device|disk quota exceeded/i;

/** What a start needs of the disk. */
interface DiskWait {
  readonly dataDir: string;
  /** Ends the wait. */
  readonly stopping: AbortSignal;
  /** Called once the start waits. */
  readonly onWait?: (full: StorageUnavailable) => void;
}

/**
 * Opens the writers of the data directory. While the disk is full, the attempt is repeated, as a running server waits
 * for space. A failed attempt must have closed everything that it opened.
 * @throws the error of the attempt if it has another reason, or once the wait is ended
 */
export async function onceDiskHasSpace<T>(
  { dataDir, stopping, onWait }: DiskWait,
  open: () => Promise<T>,
): Promise<T> {
  let hasWaited = false;
  for (let wasFull = false;;) {
    try {
      return await open();
    } catch (error) {
      const full = await fullDiskOf(dataDir, error);
      // Space that was freed after the failure hides its reason: one more attempt succeeds, or shows another reason.
      if (stopping.aborted || (full === undefined && !wasFull)) throw error;
      if (full !== undefined && !hasWaited) {
        logger.error("The start waits for space: {reason}", { reason: full.message, error });
        onWait?.(full);
        hasWaited = true;
      }
      wasFull = full !== undefined;
      try {
        await delay(RETRY_INTERVAL_MS, undefined, { signal: stopping });
      } catch {
        throw error;
      }
    }
  }
}

/** The error of a disk without space, found by its error or by a write that shows why another operation failed. */
async function fullDiskOf(
  dataDir: string,
  error: unknown,
): Promise<StorageUnavailable | undefined> {
  for (let at = error; at instanceof Error;) {
    const full = unavailabilityOf(at);
    if (full !== undefined && isFullDisk(full)) return full;
    if (FULL_MESSAGE.test(at.message)) {
      return unavailabilityOf(Object.assign(at, { code: "ENOSPC" }));
    }
    at = at instanceof SuppressedError ? at.suppressed : at.cause;
  }
  try {
    await probeDirectory(dataDir);
  } catch (failure) {
    const full = unavailabilityOf(failure);
    if (full !== undefined && isFullDisk(full)) return full;
  }
  return undefined;
}
