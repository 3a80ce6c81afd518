import { getLogger } from "@logtape/logtape";
import { BlobError } from "../store/blobs/blob_error.ts";
import { SMALL_BLOB_BYTES_MAX } from "../store/blobs/staged_blob.ts";
import type { Store } from "../store/mod.ts";

const logger = getLogger(["invoked", "domain"]);

/** Missing blobs with a line each in the log. */
const LOGGED_MAX = 20;

/**
 * Looks, once after the start, for the file of every blob that a row references, and logs what is missing. Disposing
 * it ends the search.
 */
export class BlobCheck implements AsyncDisposable {
  readonly #stopping = new AbortController();
  readonly #checking: Promise<void>;
  #missing = 0;

  constructor(private readonly store: Store) {
    this.#checking = this.#check();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await this.#checking;
  }

  async #check(): Promise<void> {
    try {
      await this.#checkCommits();
      await this.#checkVolumes();
      if (this.#missing > LOGGED_MAX) {
        logger.error("{missing} blobs in total are missing or damaged", { missing: this.#missing });
      }
    } catch (error) {
      logger.error("Failed to look for missing blobs", { error });
    }
  }

  async #checkCommits(): Promise<void> {
    const { read, commitBlobs } = this.store;
    for (let after = "";;) {
      const commits = await read.commits.blobs(after);
      for (const { id, digests } of commits) {
        for (const digest of digests) {
          if (this.#stopping.signal.aborted) return;
          // Housekeeping may have deleted the commit since the query.
          const isUsed = async () => (await read.commits.referencedBlobs([digest])).has(digest);
          await this.#report(`commit ${id}`, isUsed, () => commitBlobs.check(digest));
        }
      }
      const last = commits.at(-1);
      if (last === undefined) return;
      after = last.id;
    }
  }

  async #checkVolumes(): Promise<void> {
    const { read, volumeBlobs } = this.store;
    for (let after = "";;) {
      const uses = await read.volumes.blobs(after, SMALL_BLOB_BYTES_MAX);
      for (const { digest, size, volumeId, path } of uses) {
        if (this.#stopping.signal.aborted) return;
        // The sweep may have deleted the blob since the query.
        const isUsed = async () => (await read.volumes.referencedBlobs([digest])).has(digest);
        await this.#report(
          `${JSON.stringify(path)} of volume ${volumeId}`,
          isUsed,
          () => volumeBlobs.check(digest, size),
        );
      }
      const last = uses.at(-1);
      if (last === undefined) return;
      after = last.digest;
    }
  }

  /** Logs the error that a check throws. @param what has the blob */
  async #report(
    what: string,
    isUsed: () => Promise<boolean>,
    check: () => Promise<void>,
  ): Promise<void> {
    try {
      await check();
    } catch (error) {
      if (!(error instanceof BlobError)) throw error;
      if (!await isUsed() || ++this.#missing > LOGGED_MAX) return;
      const { message: failure } = error;
      logger.error("Failed to read {what}: {error}; restore it from a backup", {
        what,
        error: failure,
      });
    }
  }
}
