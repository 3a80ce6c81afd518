import type { IncomingMessage } from "node:http";
import { parseJson } from "../api/json.ts";
import type { RawBody } from "../api/operation.ts";
import { formatBytes } from "../config/mod.ts";
import { DomainError } from "../domain/errors.ts";
import type { BodyBudget } from "./body_budget.ts";

/** A body up to this size takes nothing of the budget: `--max-connections` bounds how many there are. */
const SMALL_BODY_BYTES = 16 * 1024;

/** What chunks may have beside the body: at most this, and 8 bytes for each byte of the body, as chunks of 1 byte have. */
const CHUNK_OVERHEAD_BYTES_MAX = 16 * 1024;
const CHUNK_OVERHEAD_PER_BYTE_MAX = 8;

/** Limits of the bodies of requests. */
export interface BodyLimits {
  /** Largest body of JSON, in bytes. */
  readonly maxBodyBytes: number;
  readonly budget: BodyBudget;
}

/**
 * Passes a request's body to `use` and keeps its share of the budget meanwhile.
 * Reads from Node's request, because Hono's keeps the bytes as long as the request lives.
 * @param limitName the setting that holds the limit, for the message
 * @throws BODY_TOO_LARGE, RECEIVING_TOO_MUCH
 */
async function readBody<T>(
  incoming: IncomingMessage,
  limitBytes: number,
  limitName: string,
  budget: BodyBudget,
  use: (body: Uint8Array) => T,
): Promise<T> {
  const tooLarge = () =>
    new DomainError(
      "BODY_TOO_LARGE",
      `Request body too large: it exceeds the limit of ${formatBytes(limitBytes)} (${limitName})`,
    );
  const length = incoming.headers["content-length"];
  const declaredBytes = length === undefined ? undefined : Number(length);
  if ((declaredBytes ?? 0) > limitBytes) throw tooLarge();
  using share = new Share(budget, declaredBytes ?? limitBytes);
  if ((declaredBytes ?? 0) > SMALL_BODY_BYTES) await share.take();
  const isFramed = declaredBytes === undefined ? chunkChecker(incoming) : undefined;
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  // A destroyed request could not be answered.
  const read = incoming.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>;
  for await (const chunk of read) {
    bytes += chunk.length;
    if (bytes > limitBytes) throw tooLarge();
    if (isFramed?.(bytes) === false) throw tooManyExtensions();
    if (bytes > SMALL_BODY_BYTES) await share.take();
    chunks.push(chunk);
  }
  return use(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks));
}

/** For requests in chunks: the bytes that their connection had received when their headers were read. */
const receivedBefore = new WeakMap<IncomingMessage, number>();

/** Called for each request at once: when its body is read, the parser may have gone over much of it. */
export function noteChunks(incoming: IncomingMessage): void {
  if (incoming.headers["transfer-encoding"] === undefined) return;
  receivedBefore.set(incoming, incoming.socket.bytesRead);
}

/** For a body in chunks: {@link chunkChecker}; undefined for any other. */
export function framing(incoming: IncomingMessage): ((bytes: number) => boolean) | undefined {
  return incoming.headers["transfer-encoding"] === undefined ? undefined : chunkChecker(incoming);
}

/** Checks whether bytes of a body came without extensions beyond the limit; Node's parser drops them unseen. */
function chunkChecker(incoming: IncomingMessage): (bytes: number) => boolean {
  const before = receivedBefore.get(incoming) ?? 0;
  return (bytes) =>
    incoming.socket.bytesRead - before <=
      CHUNK_OVERHEAD_BYTES_MAX + (1 + CHUNK_OVERHEAD_PER_BYTE_MAX) * bytes;
}

export function tooManyExtensions(): DomainError {
  return new DomainError(
    "BODY_TOO_LARGE",
    `Request body rejected: the extensions of its chunks exceed the limit of ${
      formatBytes(CHUNK_OVERHEAD_BYTES_MAX)
    }`,
  );
}

/** What one body takes of the budget: all at once, or nothing. */
class Share implements Disposable {
  readonly #budget: BodyBudget;
  readonly #bytes: number;
  #taken: Disposable | undefined;

  constructor(budget: BodyBudget, bytes: number) {
    this.#budget = budget;
    this.#bytes = bytes;
  }

  async take(): Promise<void> {
    this.#taken ??= await this.#budget.take(this.#bytes);
  }

  [Symbol.dispose](): void {
    this.#taken?.[Symbol.dispose]();
  }
}

/**
 * The JSON value of a request's body; `{}` for an empty body.
 * @throws BODY_TOO_LARGE, BODY_NOT_JSON, RECEIVING_TOO_MUCH
 */
export function readJson(
  incoming: IncomingMessage,
  { maxBodyBytes, budget }: BodyLimits,
): Promise<unknown> {
  return readBody(incoming, maxBodyBytes, "--max-body", budget, parseJson);
}

/** The body of a request, for operations that read bytes. @param request the same request as `incoming` */
export function rawBody(
  incoming: IncomingMessage,
  request: Request,
  { budget }: BodyLimits,
): RawBody {
  return {
    mediaType: incoming.headers["content-type"]?.split(";")[0]?.trim().toLowerCase(),
    get headers() {
      return Object.fromEntries(request.headers);
    },
    get query() {
      return new URL(request.url).searchParams;
    },
    get stream() {
      return request.body ?? new Blob().stream();
    },
    read: (limitBytes, limitName) =>
      readBody(incoming, limitBytes, limitName, budget, (body) => body),
  };
}
