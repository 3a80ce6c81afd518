import { getLogger } from "@logtape/logtape";
import { Sema } from "async-sema";
import { Lifecycle } from "../../shared/lifecycle.ts";
import type { Store } from "../../store/mod.ts";
import type { Expired } from "../../store/expired.ts";
import type { EndedInvocations, ErasedStep, PurgeRow } from "../../store/purges.ts";
import { StorageUnavailable } from "../../store/storage_health.ts";
import type { Telemetry } from "../../telemetry/contract.ts";
import { DomainError } from "../errors.ts";
import { locks } from "../locks.ts";
import type { Node } from "../ownership/contract.ts";
import {
  before,
  type Erased,
  type ExpiredOfKind,
  inSteps,
  pauseAfter,
  reportErased,
  sumOf,
  type Sweeper,
} from "../retention/erasure.ts";

const logger = getLogger(["invoked", "domain"]);

/** Name the sweep, and its last part, among the work under way. */
const SWEEP = "sweep";
const RECLAIM = "reclaim";

/** How long ended invocations are kept; each is a named setting in `src/config`. */
interface RetentionLimits {
  /** Undefined keeps them for ever. */
  readonly ageMs: number | undefined;
  readonly sweepIntervalMs: number;
}

/**
 * Erases invocations in steps, each a transaction of its own, and blobs of purged files: what purges requested, and
 * at intervals what is older than its retention. A purge that a crash interrupted continues after the next start. Then
 * it gives the space that this and other deletions have freed back to the file system.
 *
 * Modes: `open`; `stopped`. Transition: open → stopped.
 */
export class Eraser implements Sweeper, AsyncDisposable {
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
    private readonly telemetry: Pick<Telemetry, "retentionErased">,
  ) {
    this.#timer = setInterval(() => {
      if (node.holds("housekeeping")) this.#begin(SWEEP, () => this.#sweep());
    }, retention.sweepIntervalMs);
  }

  /** Carries out a recorded purge. @throws SERVER_STOPPING, StorageUnavailable; a later sweep then carries it out */
  run(purge: PurgeRow): Promise<void> {
    return this.#track(purge.id, () => this.#run(purge));
  }

  async expired(nowMs: number): Promise<readonly ExpiredOfKind[]> {
    const ofServer: Expired[] = [];
    const ofFunctions: Expired[] = [];
    for (const { ended, since } of await this.#selections(nowMs)) {
      const found = ended.functionId === undefined ? ofServer : ofFunctions;
      found.push(await this.store.read.purges.expired(ended, since));
    }
    return [
      { kind: "invocations", setting: "--retention", ...sumOf(ofServer) },
      { kind: "invocations", setting: "retention of functions", ...sumOf(ofFunctions) },
    ];
  }

  async erase(nowMs: number): Promise<Erased> {
    let count = 0;
    for (const { ended } of await this.#selections(nowMs)) count += await this.#erase(ended);
    return new Map([["invocations", count]]);
  }

  /** Begins to give space that deletions have freed back to the file system, in steps. */
  reclaimSoon(): void {
    this.#begin(RECLAIM, () => inSteps(() => this.store.reclaim(), this.#stopping.signal));
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

  #begin(id: string, work: () => Promise<void>): void {
    this.#track(id, work).catch((error) => {
      if (!this.#lifecycle.is("open")) return;
      logger.error("Failed to erase purged or expired data: {error}", {
        error,
      });
    });
  }

  async #sweep(): Promise<void> {
    const postponed: StorageUnavailable[] = [];
    // A backup that reads for hours keeps files, and must not keep what comes after them.
    const orLater = (work: Promise<void>) =>
      work.catch((error) => {
        if (!(error instanceof StorageUnavailable)) throw error;
        postponed.push(error);
      });
    for (const purge of await this.store.read.purges.unfinished()) await orLater(this.run(purge));
    await orLater(this.#eraseBlobs());
    reportErased(await this.erase(Date.now()), this.telemetry);
    this.reclaimSoon();
    if (postponed[0] !== undefined) throw postponed[0];
  }

  /**
   * What has expired: first of all functions, if the server has a retention, then of each function with a shorter one.
   * `since` leaves out what an earlier selection includes.
   */
  async #selections(
    nowMs: number,
  ): Promise<readonly { readonly ended: EndedInvocations; readonly since: string }[]> {
    const { ageMs = Infinity } = this.retention;
    const bound = ageMs === Infinity ? "" : before(nowMs, ageMs);
    const ofServer = { ended: { functionId: undefined, before: bound }, since: "" };
    const functions = await this.store.read.functions.withRetention();
    const ofFunctions = functions.filter(({ retentionMs }) => retentionMs < ageMs)
      .map(({ id, retentionMs }) => {
        return { ended: { functionId: id, before: before(nowMs, retentionMs) }, since: bound };
      });
    return ageMs === Infinity ? ofFunctions : [ofServer, ...ofFunctions];
  }

  async #run({ id, functionId, before }: PurgeRow): Promise<void> {
    if (before === null) await this.#eraseBlobs();
    else await this.#erase({ functionId: functionId ?? undefined, before }, id);
    await this.store.write((tx) => tx.purges.finish(id, new Date().toISOString()));
  }

  /** @param purgeId counts what was erased @returns how many invocations were erased */
  async #erase(ended: EndedInvocations, purgeId?: string): Promise<number> {
    let count = 0;
    for (let after: string | undefined = ""; after !== undefined;) {
      await this.#turn.acquire();
      try {
        const step = await this.#step(ended, after, purgeId);
        count += step.invocations;
        after = step.next;
      } finally {
        this.#turn.release();
      }
    }
    return count;
  }

  /** Erases some invocations, and pauses unless they were the last. */
  async #step(
    ended: EndedInvocations,
    after: string,
    purgeId: string | undefined,
  ): Promise<ErasedStep> {
    this.#assertOpen();
    const start = performance.now();
    const step = await this.store.writeLocked(
      // So none counts what another one erases.
      [locks.erasure],
      (tx) => tx.purges.eraseInvocations(ended, after, purgeId),
      "committed",
    );
    if (step.next !== undefined) {
      await pauseAfter(performance.now() - start, this.#stopping.signal);
    }
    return step;
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
}
