import { getLogger } from "@logtape/logtape";
import { Lifecycle } from "../../shared/lifecycle.ts";
import type { Expired } from "../../store/expired.ts";
import type { Store } from "../../store/mod.ts";
import type { VolumeRow } from "../../store/volumes.ts";
import type { Telemetry } from "../../telemetry/contract.ts";
import { locks } from "../locks.ts";
import type { OldestKept, Ownership } from "../ownership/contract.ts";
import {
  before,
  type Erased,
  type ExpiredOfKind,
  inSteps,
  reportErased,
  sumOf,
  type Sweeper,
} from "../retention/erasure.ts";
import type { Snapshots } from "./snapshots.ts";

const logger = getLogger(["invoked", "volumes"]);

/** How long earlier versions are kept; each is a named setting in `src/config`. */
interface SweepLimits {
  readonly historyMs: number;
  readonly graceMs: number;
  readonly sweepIntervalMs: number;
}

/** Entries and versions, or small blobs, that one transaction deletes or looks at. */
const BATCH = 500;

/**
 * Deletes, at intervals and on request, versions that are too old, deleted volumes, and unreferenced blobs. Disposing it
 * waits for the sweep under way.
 *
 * Modes: `open`; `stopped`. Transition: open → stopped.
 */
export class VolumeSweep implements Sweeper, AsyncDisposable {
  /** When each unreferenced blob was first found to be so, in milliseconds since 1970. */
  readonly #unreferencedSince = new Map<string, number>();
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #lifecycle = new Lifecycle("volume sweep", "open", { open: ["stopped"], stopped: [] });
  readonly #stopping = new AbortController();
  /** The last sweep: one begins after the other. */
  #sweeping: Promise<unknown> = Promise.resolve();
  #isSweeping = false;

  constructor(
    private readonly store: Store,
    private readonly snapshots: Snapshots,
    private readonly ownership: Ownership,
    private readonly limits: SweepLimits,
    private readonly telemetry: Pick<Telemetry, "retentionErased">,
  ) {
    this.#timer = setInterval(() => {
      if (ownership.node.holds("housekeeping") && !this.#isSweeping) this.#sweep();
    }, limits.sweepIntervalMs);
  }

  /** Versions that other nodes hold are among them: only the erasure asks these nodes. */
  async expired(nowMs: number): Promise<readonly ExpiredOfKind[]> {
    const { volumes } = this.store.read;
    const held = new Map(this.snapshots.oldestHeld.map((each) => [each.volumeId, each.version]));
    const versions: Expired[] = [];
    const deleted: Expired[] = [];
    for (const volume of await volumes.sweepable()) {
      const oldest = await this.#oldestToKeep(volume, held.get(volume.id), nowMs);
      if (oldest === undefined) continue;
      versions.push(await volumes.versionsBefore(volume.id, oldest === "none" ? Infinity : oldest));
      const at = volume.deletedAt ?? undefined;
      if (oldest === "none") deleted.push({ count: 1, oldest: at, newest: at });
    }
    const unreferenced = this.#unreferencedBefore(nowMs - this.limits.graceMs);
    return [
      { kind: "volume_versions", setting: "--volume-history", ...sumOf(versions) },
      { kind: "volumes", setting: "their deletion", ...sumOf(deleted) },
      { kind: "volume_files", setting: "--volume-grace", ...unreferenced },
    ];
  }

  /** Erases blobs before versions: a later sweep erases the blobs that only the versions of this sweep reference. */
  erase(nowMs: number): Promise<Erased> {
    return this.#inTurn(async () => {
      const files = await this.#collect(nowMs);
      return new Map([...await this.#prune(nowMs), ["volume_files", files] as const]);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    this.#lifecycle.set("stopped");
    this.#stopping.abort();
    await this.#sweeping;
  }

  /** Never rejects. */
  #sweep(): void {
    this.#isSweeping = true;
    this.#inTurn(async () => {
      const erased = await this.#prune(Date.now());
      const files = await this.#collect(Date.now());
      reportErased(new Map([...erased, ["volume_files", files] as const]), this.telemetry);
    }).catch((error) => {
      logger.error("Failed to sweep the volumes: {error}", { error });
    }).finally(() => this.#isSweeping = false);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#sweeping.then(work);
    this.#sweeping = done.catch(() => {});
    return done;
  }

  async #prune(nowMs: number): Promise<Erased> {
    let [versions, volumes] = [0, 0];
    for (const volume of await this.store.read.volumes.sweepable()) {
      if (this.#lifecycle.is("stopped")) break;
      const pruned = await this.#pruneVolume(volume, nowMs);
      versions += pruned.versions;
      if (pruned.isGone) volumes++;
    }
    if (versions + volumes > 0) await this.#deleteSmallBlobs();
    return new Map([["volume_versions", versions], ["volumes", volumes]]);
  }

  async #pruneVolume(volume: VolumeRow, nowMs: number) {
    let versions = 0;
    let isLast = false;
    const step = async (oldest: number | "none") => {
      const done = await this.#pruneSome(volume.id, oldest);
      versions += done.versions;
      ({ isLast } = done);
      return !isLast;
    };
    // Once the first step is committed, nobody can open what the others delete: snapshots wait for this step alone.
    const oldest = await this.snapshots.prune(volume.id, async (oldestHeld) => {
      const wanted = await this.#oldestToKeep(volume, oldestHeld, nowMs);
      const agreed = await this.ownership.agreeOn(volume.id, wanted);
      if (agreed !== undefined) await step(agreed);
      return agreed;
    });
    if (oldest === undefined) return { versions, isGone: false };
    if (!isLast) await inSteps(() => step(oldest), this.#stopping.signal);
    return { versions, isGone: isLast && oldest === "none" };
  }

  #pruneSome(id: string, oldest: number | "none") {
    return this.store.writeLocked(
      [locks.ofVolume(id)],
      (tx) =>
        oldest === "none" ? tx.volumes.delete(id, BATCH) : tx.volumes.prune(id, oldest, BATCH),
    );
  }

  async #deleteSmallBlobs(): Promise<void> {
    let after: string | undefined = "";
    await inSteps(async () => {
      const from = after ?? "";
      after = await this.store.writeLocked(
        [locks.smallBlobCollection],
        (tx) => tx.volumes.deleteUnreferencedSmallBlobs(from, BATCH),
      );
      return after !== undefined;
    }, this.#stopping.signal);
  }

  /** The first of the versions to keep, or `none` for a deleted volume; undefined if nothing is to be pruned. */
  async #oldestToKeep(
    volume: VolumeRow,
    oldestHeld: number | undefined,
    nowMs: number,
  ): Promise<OldestKept> {
    if (volume.deletedAt !== null) return oldestHeld === undefined ? "none" : undefined;
    const { volumes } = this.store.read;
    const since = before(nowMs, this.limits.historyMs);
    // The version that was current when the history began can be restored: the one before the first since.
    const first = await volumes.oldestVersionAfter(volume.id, since);
    const byAge = first === undefined ? volume.version : first - 1;
    const bySize = versionWithin(await volumes.endedBytes(volume.id), volume.quotaBytes);
    const oldest = Math.min(Math.max(byAge, bySize), oldestHeld ?? Infinity, volume.version);
    if (oldest > volume.oldestVersion) return oldest;
    // What a stop has interrupted; nobody can hold it.
    const { count } = await volumes.versionsBefore(volume.id, volume.oldestVersion);
    return count > 0 ? volume.oldestVersion : undefined;
  }

  /** @returns how many blobs were deleted */
  async #collect(nowMs: number): Promise<number> {
    const limit = nowMs - this.limits.graceMs;
    const unreferenced = new Set<string>();
    let collected = 0;
    for await (const digests of this.store.volumeBlobs.storedDigests()) {
      if (this.#lifecycle.is("stopped")) return collected;
      await this.store.volumeBlobs.collect(digests, (digest, inUse) => {
        if (inUse) return false;
        const since = this.#unreferencedSince.get(digest) ?? nowMs;
        if (since <= limit) collected++;
        else unreferenced.add(digest);
        this.#unreferencedSince.set(digest, since);
        return since <= limit;
      });
    }
    for (const digest of this.#unreferencedSince.keys()) {
      if (!unreferenced.has(digest)) this.#unreferencedSince.delete(digest);
    }
    return collected;
  }

  /** Blobs that were first found unreferenced up to a time. */
  #unreferencedBefore(limitMs: number): Expired {
    const times = [...this.#unreferencedSince.values()].filter((ms) => ms <= limitMs)
      .sort((one, other) => one - other).map((ms) => new Date(ms).toISOString());
    return { count: times.length, oldest: times[0], newest: times.at(-1) };
  }
}

/**
 * The oldest version that can be kept while replaced and removed files take at most `bytes`: the history of a volume
 * takes at most as much space as its quota.
 * @param ended the bytes that each version replaced or removed, newest first
 */
function versionWithin(
  ended: readonly { readonly version: number; readonly bytes: number }[],
  bytes: number,
): number {
  let sum = 0;
  for (const each of ended) {
    sum += each.bytes;
    // The version before this one needs the bytes that this one ended.
    if (sum > bytes) return each.version;
  }
  return 0;
}
