import type { Engine } from "../../engine/contract.ts";
import type { InvocationNotifier } from "../../engine/notifier.ts";
import type { Store } from "../../store/mod.ts";
import type { Ownership } from "../ownership/contract.ts";

/** How often the end on another node is looked for without a notification, which may be lost. */
const POLL_INTERVAL_MS = 1_000;

/** Waits for the ends of invocations, here or on other nodes. */
export class InvocationEnds {
  /** Calls whose row others may see, and which the engine does not track yet. */
  readonly #starting = new Map<string, Promise<void>>();

  constructor(
    private readonly parts: {
      readonly store: Store;
      readonly engine: Engine;
      readonly notifier: InvocationNotifier;
      readonly ownership: Ownership;
    },
  ) {}

  /** Marks a row as visible before the engine tracks its run, until disposed. */
  announceStart(id: string): Disposable {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#starting.set(id, promise);
    return {
      [Symbol.dispose]: () => {
        this.#starting.delete(id);
        resolve();
      },
    };
  }

  /** Whether a call is about to begin here: the engine does not track it yet. */
  isStarting(id: string): boolean {
    return this.#starting.has(id);
  }

  /** Resolves once the engine tracks a call that begins here. */
  async begun(id: string): Promise<void> {
    await this.#starting.get(id);
  }

  /**
   * Resolves once the invocation has ended, when the signal aborts, or when nothing runs the invocation and it may not
   * end here or elsewhere.
   */
  async wait(functionId: string, id: string, signal: AbortSignal): Promise<void> {
    const { engine, ownership } = this.parts;
    const aborted = new Promise<void>((resolve) =>
      signal.addEventListener("abort", () => resolve(), { once: true })
    );
    for (;;) {
      await this.begun(id);
      await Promise.race([engine.left(id), aborted]);
      if (signal.aborted) return;
      if (await ownership.mayStillEnd(id)) {
        return await this.#watch(functionId, id, aborted, signal);
      }
      // Its delay may have ended since it was looked for in the engine.
      if (!engine.has(id) && !this.isStarting(id)) return;
    }
  }

  async #watch(
    functionId: string,
    id: string,
    aborted: Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    const { store, notifier } = this.parts;
    using subscription = notifier.subscribe(id);
    while (!signal.aborted) {
      const status = await store.read.invocations.status(functionId, id);
      if (status !== "PENDING" && status !== "RUNNING") return;
      await Promise.race([subscription.next(POLL_INTERVAL_MS), aborted]);
    }
  }
}
