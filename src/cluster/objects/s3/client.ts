import { AwsClient } from "aws4fetch";
import { createHash } from "node:crypto";
import type { S3Address, S3Keys } from "../../../config/mod.ts";
import { backoffMs } from "../../../shared/backoff.ts";
import { ByteBudget } from "../../../shared/byte_budget.ts";
import { gatherBytes } from "../../../shared/gathered_bytes.ts";
import { ObjectsUnavailable } from "../../../shared/objects.ts";
import { pause } from "../../../shared/pause.ts";
import { type ListedObject, type Listing, readListing, readUploads, textOf } from "./xml.ts";

/** How long one attempt of a request may take, for each {@link TIMEOUT_BYTES} of its body. */
const ATTEMPT_TIMEOUT_MS = 30_000;
const TIMEOUT_BYTES = 8 * 1024 * 1024;
/** The same for a worker that reads an artifact, so that a second attempt is in time for its invocation. */
const URL_ATTEMPT_TIMEOUT_MS = 10_000;
const ATTEMPTS_MAX = 5;
const BACKOFF = { initialMs: 100, maxMs: 5_000 };
/** Bytes of an answer that is no content. S3 lists at most 1,000 objects at a time. */
const ANSWER_MAX_BYTES = 4 * 1024 * 1024;
/** S3 accepts signed URLs for at most so long. */
const URL_SECONDS = 7 * 24 * 60 * 60;
/** Answers after which the same request may succeed: S3 is busy, or a part of it failed. */
const REPEATED_STATUSES: readonly number[] = [408, 429, 500, 502, 503, 504];
/** The same by code: an answer that reports its error after status 200 has only the code. */
const REPEATED_CODES: readonly string[] = [
  "InternalError",
  "RequestTimeout",
  "ServiceUnavailable",
  "SlowDown",
];
/** The body of a failed request. */
const ERROR_BODY = /^\s*(?:<\?xml[^>]*>\s*)?<Error[\s>]/;
/** Memory of all uploads in parts, each of which has one part in memory. */
const PARTS_MAX_BYTES = 512 * 1024 * 1024;
const FULL_CODES: readonly string[] = ["QuotaExceeded", "EntityTooLarge", "XMinioStorageFull"];

interface RequestOptions {
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array<ArrayBuffer>;
  /** Bytes that the answer may have; {@link ANSWER_MAX_BYTES} by default. */
  readonly maxBytes?: number;
  /** Time in the signature: S3 rejects the request 15 minutes later. Now by default. */
  readonly signedAt?: Date;
  /** What the answer to a successful request contains: another answer is no success. */
  readonly expected?: string;
  /** The method of the request; `GET` by default. */
  readonly method?: "GET" | "PUT" | "POST" | "DELETE";
}

/** How a request is repeated. */
interface Repetition {
  readonly attempts: number;
  /** How long one attempt may take. */
  readonly timeoutMs: number;
  readonly maxBytes?: number | undefined;
  /** Whether the answer has content, which may look like an error. */
  readonly reads: boolean;
  readonly expected?: string | undefined;
  /** Ends all attempts. */
  readonly signal?: AbortSignal;
}

/** The whole answer to a request. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array;
}

/** S3 rejects a request. The message names the cause for operators. */
export class S3Error extends Error {
  override name = "S3Error";

  /**
   * @param code of S3, such as `NoSuchKey`; empty if the answer has none
   * @param region the region of the bucket, if the answer names it
   */
  constructor(
    readonly status: number,
    readonly code: string,
    readonly region: string | undefined,
  ) {
    super(`S3 answered ${status}${code === "" ? "" : ` ${code}`}`);
  }
}

/** Requests to one bucket. Every request can be repeated without harm. */
export class S3Client {
  readonly #base: string;
  readonly #signer: AwsClient;
  /** Bytes of parts that are in memory. */
  readonly parts = new ByteBudget(PARTS_MAX_BYTES);

  /** @param attempts how often a request is sent while S3 does not answer */
  constructor(
    readonly address: S3Address,
    { accessKeyId, secretAccessKey, sessionToken }: S3Keys,
    private readonly attempts = ATTEMPTS_MAX,
  ) {
    this.#base = baseOf(address);
    this.#signer = new AwsClient({
      accessKeyId: accessKeyId.reveal(),
      secretAccessKey: secretAccessKey.reveal(),
      ...sessionToken && { sessionToken: sessionToken.reveal() },
      service: "s3",
      region: address.region,
      retries: 0,
    });
  }

  /** The content of an object. @throws S3Error, ObjectsUnavailable */
  async get(key: string): Promise<Uint8Array> {
    return (await this.request(key)).body;
  }

  /** The content of an object; undefined if the object does not exist. @throws S3Error, ObjectsUnavailable */
  async find(key: string): Promise<Uint8Array | undefined> {
    try {
      return await this.get(key);
    } catch (error) {
      if (error instanceof S3Error && error.status === 404) return undefined;
      throw error;
    }
  }

  /**
   * Bytes of an object from an offset, and the size of the object.
   * @returns undefined if the object does not exist
   * @throws S3Error, ObjectsUnavailable
   */
  async range(
    key: string,
    offset: number,
    length: number,
  ): Promise<{ readonly bytes: Uint8Array; readonly size: number } | undefined> {
    const range = `bytes=${offset}-${offset + length - 1}`;
    try {
      const { headers, body } = await this.request(key, { headers: { range }, maxBytes: length });
      const size = /\/(\d{1,15})$/.exec(headers.get("content-range") ?? "")?.[1];
      return { bytes: body, size: size === undefined ? body.length : Number(size) };
    } catch (error) {
      if (!(error instanceof S3Error)) throw error;
      if (error.status === 404 && error.code !== "NoSuchBucket") return undefined;
      // The object ends before the offset.
      if (error.status === 416) return { bytes: new Uint8Array(), size: 0 };
      throw error;
    }
  }

  /**
   * Stores an object whole, or nothing. @throws S3Error, ObjectsUnavailable
   * @param signedAt from 15 minutes after this time on, S3 does not accept the object
   */
  async put(key: string, body: Uint8Array<ArrayBuffer>, signedAt?: Date): Promise<void> {
    await this.request(key, { method: "PUT", body, ...signedAt && { signedAt } });
  }

  /**
   * Deletes an object, if it exists. @throws S3Error, ObjectsUnavailable
   * @param signedAt from 15 minutes after this time on, S3 does not accept the deletion
   */
  async delete(key: string, signedAt?: Date): Promise<void> {
    await this.request(key, { method: "DELETE", ...signedAt && { signedAt } });
  }

  /**
   * All objects whose keys begin with a prefix, in the order of their keys: for the few keys of one object.
   * @throws S3Error, ObjectsUnavailable
   */
  async list(prefix: string): Promise<Listing> {
    const objects: ListedObject[] = [];
    let time = new Date();
    for await (const page of this.pages(prefix)) {
      objects.push(...page.objects);
      ({ time } = page);
    }
    return { objects, time };
  }

  /** As {@link list}, up to 1,000 objects at a time: for a whole bucket. @throws S3Error, ObjectsUnavailable */
  async *pages(prefix: string): AsyncGenerator<Listing> {
    let after: string | undefined;
    for (;;) {
      const page = await this.#page(prefix, after === undefined ? {} : { "start-after": after });
      yield page;
      const last = page.objects.at(-1)?.key ?? "";
      if (!page.isTruncated) return;
      // A service that ignores `start-after` would be asked for ever.
      if (after !== undefined && last <= after) {
        throw new S3Error(200, "list without order", undefined);
      }
      after = last;
    }
  }

  /**
   * Ends uploads in parts that began before a time, and were never completed.
   * @param isAbandoned whether nobody continues the upload of this key
   * @throws S3Error, ObjectsUnavailable
   */
  async abortUploads(
    prefix: string,
    before: Date,
    isAbandoned: (key: string) => boolean | Promise<boolean>,
  ): Promise<void> {
    for (const { key, uploadId, begunAt } of await this.#uploads(prefix)) {
      if (begunAt >= before || !key.startsWith(prefix) || !await isAbandoned(key)) continue;
      await this.request(key, { method: "DELETE", query: { uploadId } });
    }
  }

  /**
   * Checks that the bucket exists, that its objects and uploads can be listed, and that an object can be written, read
   * and deleted.
   * @param name unique among all that check or probe
   * @throws S3Error, ObjectsUnavailable
   */
  async check(name: string): Promise<void> {
    await this.#page(this.address.prefix, { "max-keys": "1" });
    await this.#uploads(this.address.prefix, { "max-uploads": "1" });
    await this.probe(name, (key) => this.get(key));
  }

  /**
   * Writes an object and deletes it.
   * @param name unique among all that check or probe
   * @param use gets the key of the object before the deletion
   * @throws S3Error, ObjectsUnavailable
   */
  async probe(name: string, use?: (key: string) => Promise<unknown>): Promise<void> {
    const key = `${this.address.prefix}probe/${name}`;
    await this.put(key, new Uint8Array(1));
    await use?.(key);
    await this.delete(key);
  }

  /** A URL with which anybody can read an object, for seven days. */
  async urlOf(key: string): Promise<string> {
    const url = `${this.#base}/${key}?X-Amz-Expires=${URL_SECONDS}`;
    return (await this.#signer.sign(url, { aws: { signQuery: true } })).url;
  }

  /** @param key empty for the bucket itself @throws S3Error, ObjectsUnavailable */
  async request(key: string, options: RequestOptions = {}): Promise<Answer> {
    const { query = {}, method = "GET", headers, body, maxBytes, signedAt, expected } = options;
    const url = `${this.#base}/${key}?${new URLSearchParams(query)}`.replace(/\?$/, "");
    const hash = createHash("sha256").update(body ?? "").digest("hex");
    const send = async (signal: AbortSignal) => {
      const signed = await this.#signer.sign(url, {
        method,
        headers: { ...headers, "x-amz-content-sha256": hash },
        ...body && { body },
        aws: signedAt === undefined ? {} : { datetime: amzDate(signedAt) },
      });
      return await fetch(signed, { signal, redirect: "manual" });
    };
    const units = Math.max(1, Math.ceil((body?.length ?? 0) / TIMEOUT_BYTES));
    return await repeated(send, {
      attempts: this.attempts,
      timeoutMs: ATTEMPT_TIMEOUT_MS * units,
      maxBytes,
      reads: method === "GET",
      expected,
    });
  }

  /** The first uploads in parts that were never completed, up to 1,000. */
  async #uploads(prefix: string, further: Readonly<Record<string, string>> = {}) {
    const { body } = await this.request("", { query: { uploads: "", prefix, ...further } });
    return readUploads(new TextDecoder().decode(body));
  }

  async #page(prefix: string, further: Readonly<Record<string, string>>) {
    const query = { "list-type": "2", prefix, ...further };
    const { body, headers } = await this.request("", { query });
    return readListing(new TextDecoder().decode(body), headers.get("date"));
  }
}

/**
 * Reads bytes of an object by a signed URL.
 * @param signal ends all attempts
 * @throws S3Error, ObjectsUnavailable
 */
export async function getByUrl(
  url: string,
  range: string,
  maxBytes: number,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const send = (attempt: AbortSignal) =>
    fetch(url, { headers: { range }, signal: attempt, redirect: "manual" });
  const { body } = await repeated(send, {
    attempts: ATTEMPTS_MAX,
    timeoutMs: URL_ATTEMPT_TIMEOUT_MS,
    maxBytes,
    reads: true,
    signal,
  });
  return body;
}

/** Sends a request again while S3 does not answer or is busy. */
async function repeated(
  send: (signal: AbortSignal) => Promise<Response>,
  {
    attempts,
    timeoutMs,
    maxBytes = ANSWER_MAX_BYTES,
    reads,
    expected,
    signal: stopping = new AbortController().signal,
  }: Repetition,
): Promise<Answer> {
  for (let attempt = 1;; attempt++) {
    let failure: unknown;
    try {
      const response = await send(AbortSignal.any([AbortSignal.timeout(timeoutMs), stopping]));
      const answer = await wholeAnswer(response, response.ok ? maxBytes : ANSWER_MAX_BYTES);
      const error = errorIn(answer, reads);
      if (error === undefined && isWhole(answer, expected)) return answer;
      if (error !== undefined && !isTemporary(error)) throw classified(error);
      failure = error ?? new S3Error(answer.status, `without ${expected}`, undefined);
    } catch (error) {
      if (error instanceof S3Error || error instanceof ObjectsUnavailable) throw error;
      failure = error;
    }
    const isLast = attempt >= attempts || stopping.aborted;
    if (isLast) throw new ObjectsUnavailable("OBJECTS_AWAY", failure);
    await pause(backoffMs(BACKOFF, attempt), stopping);
  }
}

async function wholeAnswer(response: Response, maxBytes: number): Promise<Answer> {
  const tooLong = () => new S3Error(response.status, "answer too long", undefined);
  const body = await gatherBytes(response.body ?? [], maxBytes, tooLong);
  return { status: response.status, headers: response.headers, body };
}

/** S3 sends the status of a long request before the end of its work: an error then is in the body. */
function errorIn({ status, headers, body }: Answer, reads: boolean): S3Error | undefined {
  const isSuccess = status >= 200 && status < 300;
  if (isSuccess && reads) return undefined;
  const text = new TextDecoder().decode(body);
  if (isSuccess && !ERROR_BODY.test(text)) return undefined;
  const region = headers.get("x-amz-bucket-region") ?? textOf(text, "Region");
  return new S3Error(status, textOf(text, "Code") ?? "", region);
}

function isWhole({ body }: Answer, expected: string | undefined): boolean {
  return expected === undefined || new TextDecoder().decode(body).includes(expected);
}

function isTemporary({ status, code }: S3Error): boolean {
  return REPEATED_STATUSES.includes(status) || REPEATED_CODES.includes(code);
}

/** A full store, and one that no longer accepts the credentials, are unavailable: nothing is wrong with the request. */
function classified(error: S3Error): Error {
  if (error.status === 507 || FULL_CODES.includes(error.code)) {
    return new ObjectsUnavailable("OBJECTS_FULL", error);
  }
  const isDenied = error.status === 401 || error.status === 403;
  return isDenied ? new ObjectsUnavailable("OBJECTS_DENIED", error) : error;
}

/** AWS names the bucket in the host; a certificate for such hosts covers no bucket with a dot. */
function baseOf({ bucket, endpoint, region }: S3Address): string {
  if (endpoint !== undefined) return `${endpoint}/${bucket}`;
  const host = `s3.${region}.amazonaws.com`;
  return bucket.includes(".") ? `https://${host}/${bucket}` : `https://${bucket}.${host}`;
}

/** As signatures have it: `20261201T000000Z`. */
function amzDate(time: Date): string {
  return time.toISOString().replace(/[:-]|\.\d{3}/g, "");
}
