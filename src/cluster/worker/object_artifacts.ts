import type { ArtifactSource } from "../../engine/contract.ts";
import type { ObjectReader } from "../objects/reader.ts";

/** A key of an artifact, and how many jobs and lists of scripts need it. */
interface KnownKey {
  readonly key: Uint8Array;
  uses: number;
}

/**
 * Artifacts as objects, which stay on the disk of the worker, sealed. Their keys come with sealed jobs, and are known as
 * long as one that came with them needs them.
 */
export class ObjectArtifacts implements ArtifactSource {
  readonly #reader: ObjectReader;
  readonly #keys = new Map<string, KnownKey>();
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
          if (known !== undefined && --known.uses === 0) this.#keys.delete(digest);
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
    const known = this.#keys.get(digest);
    if (known === undefined) throw new Error(`No job has the key of artifact ${digest}`);
    return new TextDecoder().decode(await this.#reader.read(digest, known.key));
  }
}
