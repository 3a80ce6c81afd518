import { getLogger } from "@logtape/logtape";
import type { Engine } from "../../engine/contract.ts";
import type { Store } from "../../store/mod.ts";

const logger = getLogger(["invoked", "domain"]);

/** Keeps the engine prewarmed as the functions' `provisionedConcurrency` says. */
export class Provisioning {
  #last: Promise<void> = Promise.resolve();

  constructor(
    private readonly store: Store,
    private readonly engine: Engine,
  ) {}

  /** Passes what the store says to the engine. Calls run one after another, so that the newest state is passed last. */
  refresh(): Promise<void> {
    this.#last = this.#last.then(() => this.#prewarm());
    return this.#last;
  }

  async #prewarm(): Promise<void> {
    try {
      await this.engine.prewarm(await this.store.read.functions.provisioned());
    } catch (error) {
      // Calls still run, only later.
      logger.error("Cannot prewarm instances", { error });
    }
  }
}
