import type { Store } from "../../store/mod.ts";
import type { HeldSnapshot } from "../../store/nodes.ts";
import type { VolumeRow } from "../../store/volumes.ts";
import { DomainError, notFound } from "../errors.ts";

/** A version of a volume that stays readable until this is disposed of. */
export interface Snapshot extends Disposable {
  /** The volume as it was when the snapshot was opened. */
  readonly volume: VolumeRow;
  readonly version: number;
}

/** The version of a snapshot that is being opened: not known yet. */
const OPENING = -1;

/**
 * The snapshots in use. While one is held, nothing of its version is pruned or collected.
 *
 * On other nodes the sweep sees the versions that a node held at the last renewal of its lease.
 *
 * The race: a prune reads which versions are held; then a snapshot of the newest version is opened while the prune
 * still runs. So opening waits for a prune of the same volume, and a prune does nothing while a snapshot is opening.
 */
export class Snapshots {
  /** Holders of each version of each volume. */
  readonly #held = new Map<string, Map<number, number>>();
  readonly #pruning = new Map<string, Promise<void>>();

  constructor(private readonly store: Store) {}

  /** The oldest version of each volume that is held; before all versions while one is being opened. */
  get oldestHeld(): HeldSnapshot[] {
    return Array.from(this.#held, ([volumeId, versions]) => ({
      volumeId,
      version: Math.min(...versions.keys()),
    }));
  }

  /** Opens the newest version. @throws VOLUME_NOT_FOUND */
  async open(volumeId: string): Promise<Snapshot> {
    while (this.#pruning.has(volumeId)) await this.#pruning.get(volumeId);
    using _opening = this.#hold(volumeId, OPENING);
    const volume = await this.store.read.volumes.get(volumeId);
    if (volume === undefined || volume.deletedAt !== null) throw volumeNotFound(volumeId);
    const { version } = volume;
    const held = this.#hold(volumeId, version);
    return { volume, version, [Symbol.dispose]: () => held[Symbol.dispose]() };
  }

  /**
   * Runs a prune, during which no snapshot of the volume is opened.
   * @param prune gets the oldest version that is held; undefined if none is
   * @returns what it answers; undefined if it did not run, because a snapshot is being opened
   */
  async prune<T>(
    volumeId: string,
    prune: (oldestHeld: number | undefined) => Promise<T>,
  ): Promise<T | undefined> {
    const held = this.#held.get(volumeId);
    const oldest = held === undefined ? undefined : Math.min(...held.keys());
    if (oldest === OPENING) return undefined;
    const done = prune(oldest);
    this.#pruning.set(volumeId, done.then(() => {}, () => {}));
    try {
      return await done;
    } finally {
      this.#pruning.delete(volumeId);
    }
  }

  #hold(volumeId: string, version: number): Disposable {
    const versions = this.#held.get(volumeId) ?? new Map<number, number>();
    this.#held.set(volumeId, versions);
    versions.set(version, (versions.get(version) ?? 0) + 1);
    let released = false;
    return {
      [Symbol.dispose]: () => {
        if (released) return;
        released = true;
        const left = (versions.get(version) ?? 1) - 1;
        if (left > 0) versions.set(version, left);
        else versions.delete(version);
        if (versions.size === 0) this.#held.delete(volumeId);
      },
    };
  }
}

export function volumeNotFound(id: string): DomainError {
  return notFound("VOLUME_NOT_FOUND", "Volume", id);
}
