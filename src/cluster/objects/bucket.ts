import { getLogger } from "@logtape/logtape";
import type { JetStreamManager } from "@nats-io/jetstream";
import { Objm } from "@nats-io/obj";
import type { NatsConnection } from "@nats-io/transport-node";
import {
  type ObjectBucket,
  type ObjectContent,
  ObjectError,
  type OpenObject,
} from "../../shared/objects.ts";
import { eachAtOnce } from "../../shared/at_once.ts";
import type { ChunkCache } from "./chunk_cache.ts";
import type { Admit } from "./chunk_source.ts";
import { contentSize, objectKeyId, sealedSize } from "./codec.ts";
import { isConflict, onNats } from "./failures.ts";
import {
  digestOfNuid,
  isRetained,
  Layout,
  type Metadata,
  type ObjectRecord,
  retentionOf,
  type StoredRecord,
} from "./layout.ts";
import { ObjectReader } from "./reader.ts";
import { Retaining } from "./retentions.ts";
import type { SpaceProbe } from "./space_probe.ts";
import { streamChunks } from "./stream_chunks.ts";
import { checkOrder } from "./stream_order.ts";
import { ObjectUploads } from "./upload.ts";

const logger = getLogger(["invoked", "cluster"]);

/** Records of which the retention is read at a time. */
const READ_CONCURRENCY = 16;
/** How old chunks without a record become: longer than any upload takes. */
const STRAY_MIN_AGE_MS = 6 * 60 * 60 * 1000;

interface BucketOptions {
  /** The key of an object by its digest. */
  readonly keyOf: (digest: string) => Uint8Array;
  readonly cache: ChunkCache;
  /** Names this node; unique among all that run. */
  readonly node: string;
  /** Copies of the bucket in a cluster of NATS, if it is created. */
  readonly replicas: number;
  readonly probe: SpaceProbe;
}

/**
 * A bucket of the object store of NATS JetStream.
 *
 * An object exists once its record is written, after all of its chunks. Each change of a record names the revision
 * that it replaces. So of a node that retains an object and another that deletes it, one finds that the other was
 * first: the deletion then does nothing, or the retention sends the content again.
 */
export class NatsBucket extends Retaining implements ObjectBucket {
  readonly #layout: Layout;
  readonly #uploads: ObjectUploads;
  readonly #reader: ObjectReader;

  constructor(
    private readonly nats: NatsConnection,
    private readonly manager: JetStreamManager,
    readonly name: string,
    private readonly options: BucketOptions,
  ) {
    const { node } = options;
    super({
      ensure: (content, isRetained) =>
        onNats(() => this.#ensure(content, () => isRetained ? retentionOf(node) : {})),
      renew: (digest) =>
        onNats(() => this.#change(digest, (metadata) => ({ ...metadata, ...retentionOf(node) }))),
      release: (digest) =>
        onNats(() => this.#change(digest, ({ [node]: _released, ...others }) => others)),
    });
    this.#layout = new Layout(name);
    this.#uploads = new ObjectUploads(nats, this.#layout);
    this.#reader = new ObjectReader(name, streamChunks(manager, name), options.cache);
  }

  /** Creates it if NATS lacks it; needed before anything else. @throws ObjectsUnavailable */
  async create(): Promise<void> {
    const { replicas } = this.options;
    await onNats(() => new Objm(this.nats).create(this.name, { replicas }));
  }

  read(digest: string): Promise<Uint8Array> {
    return this.#inOrder(() => this.#reader.read(digest, this.options.keyOf(digest)));
  }

  open(digest: string): Promise<OpenObject> {
    return this.#inOrder(() => this.#reader.open(digest, this.options.keyOf(digest)));
  }

  /** A chunk as it is stored. @throws ObjectError, ObjectsUnavailable */
  chunk(digest: string, index: number, admit: Admit): Promise<Uint8Array> {
    const key = this.options.keyOf(digest);
    return this.#inOrder(() => this.#reader.sealedChunk(digest, key, index, admit));
  }

  check(digest: string): Promise<number> {
    return onNats(async () => {
      await this.#checkOrder();
      const stored = await this.#stored(digest);
      if (stored !== undefined && await this.#isWhole(stored.record)) {
        return contentSize(stored.record);
      }
      throw new ObjectError(this.name, digest, "is missing");
    });
  }

  async *digests(prefix = ""): AsyncGenerator<readonly string[]> {
    // NATS lists all subjects with one answer.
    const subjects = await onNats(() => this.#subjects(this.#layout.allRecords));
    const digests = subjects.flatMap((subject) => this.#layout.digestOf(subject) ?? []);
    yield digests.filter((digest) => digest.startsWith(prefix));
  }

  storedBefore(digests: readonly string[], time: Date): Promise<string[]> {
    return onNats(async () => {
      const found: string[] = [];
      await this.#eachStored(digests, (digest, stored) => {
        if (isOld(stored, time)) found.push(digest);
      });
      return found;
    });
  }

  deleteStoredBefore(digest: string, time: Date): Promise<void> {
    return onNats(async () => {
      const stored = await this.#stored(digest);
      if (stored !== undefined && isOld(stored, time)) await this.#delete(stored);
    });
  }

  collect(
    digests: readonly string[],
    mayDelete: (digests: readonly string[]) => Promise<readonly string[]>,
  ): Promise<string[]> {
    return onNats(async () => {
      await this.settled(digests);
      const revisions = new Map<string, StoredRecord>();
      const retained: string[] = [];
      await this.#eachStored(digests, (digest, stored) => {
        if (isRetained(stored)) retained.push(digest);
        else revisions.set(digest, stored);
      });
      // A node that retained and released one of them before has written its references by now.
      for (const digest of await mayDelete([...revisions.keys()])) {
        const stored = revisions.get(digest);
        // If another node has retained the object since, the revision has changed.
        if (stored !== undefined) await this.#delete(stored);
      }
      return retained;
    });
  }

  /** @param before how old a stray must be */
  removeStrays(before = new Date(Date.now() - STRAY_MIN_AGE_MS)): Promise<void> {
    return onNats(() => this.#removeStrays(before));
  }

  probe(): Promise<void> {
    return onNats(async () => {
      await this.#checkOrder();
      await this.options.probe.run();
    });
  }

  /** Makes sure that the object is there, whole, with this in its record, as it is after an upload of any time. */
  async #ensure(content: ObjectContent, metadata: () => Metadata): Promise<void> {
    const { digest } = content;
    const key = this.options.keyOf(digest);
    let uploaded: ObjectRecord | undefined;
    for (;;) {
      await this.#checkOrder();
      const stored = await this.#last(digest);
      const record = stored?.record;
      if (record !== undefined && !record.deleted && record.description !== objectKeyId(key)) {
        throw new Error(
          `bucket ${this.name} has object ${digest} of another installation of ` +
            "invoked; use another account of NATS, or delete the bucket",
        );
      }
      const isThere = record !== undefined && !record.deleted &&
        record.size === sealedSize(content.size) && await this.#isWhole(record);
      if (!isThere) uploaded ??= await this.#uploads.chunks(content, key);
      const base = isThere ? record : uploaded as ObjectRecord;
      try {
        const merged = { ...record?.deleted ? {} : record?.metadata, ...metadata() };
        await this.#write({ ...base, metadata: merged }, stored?.revision, isThere);
      } catch (error) {
        if (isConflict(error)) continue;
        throw error;
      }
      if (uploaded !== undefined && isThere) await this.#purgeChunks(uploaded.nuid);
      if (!isThere && record !== undefined) await this.#purgeChunks(record.nuid);
      return;
    }
  }

  /** Changes what the record of an object says of retention, if the object exists. */
  async #change(
    digest: string,
    change: (metadata: Metadata) => Metadata,
  ): Promise<void> {
    for (;;) {
      await this.#checkOrder();
      const stored = await this.#stored(digest);
      if (stored === undefined) return;
      const metadata = change(stored.record.metadata ?? {});
      try {
        await this.#write({ ...stored.record, metadata }, stored.revision, true);
        return;
      } catch (error) {
        if (!isConflict(error)) throw error;
      }
    }
  }

  /**
   * Writes a record. The record before it is removed once the new record is known to be found: a whole object always
   * has a record.
   */
  async #write(record: ObjectRecord, after: number | undefined, isThere: boolean): Promise<void> {
    const seq = await this.#uploads.record(record, after, !isThere);
    await this.#checkOrder();
    if (!isThere || after === undefined) return;
    const filter = this.#layout.recordSubject(record.name);
    await this.manager.streams.purge(this.#layout.stream, { filter, seq });
  }

  /** Reports an object as missing only if the stream finds the objects that it has. */
  async #inOrder<T>(read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (error) {
      if (error instanceof ObjectError) await onNats(() => this.#checkOrder());
      throw error;
    }
  }

  /** @throws ObjectsUnavailable if a write now would destroy what was written before */
  async #checkOrder(): Promise<void> {
    checkOrder((await this.manager.streams.info(this.#layout.stream)).state);
  }

  /**
   * Deletes a revision of an object, and no later revision, which keeps its own chunks. A purge needs no space: a full
   * NATS can be emptied.
   */
  async #delete({ record, revision }: StoredRecord): Promise<void> {
    await this.#checkOrder();
    const { purged } = await this.manager.streams.purge(this.#layout.stream, {
      filter: this.#layout.recordSubject(record.name),
      seq: revision + 1,
    });
    if (purged === 0) return;
    // A later record of the same chunks came before the purge; after it none can name them.
    if ((await this.#last(record.name))?.record.nuid === record.nuid) return;
    await this.#purgeChunks(record.nuid);
    this.options.cache.deleteAll(record.name);
  }

  async #purgeChunks(nuid: string): Promise<void> {
    const filter = this.#layout.chunkSubject(nuid);
    await this.manager.streams.purge(this.#layout.stream, { filter });
  }

  async #removeStrays(before: Date): Promise<void> {
    await this.#checkOrder();
    const chunks = new Map<string, string[]>();
    for (const subject of await this.#subjects(this.#layout.allChunks)) {
      const nuid = this.#layout.nuidOf(subject);
      if (nuid === undefined) continue;
      const digest = digestOfNuid(nuid);
      chunks.set(digest, [...chunks.get(digest) ?? [], nuid]);
    }
    const records = new Set((await Array.fromAsync(this.digests())).flat());
    for (const [digest, nuids] of chunks) {
      if (nuids.length === 1 && records.has(digest)) continue;
      const stored = await this.#stored(digest);
      for (const nuid of nuids) {
        if (stored?.record.nuid === nuid || await this.#isYounger(nuid, before)) continue;
        logger.info("removed what an interrupted upload has left of object {digest}", { digest });
        await this.#purgeChunks(nuid);
      }
    }
  }

  /** Whether an upload may still be under way. */
  async #isYounger(nuid: string, time: Date): Promise<boolean> {
    const last = await this.manager.streams.getMessage(this.#layout.stream, {
      last_by_subj: this.#layout.chunkSubject(nuid),
    });
    return last === null || last.time >= time;
  }

  async #eachStored(
    digests: readonly string[],
    use: (digest: string, stored: StoredRecord) => void,
  ): Promise<void> {
    await eachAtOnce(digests, READ_CONCURRENCY, async (digest) => {
      const stored = await this.#stored(digest);
      if (stored !== undefined) use(digest, stored);
    });
  }

  /** The record of an object; undefined if the object does not exist. */
  async #stored(digest: string): Promise<StoredRecord | undefined> {
    const last = await this.#last(digest);
    return last?.record.deleted ? undefined : last;
  }

  /**
   * The last record of an object, also of an object that a tool of NATS deleted; from the leader of the stream, so
   * never an old record.
   */
  async #last(digest: string): Promise<StoredRecord | undefined> {
    const message = await this.manager.streams.getMessage(this.#layout.stream, {
      last_by_subj: this.#layout.recordSubject(digest),
    });
    if (message === null) return undefined;
    return { record: message.json(), revision: message.seq, time: message.time };
  }

  async #isWhole({ nuid, chunks }: ObjectRecord): Promise<boolean> {
    const { state } = await this.manager.streams.info(this.#layout.stream, {
      subjects_filter: this.#layout.chunkSubject(nuid),
    });
    return state.subjects?.[this.#layout.chunkSubject(nuid)] === chunks;
  }

  async #subjects(filter: string): Promise<string[]> {
    const { state } = await this.manager.streams.info(this.#layout.stream, {
      subjects_filter: filter,
    });
    return Object.keys(state.subjects ?? {});
  }
}

function isOld(stored: StoredRecord, before: Date): boolean {
  return stored.time < before && !isRetained(stored);
}
