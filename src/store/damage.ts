/** Stored data that a read found damaged: what no repetition and no free space heals. */
import { getLogger } from "@logtape/logtape";
import { BlobError } from "./blobs/blob_error.ts";
import type { Digest } from "./blobs/commit_blobs.ts";
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

/** The damage that an error reports; undefined for an error of another kind. */
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

  /** Notes an error if it reports damage. */
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

  /** Reads a whole blob, or opens a blob that was read whole; notes damage, or that the blob is intact again. */
  async read<T>(digest: Digest, read: () => Promise<T>): Promise<T> {
    const value = await this.look(read);
    if (this.#found.size > 0) this.#found.delete(digest);
    return value;
  }

  /** Looks for a blob without reading it, and notes that it is missing or damaged. */
  async look<T>(look: () => Promise<T>): Promise<T> {
    try {
      return await look();
    } catch (error) {
      this.note(error);
      throw error;
    }
  }
}
