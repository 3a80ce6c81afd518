import { getLogger } from "@logtape/logtape";
import { BLOB_SHARDS } from "../store/blobs/commit_blobs.ts";
import type { Store } from "../store/mod.ts";
import type { Audit } from "./audit/audit.ts";
import { deleteEndedKeys, DEVICE_CODE_GRACE_MS } from "./identity/mod.ts";
import { eraseEndedCredentials } from "./identity/ended_credentials.ts";
import type { Node } from "./ownership/contract.ts";
import { DELIVERY_KEPT_MS } from "./triggers/settings.ts";
import { oldest } from "./invocations/invoke.ts";

const logger = getLogger(["invoked", "domain"]);

const HOUSEKEEPING_INTERVAL_MS = 10 * 60 * 1000;
/** Time from the expiry of a commit to its deletion: a finalization that began in time may still build it. */
const EXPIRED_COMMIT_GRACE_MS = 60 * 60 * 1000;
/** Time that an unreferenced blob is kept: much longer than from storing a blob to the row that references it. */
const UNREFERENCED_BLOB_GRACE_MS = 24 * 60 * 60 * 1000;

/** Deletes expired rows and unreferenced blobs of commits at intervals. Disposing it stops it. */
export class Housekeeping implements Disposable {
  readonly #timer: ReturnType<typeof setInterval>;
  /** The next shard of blobs to sweep. The random start reaches all shards even if the server restarts often. */
  #shard = Math.floor(Math.random() * BLOB_SHARDS);

  constructor(
    private readonly store: Store,
    node: Pick<Node, "holds">,
    private readonly audit: Pick<Audit, "entry">,
  ) {
    this.#timer = setInterval(() => {
      if (node.holds("housekeeping")) this.sweep();
    }, HOUSEKEEPING_INTERVAL_MS);
  }

  async sweep(): Promise<void> {
    const now = Date.now();
    try {
      await this.store.write(async (tx) => {
        await deleteEndedKeys(tx);
        await tx.assertions.deleteBefore(new Date(now).toISOString());
        await tx.consoleSessions.deleteBefore(new Date(now).toISOString());
        await tx.deviceCodes.deleteBefore(new Date(now - DEVICE_CODE_GRACE_MS).toISOString());
        await tx.invocations.deleteIdempotencyKeysBefore(oldest());
        await tx.deliveries.deleteBefore(new Date(now - DELIVERY_KEPT_MS).toISOString());
        await tx.commits.deleteExpired(new Date(now - EXPIRED_COMMIT_GRACE_MS).toISOString());
      });
      await eraseEndedCredentials(this.store, this.audit, now);
      await this.#sweepBlobs(new Date(now - UNREFERENCED_BLOB_GRACE_MS));
    } catch (error) {
      logger.error("Failed to delete expired rows and blobs: {error}", { error });
    }
  }

  /**
   * Deletes the unreferenced blobs of one shard. A blob that is stored again between the query and the deletion, for
   * a row to come, has become young and is kept.
   */
  async #sweepBlobs(before: Date): Promise<void> {
    const { commitBlobs: blobs, read } = this.store;
    const old = await blobs.storedBefore(this.#shard, before);
    this.#shard = (this.#shard + 1) % BLOB_SHARDS;
    const referenced = await read.commits.referencedBlobs(old);
    for (const digest of old) {
      if (!referenced.has(digest)) await blobs.deleteStoredBefore(digest, before);
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
