import { getLogger } from "@logtape/logtape";
import { type Consumer, jetstream, type JsMsg } from "@nats-io/jetstream";
import { pause } from "../../shared/pause.ts";
import type { Nats } from "../nats/connection.ts";
import { isId, RUNS_CONSUMER, RUNS_STREAM } from "../nats/subjects.ts";
import type { Slots } from "./slots.ts";

const logger = getLogger(["invoked", "cluster"]);

/** How long one request for messages waits; a slot that becomes free meanwhile waits for the next request. */
const FETCH_MS = 2_000;
const WORKING_INTERVAL_MS = 10_000;
/** How long an invocation waits that must not start now. */
const AGAIN_AFTER_MS = 1_000;
/** How long a freed slot is kept for a synchronous invocation after such an invocation found none. */
const KEEP_MS = 700;
/** Synchronous invocations that may start before a waiting asynchronous one, as in the fair queue of the engine. */
const BEFORE_ASYNC_MAX = 7;
/** How long the puller waits after an error of NATS. */
const PAUSE_MS = 1_000;

/**
 * Takes charge of an offer, which names one of the waiting invocations, and of the slot for an invocation. Resolves
 * with `settled` once the message is no longer needed, or with `again` if it must be offered again. Must not reject.
 */
export type TakeOffer = (invocationId: string, slot: Disposable) => Promise<"settled" | "again">;

/** Pulls asynchronous invocations for free slots. */
export class Puller {
  readonly #nats: Nats;
  readonly #slots: Slots;
  readonly #take: TakeOffer;
  readonly #mayPull: (signal: AbortSignal) => Promise<void>;
  readonly #stopping = new AbortController();
  readonly #handling = new Set<Promise<void>>();
  #wantedUntil = 0;
  #beforeAsync = 0;
  readonly #pulling: Promise<void>;

  /** @param mayPull resolves once invocations may be pulled, or the signal aborts; must not reject */
  constructor(
    nats: Nats,
    slots: Slots,
    take: TakeOffer,
    mayPull: (signal: AbortSignal) => Promise<void> = () => Promise.resolve(),
  ) {
    this.#nats = nats;
    this.#slots = slots;
    this.#take = take;
    this.#mayPull = mayPull;
    this.#pulling = this.#pull();
  }

  /** A synchronous invocation found no free slot: the next free slot is kept for it for a moment. */
  wanted(): void {
    this.#wantedUntil = performance.now() + KEEP_MS;
  }

  /** A synchronous invocation got a slot. */
  passed(): void {
    this.#beforeAsync++;
  }

  /** Pulls nothing more. Resolves once the pulled invocations are settled. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#pulling;
    await Promise.all(this.#handling);
  }

  async #pull(): Promise<void> {
    const { signal } = this.#stopping;
    let consumer: Consumer | undefined;
    for (;;) {
      await this.#mayPull(signal);
      if (signal.aborted) return;
      try {
        consumer ??= await jetstream(this.#nats.connection)
          .consumers.get(RUNS_STREAM, RUNS_CONSUMER);
        await this.#fetch(consumer);
      } catch (error) {
        // NATS may be away, or no API node has begun yet.
        logger.debug("Failed to pull asynchronous invocations: {error}", { error });
        consumer = undefined;
        await pause(PAUSE_MS, signal);
      }
    }
  }

  async #fetch(consumer: Consumer): Promise<void> {
    const { signal } = this.#stopping;
    const { freeForAsync: free, changed } = this.#slots;
    if (free === 0) return await Promise.race([changed, pause(FETCH_MS, signal)]);
    const keepMs = this.#wantedUntil - performance.now();
    if (keepMs > 0 && this.#beforeAsync < BEFORE_ASYNC_MAX) {
      return await Promise.race([changed, pause(keepMs, signal)]);
    }
    this.#beforeAsync = 0;
    const messages = await consumer.fetch({ max_messages: free, expires: FETCH_MS });
    for await (const message of messages) {
      // A synchronous invocation may have taken the slot meanwhile: another worker receives this asynchronous one.
      const slot = signal.aborted ? undefined : this.#slots.takeForAsync();
      if (slot === undefined) message.nak();
      else this.#begin(message, slot);
    }
  }

  #begin(message: JsMsg, slot: Disposable): void {
    const handled = this.#handle(message, slot).finally(() => this.#handling.delete(handled));
    this.#handling.add(handled);
  }

  async #handle(message: JsMsg, slot: Disposable): Promise<void> {
    const id = message.string();
    if (!isId(id)) {
      slot[Symbol.dispose]();
      return message.term();
    }
    const working = setInterval(() => message.working(), WORKING_INTERVAL_MS);
    const result = await this.#take(id, slot);
    clearInterval(working);
    if (result === "settled") message.ack();
    else message.nak(AGAIN_AFTER_MS);
  }
}
