import { jetstream, type JetStreamClient } from "@nats-io/jetstream";
import { headers, type NatsConnection } from "@nats-io/transport-node";
import { createHash } from "node:crypto";
import type { ObjectContent } from "../../shared/objects.ts";
import { CHUNK_BYTES, chunksOf, objectKeyId, sealContent } from "./codec.ts";
import { type Layout, newNuid, type ObjectRecord } from "./layout.ts";

/** Chunks of one object that are sent before the first of them is acknowledged. */
const CHUNKS_IN_FLIGHT = 8;

/** Writes records and chunks of a bucket. The client of object stores cannot write a record for a revision of it. */
export class ObjectUploads {
  readonly #client: JetStreamClient;

  constructor(nats: NatsConnection, private readonly layout: Layout) {
    this.#client = jetstream(nats);
  }

  /**
   * Sends the chunks of an object that no record names yet.
   * @returns its record; what a failure leaves is a stray
   */
  async chunks(content: ObjectContent, key: Uint8Array): Promise<ObjectRecord> {
    const nuid = newNuid(content.digest);
    const subject = this.layout.chunkSubject(nuid);
    const hash = createHash("sha256");
    const inFlight: Promise<unknown>[] = [];
    let size = 0;
    try {
      for await (const chunk of sealContent(key, content)) {
        hash.update(chunk);
        size += chunk.length;
        const sent = this.#client.publish(subject, chunk);
        // Awaited below: a failure must not end the process before.
        sent.catch(() => {});
        inFlight.push(sent);
        if (inFlight.length >= CHUNKS_IN_FLIGHT) await inFlight.shift();
      }
    } finally {
      // None may arrive after a failure was reported.
      await Promise.allSettled(inFlight);
    }
    await Promise.all(inFlight);
    return {
      name: content.digest,
      bucket: this.layout.bucket,
      nuid,
      size,
      chunks: chunksOf(content.size),
      digest: `SHA-256=${hash.digest("base64").replaceAll("+", "-").replaceAll("/", "_")}`,
      mtime: new Date().toISOString(),
      description: objectKeyId(key),
      options: { max_chunk_size: CHUNK_BYTES },
    };
  }

  /**
   * Writes a record after a revision of it, or after none.
   * @param replaces whether nothing of the record before may be needed again
   * @returns the new revision
   * @throws an error of {@link isConflict} if the revision is no longer the last
   */
  async record(
    record: ObjectRecord,
    after: number | undefined,
    replaces: boolean,
  ): Promise<number> {
    const subject = this.layout.recordSubject(record.name);
    const rollup = headers();
    rollup.set("Nats-Rollup", "sub");
    const { seq } = await this.#client.publish(subject, JSON.stringify(record), {
      ...replaces ? { headers: rollup } : {},
      expect: { lastSubjectSequence: after ?? 0 },
    });
    return seq;
  }

  /** Sends bytes as chunks that no record will name. */
  async strayChunks(nuid: string, bytes: Uint8Array): Promise<void> {
    const subject = this.layout.chunkSubject(nuid);
    for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
      await this.#client.publish(subject, bytes.subarray(at, at + CHUNK_BYTES));
    }
  }
}
