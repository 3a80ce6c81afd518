/**
 * How a bucket lies in its stream: the layout of NATS object stores, which its tools read as well. A bucket has a
 * record for each object and messages with its chunks. The part of the subject that names the chunks begins with the
 * digest, so that a list of subjects shows which chunks belong to no object.
 */
import { Base64UrlPaddedCodec } from "@nats-io/obj";
import { RETENTION_MAX_MS } from "./retentions.ts";

/** The bucket of commits, whose artifacts API nodes send to workers. */
export const COMMITS_BUCKET = "invoked_commits";
export const VOLUMES_BUCKET = "invoked_volumes";

/** The record of an object, as NATS object stores have it. */
export interface ObjectRecord {
  readonly name: string;
  readonly bucket: string;
  /** The last part of the subject of its chunks. */
  readonly nuid: string;
  /** Bytes of all sealed chunks. */
  readonly size: number;
  readonly chunks: number;
  /** SHA-256 of all sealed chunks, `SHA-256=` and base64. */
  readonly digest: string;
  readonly mtime: string;
  /** The id of the object's key. */
  readonly description?: string;
  /** When each node's retention ends at the latest, by the name of the node. */
  readonly metadata?: Metadata;
  readonly options?: { readonly max_chunk_size: number };
  readonly deleted?: boolean;
}

/** What a record says of retentions. */
export type Metadata = Readonly<Record<string, string>>;

/** A record with its sequence in the stream. */
export interface StoredRecord {
  readonly record: ObjectRecord;
  /** Its sequence: a change names it, so that of two changes at once one fails. */
  readonly revision: number;
  /** When it was written, by the clock of NATS. */
  readonly time: Date;
}

/** Subjects of one bucket. */
export class Layout {
  readonly stream: string;
  readonly allRecords: string;
  readonly allChunks: string;

  constructor(readonly bucket: string) {
    this.stream = `OBJ_${bucket}`;
    this.allRecords = `$O.${bucket}.M.>`;
    this.allChunks = `$O.${bucket}.C.>`;
  }

  recordSubject(digest: string): string {
    return `$O.${this.bucket}.M.${Base64UrlPaddedCodec.encode(digest)}`;
  }

  chunkSubject(nuid: string): string {
    return `$O.${this.bucket}.C.${nuid}`;
  }

  /** The digest in the subject of a record; undefined for another subject. */
  digestOf(subject: string): string | undefined {
    const prefix = this.allRecords.slice(0, -1);
    if (!subject.startsWith(prefix)) return undefined;
    const name = Base64UrlPaddedCodec.decode(subject.slice(prefix.length));
    return typeof name === "string" && isDigest(name) ? name : undefined;
  }

  /** The nuid in the subject of chunks; undefined for another subject. */
  nuidOf(subject: string): string | undefined {
    const prefix = this.allChunks.slice(0, -1);
    return subject.startsWith(prefix) ? subject.slice(prefix.length) : undefined;
  }
}

/** What a record says of a node that retains its object. The name is unique: what other nodes write is not changed. */
export function retentionOf(node: string): Metadata {
  return { [node]: new Date(Date.now() + RETENTION_MAX_MS).toISOString() };
}

/**
 * Whether a node retains the object: its retention has not ended, by the clock of NATS. The end that the record names comes
 * from the clock of the node, which may be wrong, and counts for nodes of earlier versions alone.
 */
export function isRetained({ record: { metadata = {} }, time }: StoredRecord): boolean {
  return Object.keys(metadata).length > 0 && time.getTime() + RETENTION_MAX_MS > Date.now();
}

/** The name of new chunks of an object. */
export function newNuid(digest: string): string {
  return `${digest}-${crypto.randomUUID()}`;
}

/** The digest that the name of chunks begins with. */
export function digestOfNuid(nuid: string): string {
  return nuid.slice(0, 64);
}

export function isDigest(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}
