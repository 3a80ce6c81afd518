import { getLogger } from "@logtape/logtape";
import { Sema } from "async-sema";
import { Lifecycle } from "../../shared/lifecycle.ts";
import { pause } from "../../shared/pause.ts";
import type { Store } from "../../store/mod.ts";
import type { EndedInvocations, PurgeRow } from "../../store/purges.ts";
import { StorageUnavailable } from "../../store/storage_health.ts";
import { DomainError } from "../errors.ts";
import { locks } from "../locks.ts";
import type { Node } from "../ownership/contract.ts";

const logger = getLogger(["invoked", "domain"]);

/** Pause after a step, as a multiple of its time and of its wait for the writer: erasure takes a tenth of the writer. */
const PAUSE_FACTOR = 9;
const PAUSE_MAX_MS = 1000;

/** Names the sweep among the work under way. */
const SWEEP = "sweep";

/** How long ended invocations are kept; each is a named setting in `src/config`. */
interface RetentionLimits {
  /** Undefined keeps them for ever. */
  readonly ageMs: number | undefined;
  readonly sweepIntervalMs: number;
}

/**
 * Erases invocations in steps, each a transaction of its own, and blobs of purged files: what purges requested, and
 * at intervals what is older than its retention. A purge that a crash interrupted continues after the next start.
 *
 * Modes: `open`; `stopped`. Transition: open → stopped.
 */
export class Eraser implements AsyncDisposable {
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #lifecycle = new Lifecycle("eraser", "open", { open: ["stopped"], stopped: [] });
  readonly #stopping = new AbortController();
  /** Purges and sweeps take turns, step by step, so that a short one does not wait for a long one. */
  readonly #turn = new Sema(1);
  /** Purges under way by id, and the sweep. */
  readonly #underway = new Map<string, Promise<void>>();

  constructor(
    private readonly store: Store,
    private readonly retention: RetentionLimits,
    node: Node,
  ) {
    this.#timer = setInterval(() => {
      if (node.holds("housekeeping")) this.#sweepSoon();
    }, retention.sweepIntervalMs);
  }

  /** Carries out a recorded purge. @throws SERVER_STOPPING, StorageUnavailable; a later sweep then carries it out */
  run(purge: PurgeRow): Promise<void> {
    return this.#track(purge.id, () => this.#run(purge));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    this.#lifecycle.set("stopped");
    this.#stopping.abort();
    await Promise.allSettled(this.#underway.values());
  }

  /** Begins work, unless the same is under way. */
  #track(id: string, work: () => Promise<void>): Promise<void> {
    const underway = this.#underway.get(id);
    if (underway !== undefined) return underway;
    const working = work().finally(() => this.#underway.delete(id));
    this.#underway.set(id, working);
    return working;
  }

  #sweepSoon(): void {
    this.#track(SWEEP, () => this.#sweep()).catch((error) => {
      if (!this.#lifecycle.is("open")) return;
      logger.error("Failed to erase purged or expired data: {error}", {
        error,
      });
    });
  }

  async #sweep(): Promise<void> {
    for (const purge of await this.store.read.purges.unfinished()) await this.run(purge);
    await this.#eraseBlobs();
    const { ageMs = Infinity } = this.retention;
    if (ageMs < Infinity) await this.#erase({ functionId: undefined, before: ago(ageMs) });
    for (const { id, retentionMs } of await this.store.read.functions.withRetention()) {
      if (retentionMs < ageMs) await this.#erase({ functionId: id, before: ago(retentionMs) });
    }
  }

  async #run({ id, functionId, before }: PurgeRow): Promise<void> {
    if (before === null) await this.#eraseBlobs();
    else await this.#erase({ functionId: functionId ?? undefined, before }, id);
    await this.store.write((tx) => tx.purges.finish(id, new Date().toISOString()));
  }

  /** @param purgeId counts what was erased */
  async #erase(ended: EndedInvocations, purgeId?: string): Promise<void> {
    for (let after: string | undefined = ""; after !== undefined;) {
      await this.#turn.acquire();
      try {
        after = await this.#step(ended, after, purgeId);
      } finally {
        this.#turn.release();
      }
    }
  }

  /** Erases some invocations, and pauses unless they were the last. */
  async #step(
    ended: EndedInvocations,
    after: string,
    purgeId: string | undefined,
  ): Promise<string | undefined> {
    this.#assertOpen();
    const start = performance.now();
    const { next } = await this.store.write(
      (tx) => tx.purges.eraseInvocations(ended, after, purgeId),
      "committed",
      // So none counts what another one erases.
      [locks.erasure],
    );
    if (next !== undefined) await this.#pause(performance.now() - start);
    return next;
  }

  /**
   * Erases the blobs that purges have left, but for those that a commit still references.
   * @throws StorageUnavailable if another node just stores one of them, or while a backup reads; a later sweep erases them
   */
  async #eraseBlobs(): Promise<void> {
    const { read, commitBlobs } = this.store;
    const digests = await read.purges.blobs();
    if (digests.length === 0) return;
    this.#assertOpen();
    const kept = await commitBlobs.collect(digests, (all) => read.commits.referencedBlobs(all));
    const erased = digests.filter((digest) => !kept.includes(digest));
    if (erased.length > 0) await this.store.write((tx) => tx.purges.deleteBlobs(erased));
    if (kept.length === 0) return;
    throw new StorageUnavailable(
      "a backup or verification reads all contents now, or another node stores a file of the same " +
        "content; the purge continues by itself",
    );
  }

  #assertOpen(): void {
    if (this.#lifecycle.is("open")) return;
    throw new DomainError(
      "SERVER_STOPPING",
      "Purge not completed: the server is stopping; the purge continues after the next start",
    );
  }

  /** Pauses after a step of a duration; a stop ends the pause. */
  async #pause(stepMs: number): Promise<void> {
    const ms = Math.min(stepMs * PAUSE_FACTOR, PAUSE_MAX_MS);
    await pause(ms, this.#stopping.signal);
  }
}

function ago(ms: number): string {
  return new Date(Date.now() - ms).toISOString();
}
