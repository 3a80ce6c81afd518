import { getLogger } from "@logtape/logtape";
import type { Prewarmed } from "../../engine/contract.ts";
import { pause } from "../../shared/pause.ts";
import { encode, hasMemory, listName, SCRIPTS_MAX } from "../link/messages.ts";
import type { Seals } from "../link/sealing.ts";
import { subjects } from "../nats/subjects.ts";
import type { Nats } from "../nats/connection.ts";
import type { Grant } from "../objects/grants.ts";
import type { KnownWorker, Registry } from "../registry/registry.ts";

const logger = getLogger(["invoked", "cluster"]);

/** Changes of the workers within this time share one distribution. */
const SETTLE_MS = 500;
/** How long a worker may take to report a list that it was sent; then it is sent again. */
const REPEAT_AFTER_MS = 5_000;

interface PrewarmingParts {
  readonly nats: Nats;
  /** What a worker needs to read an artifact, by its digest. */
  readonly grantOf: (digest: string) => Promise<Grant>;
  readonly seals: Seals;
  readonly registry: Registry;
}

/**
 * Shares the instances that wait with a script among the workers, and again when workers come or go. A heartbeat names the
 * list that its worker has, so whatever was lost is sent again. All nodes that read the same list send the same shares.
 */
export class Prewarming implements Disposable {
  readonly #closing = new AbortController();
  /** What each worker was sent last. */
  readonly #sent = new Map<string, { readonly name: string; readonly at: number }>();
  /** Undefined before the first list. */
  #scripts: readonly Prewarmed[] | undefined;

  constructor(private readonly parts: PrewarmingParts) {
    this.#follow();
  }

  /** Replaces the list. */
  set(scripts: readonly Prewarmed[]): void {
    if (scripts.length > SCRIPTS_MAX) {
      logger.warn("Only the first {max} of {count} scripts are kept ready on workers", {
        max: SCRIPTS_MAX,
        count: scripts.length,
      });
    }
    this.#scripts = scripts.slice(0, SCRIPTS_MAX);
    this.#distribute(this.#scripts);
  }

  [Symbol.dispose](): void {
    this.#closing.abort();
  }

  async #follow(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      await this.parts.registry.changed;
      await pause(SETTLE_MS, signal);
      if (!signal.aborted && this.#scripts !== undefined) this.#distribute(this.#scripts);
    }
  }

  #distribute(scripts: readonly Prewarmed[]): void {
    const workers = this.parts.registry.workers.toSorted((a, b) => a.id < b.id ? -1 : 1);
    for (const id of this.#sent.keys()) {
      if (!workers.some((worker) => worker.id === id)) this.#sent.delete(id);
    }
    for (const worker of workers) {
      const share = shareOf(scripts, worker, workers);
      const name = listName(share);
      const sent = this.#sent.get(worker.id);
      const isUnderWay = sent?.name === name && performance.now() - sent.at < REPEAT_AFTER_MS;
      if (worker.heartbeat.scriptList === name || isUnderWay) continue;
      this.#sent.set(worker.id, { name, at: performance.now() });
      this.#send(worker, name, share).catch((error) =>
        logger.warn("Failed to send worker {id} its scripts: {error}", { id: worker.id, error })
      );
    }
  }

  async #send(
    { id, heartbeat: { publicKey } }: KnownWorker,
    name: string,
    share: readonly Prewarmed[],
  ): Promise<void> {
    const { nats, seals, grantOf } = this.parts;
    const scripts = await Promise.all(share.map(async (script) => ({
      ...script,
      key: await grantOf(script.scriptDigest),
      ...script.sourceMapDigest === undefined
        ? {}
        : { sourceMapKey: await grantOf(script.sourceMapDigest) },
    })));
    const sealed = await seals.seal(
      publicKey,
      { kind: "scripts", worker: id },
      encode({ name, scripts }),
    );
    nats.publish(subjects.prewarm(id), sealed);
  }
}

/**
 * The share of one worker: each worker with the memory gets the same share, and the first workers get the remainder.
 */
function shareOf(
  scripts: readonly Prewarmed[],
  worker: KnownWorker,
  workers: readonly KnownWorker[],
): Prewarmed[] {
  return scripts.flatMap(({ count, ...script }) => {
    const able = workers.filter(({ heartbeat }) => hasMemory(heartbeat, script));
    const at = able.indexOf(worker);
    if (at < 0) return [];
    const own = Math.floor(count / able.length) + (at < count % able.length ? 1 : 0);
    return own === 0 ? [] : [{ ...script, count: own }];
  });
}
