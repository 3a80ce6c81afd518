import { getLogger } from "@logtape/logtape";
import { encode, type Heartbeat } from "../link/messages.ts";
import type { Nats } from "../nats/connection.ts";
import { permitted } from "../nats/errors.ts";
import { inboxOf, subjects } from "../nats/subjects.ts";

const logger = getLogger(["invoked", "cluster"]);

const REFRESH_INTERVAL_MS = 2_000;
/** Changes within this time share one heartbeat. */
const CHANGE_DELAY_MS = 50;

/**
 * The heartbeats of this worker: sent again and again, after a change, and when an API node asks for them. A heartbeat
 * may be lost; the next one has everything.
 */
export class Heartbeats implements Disposable {
  /** Where NATS reports that no API node listens. */
  readonly #unheard: string;
  readonly #subscriptions: readonly Disposable[];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;
  /** Whether the next heartbeat is that of a change. */
  #isSoon = false;
  #isUnheard = false;

  /** @param current the heartbeat at this time */
  constructor(private readonly nats: Nats, private readonly current: () => Heartbeat) {
    this.#unheard = `${inboxOf(nats.id)}.heartbeat`;
    this.#subscriptions = [
      nats.subscribe(subjects.rollCall(), () => this.#hear()),
      nats.subscribe(this.#unheard, ({ isUnheard }) => isUnheard && this.#report()),
    ];
    nats.onReconnected(() => Promise.resolve(this.changed()));
  }

  /** Sends the first heartbeat. @throws NatsUnusable without the permissions of a worker */
  async start(): Promise<void> {
    this.#send();
    await permitted("worker", () => this.nats.flushed());
  }

  /** A heartbeat is sent soon. */
  changed(): void {
    this.#schedule(CHANGE_DELAY_MS);
  }

  /** Sends the last heartbeat. */
  [Symbol.dispose](): void {
    this.#send();
    this.#isClosed = true;
    clearTimeout(this.#timer);
    for (const subscription of this.#subscriptions) subscription[Symbol.dispose]();
  }

  /** Changes in quick succession do not delay the heartbeat. */
  #schedule(ms: number): void {
    if (this.#isClosed || ms === CHANGE_DELAY_MS && this.#isSoon) return;
    this.#isSoon = ms === CHANGE_DELAY_MS;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#send(), ms);
  }

  #send(): void {
    this.#isSoon = false;
    const { id } = this.nats;
    this.nats.publish(subjects.heartbeat(id), encode(this.current()), this.#unheard);
    this.#schedule(REFRESH_INTERVAL_MS);
  }

  /** An API node asks for a heartbeat. */
  #hear(): void {
    if (this.#isUnheard) logger.info("An API node receives the heartbeats of this worker");
    this.#isUnheard = false;
    this.changed();
  }

  #report(): void {
    if (!this.#isUnheard) {
      logger.warn("No API node receives the heartbeats of this worker: start invoked serve --nats");
    }
    this.#isUnheard = true;
  }
}
