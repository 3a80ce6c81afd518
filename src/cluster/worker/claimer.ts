import { getLogger } from "@logtape/logtape";
import { pause } from "../../shared/pause.ts";
import type { Slots } from "./slots.ts";

const logger = getLogger(["invoked", "cluster"]);

/** How long a freed slot is kept for a synchronous invocation after such an invocation found none. */
const KEEP_MS = 700;
/** Synchronous invocations that may start before a waiting asynchronous one, as in the fair queue of the engine. */
const BEFORE_ASYNC_MAX = 7;

/** What became of a claim. */
export type Claimed =
  /** An invocation runs in the slot; `ended` resolves once its owner has recorded the end. It never rejects. */
  | { readonly kind: "claimed"; readonly ended: Promise<void> }
  /** No invocation waits. */
  | { readonly kind: "gone" }
  /** None may start now, such as at the limit of its function, or no API node answers. */
  | { readonly kind: "later" };

/** Claims an invocation for a slot, which the caller releases unless it was claimed. */
export type TakeSlot = (slot: Disposable) => Promise<Claimed>;

/**
 * Claims asynchronous invocations for free slots of this process: after the offer of an API node, and then one after
 * another as long as claims find invocations. Nobody repeats an offer here: API nodes offer again what waits.
 *
 * Modes of the next claim: `now` as soon as a slot is free; `after a run` once an invocation has ended, which may have
 * kept another one at its limit; `none` before the next offer.
 */
export class Claimer implements AsyncDisposable {
  readonly #stopping = new AbortController();
  readonly #running = new Set<Promise<void>>();
  readonly #following: Promise<void>;
  #next: "now" | "after a run" | "none" = "none";
  #woken = Promise.withResolvers<void>();
  /** Offers so far: a claim may be decided before an offer that comes while its answer is under way. */
  #offers = 0;
  /** Claims without an answer. */
  #claims = 0;
  #keptUntil = 0;
  #beforeAsync = 0;

  /** @param take must not reject */
  constructor(private readonly slots: Slots, private readonly take: TakeSlot) {
    this.#following = this.#follow();
  }

  /** An invocation waits. Returns whether this process claims one now; otherwise it does once a slot is free. */
  offered(): boolean {
    this.#offers++;
    this.#next = "now";
    const claims = this.#claim();
    this.#woken.resolve();
    return claims;
  }

  /** A synchronous invocation found no free slot: the next free slot is kept for it for a moment. */
  wanted(): void {
    this.#keptUntil = performance.now() + KEEP_MS;
  }

  /** A synchronous invocation got a slot. */
  passed(): void {
    this.#beforeAsync++;
  }

  /** Claims nothing more. Resolves once the claimed invocations have ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    this.#woken.resolve();
    await this.#following;
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  /** How long a free slot is still kept for a synchronous invocation, in milliseconds. */
  get #keptMs(): number {
    return this.#beforeAsync < BEFORE_ASYNC_MAX ? this.#keptUntil - performance.now() : 0;
  }

  /** Continues when a slot becomes free; claims that are under way continue by themselves. */
  async #follow(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const { changed } = this.slots;
      this.#woken = Promise.withResolvers();
      if (this.#next === "now" && this.#claims === 0) this.#claim();
      const keptMs = this.#next === "now" ? this.#keptMs : 0;
      await Promise.race([
        changed,
        this.#woken.promise,
        ...keptMs > 0 ? [pause(keptMs, signal)] : [],
      ]);
    }
  }

  /** Begins a claim if a slot is free for it. */
  #claim(): boolean {
    if (this.#stopping.signal.aborted || this.#keptMs > 0) return false;
    const slot = this.slots.freeForAsync === 0 ? undefined : this.slots.takeForAsync();
    if (slot === undefined) return false;
    this.#beforeAsync = 0;
    const running = this.#run(slot).catch((error) => {
      logger.error("Failed to claim an invocation: {error}", { error });
    }).finally(() => this.#running.delete(running));
    this.#running.add(running);
    return true;
  }

  async #run(slot: Disposable): Promise<void> {
    using _ = slot;
    const offers = this.#offers;
    const claimed = await this.#begin(slot);
    if (claimed.kind === "claimed") {
      this.offered();
      await claimed.ended;
      slot[Symbol.dispose]();
      this.#ended();
    } else if (this.#offers === offers) {
      this.#next = claimed.kind === "gone" ? "none" : "after a run";
    }
  }

  /** A limit that another invocation waits for may have become free. */
  #ended(): void {
    if (this.#next !== "none") this.offered();
  }

  async #begin(slot: Disposable): Promise<Claimed> {
    this.#claims++;
    try {
      return await this.take(slot);
    } finally {
      this.#claims--;
    }
  }
}
