import { LRUCache } from "lru-cache";
import type { ArtifactSource } from "../../engine/contract.ts";
import { entriesUpTo } from "../../shared/entries.ts";
import type { ObjectReader } from "../objects/reader.ts";

/** A key of an artifact, and how many jobs and lists of scripts need it. */
interface KnownKey {
  readonly key: Uint8Array;
  uses: number;
}

/** How long a key is known after its last use, and how many such keys: a template is made after its invocation. */
const LEFT_KEY_MS = 600_000;
const LEFT_KEYS_MAX = 1_000;

/**
 * Artifacts as objects, which stay on the disk of the worker, sealed. Their keys come with sealed jobs, and are known as
 * long as one that came with them needs them, and for a while afterwards.
 */
export class ObjectArtifacts implements ArtifactSource {
  readonly #reader: ObjectReader;
  readonly #keys = new Map<string, KnownKey>();
  readonly #leftKeys = new LRUCache<string, Uint8Array>({
    ...entriesUpTo(LEFT_KEYS_MAX),
    ttl: LEFT_KEY_MS,
  });
  readonly #reads = new Map<string, Promise<string>>();

  constructor(reader: ObjectReader) {
    this.#reader = reader;
  }

  /** Lets these artifacts be read until the result is disposed. @param keys in base64, by digest */
  unlock(keys: Readonly<Record<string, string>>): Disposable {
    for (const [digest, key] of Object.entries(keys)) {
      const known = this.#keys.get(digest);
      if (known !== undefined) known.uses++;
      else this.#keys.set(digest, { key: Uint8Array.fromBase64(key), uses: 1 });
    }
    return {
      [Symbol.dispose]: () => {
        for (const digest of Object.keys(keys)) {
          const known = this.#keys.get(digest);
          if (known === undefined || --known.uses > 0) continue;
          this.#keys.delete(digest);
          this.#leftKeys.set(digest, known.key);
        }
      },
    };
  }

  /** @throws ObjectError, ObjectsUnavailable */
  async text(digest: string): Promise<string> {
    const reading = this.#reads.get(digest) ??
      this.#read(digest).finally(() => this.#reads.delete(digest));
    this.#reads.set(digest, reading);
    return await reading;
  }

  async #read(digest: string): Promise<string> {
    const key = this.#keys.get(digest)?.key ?? this.#leftKeys.get(digest);
    if (key === undefined) throw new Error(`No job has the key of artifact ${digest}`);
    return new TextDecoder().decode(await this.#reader.read(digest, key));
  }
}
