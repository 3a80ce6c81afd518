import { createLocalJWKSet, type JSONWebKeySet } from "jose";
import { LRUCache } from "lru-cache";
import type { PublicGet } from "../../sandbox/mod.ts";

const KEY_SETS_MAX = 1_000;
const KEY_SET_BYTES_MAX = 64 * 1024;
/** How long a key set is kept. */
const KEPT_MS = 10 * 60 * 1000;
/** A key set, or that it cannot be read, holds at least so long, whoever asks. */
const KEPT_MIN_MS = 30 * 1000;

interface Kept {
  readonly keySet: Promise<JSONWebKeySet>;
  readonly readAt: number;
}

/** The key set of a URL cannot be read; the message says why. */
export class KeySetError extends Error {
  override name = "KeySetError";
}

/** Reads the key sets of senders, and keeps them for a time. Requests at the same time share one read. */
export class KeySets {
  readonly #kept = new LRUCache<string, Kept>({ max: KEY_SETS_MAX });

  constructor(private readonly get: PublicGet) {}

  /** @param isFresh whether a kept one has no key for the sender @throws KeySetError */
  async read(url: string, isFresh: boolean): Promise<JSONWebKeySet> {
    const kept = this.#kept.get(url);
    const age = kept === undefined ? Infinity : performance.now() - kept.readAt;
    if (kept !== undefined && age < (isFresh ? KEPT_MIN_MS : KEPT_MS)) {
      try {
        return await kept.keySet;
      } catch (error) {
        if (age < KEPT_MIN_MS) throw error;
      }
    }
    const keySet = this.#read(url);
    keySet.catch(() => {});
    this.#kept.set(url, { keySet, readAt: performance.now() });
    return await keySet;
  }

  async #read(url: string): Promise<JSONWebKeySet> {
    try {
      const bytes = await this.get(new URL(url), KEY_SET_BYTES_MAX);
      const keySet = JSON.parse(new TextDecoder().decode(bytes)) as JSONWebKeySet;
      createLocalJWKSet(keySet);
      return keySet;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new KeySetError(`the key set ${url} cannot be read: ${reason}`);
    }
  }
}
