import { getLogger } from "@logtape/logtape";
import type { Engine } from "../../engine/contract.ts";
import { pause } from "../../shared/pause.ts";
import type { Store } from "../../store/mod.ts";
import type { Node } from "../ownership/contract.ts";
import type { FunctionLimits } from "../limits.ts";
import { evaluationOf } from "./evaluation.ts";

/** Longest wait of a change for its provisioned instances, in milliseconds. */
const PASS_MAX_MS = 2000;

const logger = getLogger(["invoked", "domain"]);

/** Keeps the engine prewarmed as the functions' `provisionedConcurrency` says. */
export class Provisioning {
  #last: Promise<void> = Promise.resolve();
  /** The list that the engine has, as JSON. */
  #passed = "";

  constructor(
    private readonly store: Store,
    private readonly engine: Engine,
    private readonly limits: FunctionLimits,
    node: Node,
  ) {
    // Another node may have changed it.
    node.onHeartbeat(() => void this.refresh());
  }

  /** Passes what the store says to the engine. Calls run one after another, so that the newest state is passed last. */
  refresh(): Promise<void> {
    this.#last = this.#last.then(() => this.#prewarm());
    return this.#last;
  }

  /**
   * Passes what the store says, so that the next invocation finds what is provisioned, or waits for it. Waits for at most
   * {@link PASS_MAX_MS}: a slow store of artifacts must not hold back the answer to a change that is stored.
   */
  async passed(): Promise<void> {
    const waiting = new AbortController();
    await Promise.race([this.refresh(), pause(PASS_MAX_MS, waiting.signal)]);
    waiting.abort();
  }

  async #prewarm(): Promise<void> {
    try {
      const provisioned = await this.store.read.functions.provisioned();
      // Instances that wait with an evaluated script contradict EVALUATION_PER_CALL.
      const kept = provisioned.filter(({ evaluation }) => evaluation !== "EVALUATION_PER_CALL");
      const scripts = kept.map((
        { scriptDigest, sourceMapDigest, count, evaluation, ...wanted },
      ) => ({
        scriptDigest,
        sourceMapDigest,
        count,
        ...evaluationOf({ evaluation }),
        ...this.limits.memoryOf(wanted),
      }));
      const text = JSON.stringify(scripts);
      if (text === this.#passed) return;
      await this.engine.prewarm(scripts);
      this.#passed = text;
    } catch (error) {
      // Invocations still run, but start later.
      logger.error("Failed to prewarm instances", { error });
    }
  }
}
