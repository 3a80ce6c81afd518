import { getLogger } from "@logtape/logtape";
import { BLOB_SHARDS } from "../store/blobs/commit_blobs.ts";
import type { Store } from "../store/mod.ts";
import { oldest } from "./invocations/idempotency.ts";

const logger = getLogger(["invoked", "domain"]);

const HOUSEKEEPING_INTERVAL_MS = 10 * 60 * 1000;
/** How long an expired commit stays: a finalization that began in time may still be building it. */
const EXPIRED_COMMIT_GRACE_MS = 60 * 60 * 1000;
/** How long a blob stays that no row names: much longer than from storing one to the row that names it. */
const UNNAMED_BLOB_GRACE_MS = 24 * 60 * 60 * 1000;

/** Forgets, now and then, what has no use any more. Disposing it stops it. */
export class Housekeeping implements Disposable {
  readonly #timer: ReturnType<typeof setInterval>;
  /** The next shelf of blobs to sweep. A server that is often restarted comes to all of them as well. */
  #shelf = Math.floor(Math.random() * BLOB_SHARDS);

  constructor(private readonly store: Store) {
    this.#timer = setInterval(() => this.sweep(), HOUSEKEEPING_INTERVAL_MS);
  }

  async sweep(): Promise<void> {
    const now = Date.now();
    try {
      await this.store.write(async (tx) => {
        await tx.identity.deleteAssertionsBefore(new Date(now).toISOString());
        await tx.invocations.deleteIdempotencyKeysBefore(oldest());
        await tx.commits.deleteExpired(new Date(now - EXPIRED_COMMIT_GRACE_MS).toISOString());
      });
      await this.#sweepBlobs(new Date(now - UNNAMED_BLOB_GRACE_MS));
    } catch (error) {
      logger.error("Cannot sweep what has expired", { error });
    }
  }

  /**
   * Removes the blobs of one shelf that no row names. One that is stored again between the question and the removal,
   * for a row to come, is young again and stays.
   */
  async #sweepBlobs(before: Date): Promise<void> {
    const { commitBlobs: blobs, read } = this.store;
    const old = await blobs.storedBefore(this.#shelf, before);
    this.#shelf = (this.#shelf + 1) % BLOB_SHARDS;
    const named = await read.commits.referencedBlobs(old);
    for (const digest of old) {
      if (!named.has(digest)) await blobs.removeStoredBefore(digest, before);
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
