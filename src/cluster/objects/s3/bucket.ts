import { getLogger } from "@logtape/logtape";
import { LRUCache } from "lru-cache";
import { randomUUID } from "node:crypto";
import {
  type ObjectBucket,
  type ObjectContent,
  ObjectError,
  type OpenObject,
} from "../../../shared/objects.ts";
import { eachAtOnce } from "../../../shared/at_once.ts";
import { entriesUpTo } from "../../../shared/entries.ts";
import type { ChunkCache } from "../chunk_cache.ts";
import type { Admit } from "../chunk_source.ts";
import { sealContent, sealedSize } from "../codec.ts";
import { isDigest } from "../layout.ts";
import type { ObjectUrls } from "../opened_store.ts";
import { ObjectReader } from "../reader.ts";
import { Retaining } from "../retentions.ts";
import { S3Chunks } from "./chunks.ts";
import { type S3Client, S3Error } from "./client.ts";
import { contentSizeOf, eachDigest, names, type ObjectState, stateOf } from "./listing.ts";
import { upload } from "./upload.ts";
import type { ListedObject, Listing } from "./xml.ts";

const logger = getLogger(["invoked", "cluster"]);

/** Objects that are looked at or deleted at a time. */
const CONCURRENCY = 16;
/** How old leftovers become: longer than any upload or deletion takes. */
const STRAY_MIN_AGE_MS = 6 * 60 * 60 * 1000;
/** Objects whose last known content is remembered. */
const LOCATIONS_MAX = 10_000;

interface BucketOptions {
  /** The key of an object by its digest. */
  readonly keyOf: (digest: string) => Uint8Array;
  readonly cache: ChunkCache;
  /** Names this node; unique among all that run. */
  readonly node: string;
}

/**
 * The objects of one kind in a bucket of S3.
 *
 * A node that needs an object says so first, and then looks whether its content is there and no node deletes it;
 * otherwise the node uploads the content under a new name. A node that deletes an object says so first, and then looks
 * whether another node needs it; only the names that the node found before are deleted. So one of the two sees the
 * other, whichever was first, and a late deletion never destroys a later upload. Two nodes that upload the same content
 * at the same time store it twice, until the object is deleted.
 */
export class S3Bucket extends Retaining implements ObjectBucket, ObjectUrls {
  readonly name: string;
  readonly #prefix: string;
  readonly #reader: ObjectReader;
  /** The key of the content of each object that was found last. */
  readonly #locations = new LRUCache<string, string>(entriesUpTo(LOCATIONS_MAX));
  #moved: (digest: string) => void = () => {};

  /** @param kind the part of its keys behind the prefix of the address */
  constructor(
    private readonly client: S3Client,
    kind: string,
    private readonly options: BucketOptions,
  ) {
    super({
      ensure: (content, isRetained) => this.#ensure(content, isRetained),
      renew: (digest) => this.#put(digest, names.retained(options.node)),
      release: (digest) => this.#release(digest),
    });
    this.name = `${client.address.bucket}/${client.address.prefix}${kind}`;
    this.#prefix = `${client.address.prefix}${kind}/`;
    this.#reader = new ObjectReader(this.name, (digest) => this.#chunks(digest), options.cache);
  }

  async read(digest: string): Promise<Uint8Array> {
    return await this.#reader.read(digest, this.options.keyOf(digest));
  }

  async open(digest: string): Promise<OpenObject> {
    return await this.#reader.open(digest, this.options.keyOf(digest));
  }

  /** A chunk as it is stored. @throws ObjectError, ObjectsUnavailable */
  async chunk(digest: string, index: number, admit: Admit): Promise<Uint8Array> {
    return await this.#reader.sealedChunk(digest, this.options.keyOf(digest), index, admit);
  }

  async check(digest: string): Promise<number> {
    const [content] = isDigest(digest) ? (await this.#state(digest)).contents : [];
    if (content === undefined) throw this.#missing(digest);
    return contentSizeOf(content.size);
  }

  async *digests(prefix = ""): AsyncGenerator<readonly string[]> {
    const pages = this.client.pages(this.#prefix + prefix);
    for await (const objects of eachDigest(pages, this.#prefix)) {
      yield objects.filter(([, keys]) => stateOf(keys).contents.length > 0)
        .map(([digest]) => digest);
    }
  }

  async storedBefore(digests: readonly string[], time: Date): Promise<string[]> {
    const found: string[] = [];
    await atOnce(digests, async (digest) => {
      if (isOld(await this.#state(digest), time)) found.push(digest);
    });
    return found;
  }

  async deleteStoredBefore(digest: string, time: Date): Promise<void> {
    if (!isOld(await this.#state(digest), time)) return;
    const deletion = await this.#announce(digest);
    await this.#finish(digest, deletion, isOld(deletion.state, time));
  }

  async collect(
    digests: readonly string[],
    mayDelete: (digests: readonly string[]) => Promise<readonly string[]>,
  ): Promise<string[]> {
    await this.settled(digests);
    const retained: string[] = [];
    const announced = new Map<string, Deletion>();
    await atOnce(digests, async (digest) => {
      if (!(await this.#state(digest)).isRetained) {
        const deletion = await this.#announce(digest);
        announced.set(digest, deletion);
        if (!deletion.state.isRetained) return;
      }
      retained.push(digest);
    });
    const candidates = [...announced].filter(([, { state }]) => !state.isRetained)
      .map(([digest]) => digest);
    // A node that retained and released one of them before has written its references by now. A node that retains one of
    // them from now on sees the announcement.
    let allowed = new Set<string>();
    try {
      allowed = new Set(await mayDelete(candidates));
    } finally {
      await atOnce(
        [...announced],
        ([digest, deletion]) =>
          this.#finish(digest, deletion, !deletion.state.isRetained && allowed.has(digest)),
      );
    }
    return retained;
  }

  /** @param before how old a leftover must be */
  async removeStrays(before = new Date(Date.now() - STRAY_MIN_AGE_MS)): Promise<void> {
    for await (const objects of eachDigest(this.client.pages(this.#prefix), this.#prefix)) {
      for (const [digest, keys] of objects) {
        const strays = straysOf(keys, before);
        if (strays.length === 0) continue;
        logger.info("removed what interrupted work has left of object {digest}", { digest });
        await atOnce(strays, ({ key }) => this.client.delete(key));
      }
    }
    await this.client.abortUploads(this.#prefix, before, (key) => this.#isUnused(key, before));
  }

  probe(): Promise<void> {
    return this.client.probe(this.options.node);
  }

  async findUrl(digest: string): Promise<string | undefined> {
    const key = await this.#locate(digest);
    return key === undefined ? undefined : await this.client.urlOf(key);
  }

  onMoved(listener: (digest: string) => void): void {
    this.#moved = listener;
  }

  async #ensure(content: ObjectContent, isRetained: boolean): Promise<void> {
    const { digest, size } = content;
    const use = isRetained ? names.retained(this.options.node) : names.stored;
    await this.#put(digest, use);
    const { kept } = await this.#state(digest);
    if (kept.some((stored) => stored.size === sealedSize(size))) return;
    const key = this.#key(digest, names.content(randomUUID()));
    const bytes = () => sealContent(this.options.keyOf(digest), content);
    await upload(this.client, key, { size: sealedSize(size), bytes });
    // The upload may have taken any time, and its content may have the time of its begin.
    await this.#put(digest, use);
    this.#locations.set(digest, key);
    this.#moved(digest);
    // Of another size: damaged.
    await atOnce(kept, ({ id }) => this.client.delete(this.#key(digest, names.content(id))));
  }

  /** The age of the object begins before others can delete it. */
  async #release(digest: string): Promise<void> {
    await this.#put(digest, names.stored);
    await this.client.delete(this.#key(digest, names.retained(this.options.node)));
  }

  /** Says that this node is about to delete the contents that the object has, and looks who needs it then. */
  async #announce(digest: string): Promise<Deletion> {
    const { contents } = await this.#state(digest);
    const at = new Date();
    const ids = contents.map(({ id }) => id);
    await atOnce(ids, (id) => this.#put(digest, names.deleting(id, this.options.node)));
    return { ids, at, state: await this.#state(digest) };
  }

  /** Deletes what was announced, or takes the announcement back. */
  async #finish(digest: string, { ids, at }: Deletion, isDue: boolean): Promise<void> {
    if (isDue) {
      // A node that was suspended comes too late: others remove its announcement, and S3 rejects its deletion.
      await atOnce(ids, (id) => this.client.delete(this.#key(digest, names.content(id)), at));
      this.#locations.delete(digest);
      this.#moved(digest);
      this.options.cache.deleteAll(digest);
      if ((await this.#state(digest)).contents.length === 0) {
        await this.client.delete(this.#key(digest, names.stored));
      }
    }
    const { node } = this.options;
    await atOnce(ids, (id) => this.client.delete(this.#key(digest, names.deleting(id, node))));
  }

  /** Whether no node has stored or retained an object since: its retention is renewed while an upload is under way. */
  async #isUnused(key: string, time: Date): Promise<boolean> {
    const [digest = ""] = key.slice(this.#prefix.length).split("/");
    const { isRetained, usedAt } = await this.#state(digest);
    return !isRetained && usedAt < time;
  }

  async #state(digest: string): Promise<ObjectState> {
    return stateOf(await this.client.list(this.#key(digest, "")));
  }

  async #put(digest: string, name: string): Promise<void> {
    await this.client.put(this.#key(digest, name), new Uint8Array());
  }

  #key(digest: string, name: string): string {
    return `${this.#prefix}${digest}/${name}`;
  }

  #chunks(digest: string): S3Chunks {
    return new S3Chunks(async (range, maxBytes) => {
      for (let key = this.#locations.get(digest);;) {
        const isKnown = key !== undefined;
        key ??= await this.#locate(digest);
        if (key === undefined) throw this.#missing(digest);
        try {
          return (await this.client.request(key, { headers: { range }, maxBytes })).body;
        } catch (error) {
          // Another node has stored the object again, and deleted the content that this node knew.
          if (!isKnown || !(error instanceof S3Error) || error.status !== 404) throw error;
          key = undefined;
        }
      }
    }, () => this.#missing(digest));
  }

  /** Looks for the content of an object. */
  async #locate(digest: string): Promise<string | undefined> {
    const [content] = (await this.#state(digest)).contents;
    if (content === undefined) return void this.#locations.delete(digest);
    const key = this.#key(digest, names.content(content.id));
    this.#locations.set(digest, key);
    return key;
  }

  #missing(digest: string): ObjectError {
    return new ObjectError(this.name, digest, "is missing");
  }
}

/** A deletion that this node has announced. */
interface Deletion {
  /** The contents that it concerns. */
  readonly ids: readonly string[];
  /** When it began, by the clock of this node. */
  readonly at: Date;
  /** The object behind the announcement. */
  readonly state: ObjectState;
}

/** What interrupted work has left of an object. */
function straysOf(keys: Listing, before: Date): readonly ListedObject[] {
  const hasContent = stateOf(keys).contents.length > 0;
  const isYoung = keys.objects.some(({ storedAt }) => storedAt >= before);
  return keys.objects.filter(({ key, storedAt }) =>
    hasContent ? storedAt < before && /\/(?:deleting|retained)-[^/]*$/.test(key) : !isYoung
  );
}

function isOld({ contents, isRetained, usedAt }: ObjectState, time: Date): boolean {
  return contents.length > 0 && !isRetained && usedAt < time;
}

function atOnce<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  return eachAtOnce(items, CONCURRENCY, work);
}
