import { createHash } from "node:crypto";
import { ObjectError, type OpenObject } from "../../shared/objects.ts";
import type { ChunkCache } from "./chunk_cache.ts";
import type { Admit, ChunkSource } from "./chunk_source.ts";
import { CONTENT_BYTES, openChunk } from "./codec.ts";
import { isDigest } from "./layout.ts";

/** Reads the objects of one bucket. Each chunk comes from the cache where it has it. */
export class ObjectReader {
  /** @param bucket its name, for errors @param sourceOf where the chunks of an object come from */
  constructor(
    private readonly bucket: string,
    private readonly sourceOf: (digest: string) => ChunkSource,
    private readonly cache: ChunkCache,
  ) {}

  /** The content, checked by its digest. @throws ObjectError, ObjectsUnavailable */
  async read(digest: string, key: Uint8Array): Promise<Uint8Array> {
    const object = await this.open(digest, key);
    const content = new Uint8Array(object.size);
    for (let at = 0; at < content.length;) {
      const bytes = await object.read(at, content.length - at);
      content.set(bytes, at);
      at += bytes.length;
    }
    if (createHash("sha256").update(content).digest("hex") !== digest) {
      throw this.#error(digest, "was changed");
    }
    return content;
  }

  /**
   * A chunk as it is stored, which opens with the key.
   * @param admit does what reads from the object store
   * @throws ObjectError, ObjectsUnavailable
   */
  async sealedChunk(
    digest: string,
    key: Uint8Array,
    index: number,
    admit: Admit,
  ): Promise<Uint8Array> {
    if (!isDigest(digest)) throw this.#error(digest, "is missing");
    const source = this.sourceOf(digest);
    const admitted = { chunk: (at: number) => admit(() => source.chunk(at)) };
    return (await this.#chunk(admitted, digest, key, index)).sealed;
  }

  /** @throws ObjectError, ObjectsUnavailable */
  async open(digest: string, key: Uint8Array): Promise<OpenObject> {
    if (!isDigest(digest)) throw this.#error(digest, "is missing");
    const source = this.sourceOf(digest);
    const chunk = (index: number) => this.#chunk(source, digest, key, index);
    const first = await chunk(0);
    return new ObjectRanges(first, async (index) => {
      const { size, content } = await chunk(index);
      if (size !== first.size) throw this.#error(digest, "was changed");
      return content;
    });
  }

  async #chunk(source: ChunkSource, digest: string, key: Uint8Array, index: number) {
    const cached = await this.cache.get(digest, index);
    if (cached !== undefined) {
      const opened = openChunk(key, digest, index, cached);
      if (opened !== undefined) return { ...opened, sealed: cached };
      this.cache.delete(digest, index);
    }
    const sealed = await source.chunk(index);
    const opened = openChunk(key, digest, index, sealed);
    if (opened === undefined) {
      throw this.#error(digest, "was changed, or its key is that of another");
    }
    await this.cache.put(digest, index, sealed);
    return { ...opened, sealed };
  }

  #error(digest: string, damage: string): ObjectError {
    return new ObjectError(this.bucket, digest, damage);
  }
}

/** Reads ranges; the chunk that was read last stays in memory. */
class ObjectRanges implements OpenObject {
  readonly size: number;
  #last: { readonly index: number; readonly content: Uint8Array };

  constructor(
    first: { readonly size: number; readonly content: Uint8Array },
    private readonly chunk: (index: number) => Promise<Uint8Array>,
  ) {
    this.size = first.size;
    this.#last = { index: 0, content: first.content };
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    const index = Math.floor(offset / CONTENT_BYTES);
    if (offset >= this.size || length <= 0) return new Uint8Array();
    let last = this.#last;
    if (last.index !== index) this.#last = last = { index, content: await this.chunk(index) };
    const at = offset - index * CONTENT_BYTES;
    return last.content.slice(at, at + length);
  }
}
