import { getLogger } from "@logtape/logtape";
import type { Engine } from "../../engine/contract.ts";
import type { Store } from "../../store/mod.ts";

const logger = getLogger(["invoked", "domain"]);

/** Keeps the engine's ready sandboxes as the functions' `provisionedConcurrency` says. */
export class Provisioning {
  #last: Promise<void> = Promise.resolve();

  constructor(
    private readonly store: Store,
    private readonly engine: Engine,
  ) {}

  /** Says to the engine what stands in the store now; one after another, so that the newest is said last. */
  refresh(): Promise<void> {
    this.#last = this.#last.then(() => this.#say());
    return this.#last;
  }

  async #say(): Promise<void> {
    try {
      await this.engine.provision(await this.store.read.functions.provisioned());
    } catch (error) {
      // Calls are answered without, only later.
      logger.error("Cannot provision sandboxes", { error });
    }
  }
}
