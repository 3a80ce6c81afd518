import { getLogger } from "@logtape/logtape";
import { Lifecycle } from "../../shared/lifecycle.ts";
import type { Store } from "../../store/mod.ts";
import type { VolumeRow } from "../../store/volumes.ts";
import { locks } from "../locks.ts";
import type { OldestKept, Ownership } from "../ownership/contract.ts";
import type { Snapshots } from "./snapshots.ts";

const logger = getLogger(["invoked", "volumes"]);

/** How long earlier versions are kept; each is a named setting in `src/config`. */
interface SweepLimits {
  readonly historyMs: number;
  readonly graceMs: number;
  readonly sweepIntervalMs: number;
}

/**
 * Deletes, at intervals, versions that are too old, deleted volumes, and unreferenced blobs. Disposing it waits for
 * the sweep under way.
 *
 * Modes: `idle`, `sweeping`, `stopped`. Transitions: idle → sweeping → idle, each → stopped.
 */
export class VolumeSweep implements AsyncDisposable {
  /** When each unreferenced blob was first found to be so, in milliseconds since 1970. */
  readonly #unreferencedSince = new Map<string, number>();
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #lifecycle = new Lifecycle("volume sweep", "idle", {
    idle: ["sweeping", "stopped"],
    sweeping: ["idle", "stopped"],
    stopped: [],
  });
  /** The last sweep. */
  #sweeping: Promise<void> | undefined;

  constructor(
    private readonly store: Store,
    private readonly snapshots: Snapshots,
    private readonly ownership: Ownership,
    private readonly limits: SweepLimits,
  ) {
    this.#timer = setInterval(() => {
      const isOurs = ownership.node.holds("housekeeping");
      if (isOurs && this.#lifecycle.is("idle")) this.#sweeping = this.#sweep();
    }, limits.sweepIntervalMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    this.#lifecycle.set("stopped");
    await this.#sweeping;
  }

  async #sweep(): Promise<void> {
    this.#lifecycle.set("sweeping");
    try {
      await this.#prune();
      await this.#collect();
    } catch (error) {
      logger.error("Failed to sweep the volumes: {error}", { error });
    }
    if (this.#lifecycle.is("sweeping")) this.#lifecycle.set("idle");
  }

  async #prune(): Promise<void> {
    let pruned = false;
    for (const volume of await this.store.read.volumes.sweepable()) {
      if (this.#lifecycle.is("stopped")) return;
      await this.snapshots.prune(volume.id, async (oldestHeld) => {
        const wanted = await this.#oldestToKeep(volume, oldestHeld);
        const oldest = await this.ownership.agreeOn(volume.id, wanted);
        if (oldest === undefined) return;
        pruned = true;
        await this.store.write(
          (tx) =>
            oldest === "none" ? tx.volumes.delete(volume.id) : tx.volumes.prune(volume.id, oldest),
          "durable",
          [locks.ofVolume(volume.id)],
        );
      });
    }
    if (!pruned) return;
    await this.store.write(
      (tx) => tx.volumes.deleteUnreferencedSmallBlobs(),
      "durable",
      [locks.smallBlobCollection],
    );
  }

  /** The first of the versions to keep, or `none` for a deleted volume; undefined if nothing is to be pruned. */
  async #oldestToKeep(
    volume: VolumeRow,
    oldestHeld: number | undefined,
  ): Promise<OldestKept> {
    if (volume.deletedAt !== null) return oldestHeld === undefined ? "none" : undefined;
    const { volumes } = this.store.read;
    const since = new Date(Date.now() - this.limits.historyMs).toISOString();
    // The version that was current when the history began can be restored: the one before the first since.
    const first = await volumes.oldestVersionAfter(volume.id, since);
    const byAge = first === undefined ? volume.version : first - 1;
    const bySize = versionWithin(await volumes.endedBytes(volume.id), volume.quotaBytes);
    const oldest = Math.min(Math.max(byAge, bySize), oldestHeld ?? Infinity, volume.version);
    return oldest > volume.oldestVersion ? oldest : undefined;
  }

  async #collect(): Promise<void> {
    const before = Date.now() - this.limits.graceMs;
    const unreferenced = new Set<string>();
    for await (const digests of this.store.volumeBlobs.storedDigests()) {
      if (this.#lifecycle.is("stopped")) return;
      await this.store.volumeBlobs.collect(digests, (digest, inUse) => {
        if (inUse) return false;
        unreferenced.add(digest);
        const since = this.#unreferencedSince.get(digest) ?? Date.now();
        this.#unreferencedSince.set(digest, since);
        return since <= before;
      });
    }
    for (const digest of this.#unreferencedSince.keys()) {
      if (!unreferenced.has(digest)) this.#unreferencedSince.delete(digest);
    }
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
