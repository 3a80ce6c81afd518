import { getLogger } from "@logtape/logtape";
import type { Store } from "../../store/mod.ts";
import type { VolumeRow } from "../../store/volumes.ts";
import type { Snapshots } from "./snapshots.ts";

const logger = getLogger(["invoked", "volumes"]);

/** How long the past of volumes is kept; each is a named setting in `src/config`. */
export interface SweepLimits {
  readonly historyMs: number;
  readonly graceMs: number;
  readonly sweepIntervalMs: number;
}

/**
 * Forgets, now and then, versions that are too old, deleted volumes, and contents that nothing names.
 * Disposing it stops it, once a sweep that is under way has ended.
 */
export class VolumeSweep implements AsyncDisposable {
  /** When each content that nothing names was first found so, in milliseconds. */
  readonly #unnamedSince = new Map<string, number>();
  readonly #timer: ReturnType<typeof setInterval>;
  #sweeping: Promise<void> | undefined;
  #stopped = false;

  constructor(
    private readonly store: Store,
    private readonly snapshots: Snapshots,
    private readonly limits: SweepLimits,
  ) {
    this.#timer = setInterval(() => {
      this.#sweeping ??= this.#sweep().finally(() => this.#sweeping = undefined);
    }, limits.sweepIntervalMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    this.#stopped = true;
    await this.#sweeping;
  }

  async #sweep(): Promise<void> {
    try {
      await this.#prune();
      await this.#collect();
    } catch (error) {
      logger.error("Cannot sweep the volumes", { error });
    }
  }

  async #prune(): Promise<void> {
    let pruned = false;
    for (const volume of await this.store.read.volumes.sweepable()) {
      if (this.#stopped) return;
      await this.snapshots.prune(volume.id, async (oldestHeld) => {
        const oldest = await this.#oldestToKeep(volume, oldestHeld);
        if (oldest === undefined) return;
        pruned = true;
        await this.store.write((tx) =>
          oldest === "none" ? tx.volumes.delete(volume.id) : tx.volumes.prune(volume.id, oldest)
        );
      });
    }
    if (pruned) await this.store.write((tx) => tx.volumes.deleteUnreferencedSmallBlobs());
  }

  /** The version from which on all are kept; undefined where that changes nothing. */
  async #oldestToKeep(
    volume: VolumeRow,
    oldestHeld: number | undefined,
  ): Promise<number | "none" | undefined> {
    if (volume.deletedAt !== null) return oldestHeld === undefined ? "none" : undefined;
    const { volumes } = this.store.read;
    const since = new Date(Date.now() - this.limits.historyMs).toISOString();
    // What was current when the history began can be restored, so it is the one before the first since.
    const first = await volumes.oldestVersionAfter(volume.id, since);
    const byAge = first === undefined ? volume.version : first - 1;
    const bySize = versionWithin(await volumes.endedBytes(volume.id), volume.quotaBytes);
    const oldest = Math.min(Math.max(byAge, bySize), oldestHeld ?? Infinity, volume.version);
    return oldest > volume.oldestVersion ? oldest : undefined;
  }

  async #collect(): Promise<void> {
    const before = Date.now() - this.limits.graceMs;
    const unnamed = new Set<string>();
    for await (const digests of this.store.volumeBlobs.storedDigests()) {
      if (this.#stopped) return;
      await this.store.volumeBlobs.collect(digests, (digest, used) => {
        if (used) return false;
        unnamed.add(digest);
        const since = this.#unnamedSince.get(digest) ?? Date.now();
        this.#unnamedSince.set(digest, since);
        return since <= before;
      });
    }
    for (const digest of this.#unnamedSince.keys()) {
      if (!unnamed.has(digest)) this.#unnamedSince.delete(digest);
    }
  }
}

/**
 * The oldest version that can be kept while replaced and removed files take no more than `bytes`: what a volume
 * forgets slowly takes as much room as what it holds, and not more.
 * @param ended how much each version ended, newest first
 */
function versionWithin(
  ended: readonly { readonly version: number; readonly bytes: number }[],
  bytes: number,
): number {
  let sum = 0;
  for (const each of ended) {
    sum += each.bytes;
    // To read the version before this one takes what this one ended.
    if (sum > bytes) return each.version;
  }
  return 0;
}
