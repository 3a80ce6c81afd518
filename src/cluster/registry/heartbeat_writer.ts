import { getLogger } from "@logtape/logtape";
import { jetstream, type JetStreamClient } from "@nats-io/jetstream";
import { encode, type Heartbeat } from "../link/messages.ts";
import type { Nats } from "../nats/connection.ts";
import { deniedOperation, permitted } from "../nats/errors.ts";
import { WORKERS_BUCKET } from "../nats/subjects.ts";

const logger = getLogger(["invoked", "cluster"]);

const REFRESH_INTERVAL_MS = 2_000;
/** Changes within this time share one write. */
const CHANGE_DELAY_MS = 50;
const WRITE_TIMEOUT_MS = 2_000;
/** What NATS and its client say of a write to a subject that no bucket has; JetStream was on when they connected. */
const NO_BUCKET = /no stream|no responders|jetstream is not enabled/i;

/** The heartbeat of this worker: written again and again, and at once when it changes. */
export class HeartbeatWriter implements AsyncDisposable {
  readonly #jetstream: JetStreamClient;
  readonly #subject: string;
  readonly #current: () => Heartbeat;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #writing: Promise<boolean> | undefined;
  #isClosed = false;
  #error: string | undefined;
  /** What NATS said last, if it denied the write. */
  #denial: unknown;

  /** @param current the heartbeat at this time */
  constructor(nats: Nats, current: () => Heartbeat) {
    this.#jetstream = jetstream(nats.connection, { timeout: WRITE_TIMEOUT_MS });
    // The worker may write this subject and no other, so it does not open the bucket.
    this.#subject = `$KV.${WORKERS_BUCKET}.${nats.id}`;
    this.#current = current;
  }

  /** Writes the heartbeat for the first time, if the bucket is there already. @throws NatsUnusable without the right */
  async start(): Promise<void> {
    await permitted("worker", async () => {
      await this.#write();
      if (this.#denial !== undefined) throw this.#denial;
    });
  }

  /** The heartbeat is written soon. */
  changed(): void {
    if (this.#writing === undefined) this.#schedule(CHANGE_DELAY_MS);
  }

  /** Writes the heartbeat, for the last time. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#writing;
    await this.#put();
  }

  #schedule(ms: number): void {
    if (this.#isClosed) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#write(), ms);
  }

  #write(): Promise<boolean> {
    this.#writing ??= this.#put().finally(() => {
      this.#writing = undefined;
      this.#schedule(REFRESH_INTERVAL_MS);
    });
    return this.#writing;
  }

  async #put(): Promise<boolean> {
    try {
      await this.#jetstream.publish(this.#subject, encode(this.#current()));
      if (this.#error !== undefined) logger.info("The heartbeat of this worker is written again");
      this.#error = undefined;
      return true;
    } catch (error) {
      this.#denial = deniedOperation(error) === undefined ? undefined : error;
      const message = error instanceof Error ? error.message : String(error);
      const failure = NO_BUCKET.test(message)
        ? "no API node has begun yet (invoked serve --nats), or this user may not write it"
        : message;
      if (this.#error !== failure) {
        logger.warn("Failed to write the heartbeat of this worker: {error}", { error: failure });
      }
      this.#error = failure;
      return false;
    }
  }
}
