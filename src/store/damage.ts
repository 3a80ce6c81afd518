/** Stored data that a read found damaged: what no repetition and no free space heals. */
import { getLogger } from "@logtape/logtape";
import { BlobError } from "./blobs/blob_error.ts";
import type { CommitBlobs, Digest } from "./blobs/commit_blobs.ts";
import type { VolumeBlobs } from "./blobs/volume_blobs.ts";
import { SealingError } from "./sealing.ts";

const logger = getLogger(["invoked", "store"]);

/** Damages that are kept; there may be more. */
const KEPT_MAX = 100;
/** Result codes of SQLite (https://sqlite.org/rescode.html): SQLITE_CORRUPT and SQLITE_NOTADB, in their first byte. */
const SQLITE_DAMAGE: readonly number[] = [11, 26];
/** States of PostgreSQL for damaged data and indexes. */
const POSTGRES_DAMAGE: readonly unknown[] = ["XX001", "XX002"];

/** A damage that was found. */
export interface Damage {
  readonly kind: "database" | "blob" | "sealed value";
  /** What is damaged and how, for the operator; without a path outside of the data directory. */
  readonly message: string;
}

/** The damage of which an error tells; undefined for an error of another kind. */
export function damageOf(error: unknown): Damage | undefined {
  if (error instanceof BlobError) return { kind: "blob", message: error.message };
  if (error instanceof SealingError) return { kind: "sealed value", message: error.message };
  if (!(error instanceof Error)) return undefined;
  const { code, errcode } = error as { code?: unknown; errcode?: unknown };
  const isDamage = typeof errcode === "number"
    ? SQLITE_DAMAGE.includes(errcode & 0xff)
    : POSTGRES_DAMAGE.includes(code);
  return isDamage
    ? { kind: "database", message: `the database is damaged: ${error.message}` }
    : undefined;
}

/** The damages that this process has found since its start, without blobs that were whole again later. */
export class DamageLog {
  readonly #found = new Map<string, Damage>();

  get all(): readonly Damage[] {
    return [...this.#found.values()];
  }

  /** Notes an error if it tells of damage. */
  note(error: unknown): void {
    const damage = damageOf(error);
    if (damage === undefined) return;
    const key = error instanceof BlobError ? error.digest : damage.message;
    if (this.#found.has(key) || this.#found.size >= KEPT_MAX) return;
    this.#found.set(key, damage);
    logger.error("Stored data is damaged: {damage}; restore it from a backup", {
      damage: damage.message,
    });
  }

  /** The blob was read. */
  isWhole(digest: Digest): void {
    if (this.#found.size > 0) this.#found.delete(digest);
  }

  async #watch<T>(digest: Digest, work: () => Promise<T>): Promise<T> {
    try {
      const value = await work();
      this.isWhole(digest);
      return value;
    } catch (error) {
      this.note(error);
      throw error;
    }
  }

  /** The same blobs; what their reads find is noted. */
  ofCommits(blobs: CommitBlobs): CommitBlobs {
    const { get, check } = bound(blobs, ["get", "check"]);
    return Object.assign(blobs, {
      get: (digest: Digest) => this.#watch(digest, () => get(digest)),
      check: (digest: Digest) => this.#noting(() => check(digest)),
    });
  }

  /** The same blobs; what their reads find is noted. */
  ofVolumes(blobs: VolumeBlobs): VolumeBlobs {
    const { open, check } = bound(blobs, ["open", "check"]);
    return Object.assign(blobs, {
      open: (digest: Digest, size: number) => this.#watch(digest, () => open(digest, size)),
      check: (digest: Digest, size: number) => this.#noting(() => check(digest, size)),
    });
  }

  /** For what does not read the content: it finds that a blob is missing, and not that it is whole. */
  async #noting<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      this.note(error);
      throw error;
    }
  }
}

function bound<T extends object, K extends keyof T>(target: T, names: readonly K[]): Pick<T, K> {
  const methods = names.map((name) => [
    name,
    (target[name] as (...args: unknown[]) => unknown).bind(target),
  ]);
  return Object.fromEntries(methods) as Pick<T, K>;
}
