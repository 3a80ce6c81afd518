/** The bodies of requests: their limits in bytes, memory and time, and what becomes of one that nobody reads. */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { RawBody } from "../api/operation.ts";
import { formatBytes, formatDuration } from "../config/mod.ts";
import { DomainError } from "../domain/errors.ts";
import { ByteBudget } from "../shared/byte_budget.ts";
import { GatheredBytes } from "../shared/gathered_bytes.ts";
import { Deadlines } from "../shared/time.ts";

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
 * @throws BODY_TOO_LARGE, RECEIVING_TOO_MUCH, and what `use` throws
 */
export async function receiveBody<T>(
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
  // All of its bytes at once, or nothing.
  let share: Disposable | undefined;
  try {
    if ((declaredBytes ?? 0) > SMALL_BODY_BYTES) share = await budget.take(declaredBytes ?? 0);
    const isFramed = declaredBytes === undefined ? chunkChecker(incoming) : undefined;
    const body = new GatheredBytes(declaredBytes ?? limitBytes);
    // A destroyed request could not be answered.
    const read = incoming.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>;
    for await (const chunk of read) {
      const bytes = body.length + chunk.length;
      if (bytes > limitBytes) throw tooLarge();
      if (isFramed?.(bytes) === false) throw tooManyExtensions();
      if (bytes > SMALL_BODY_BYTES) share ??= await budget.take(declaredBytes ?? limitBytes);
      body.add(chunk);
    }
    return use(body.bytes());
  } finally {
    share?.[Symbol.dispose]();
  }
}

/** For requests in chunks: the bytes that their connection had received when their headers were read. */
const receivedBefore = new WeakMap<IncomingMessage, number>();

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
      receiveBody(incoming, limitBytes, limitName, budget, (body) => body),
  };
}

/** How long a body waits for others to be received before its request is rejected. */
const WAIT_MS = 5_000;
const RETRY_AFTER_SECONDS = 1;

/**
 * The memory for bodies that are being received, in bytes. A body takes its whole size before it is read: with parts,
 * bodies could wait for each other. Before that its bytes stay with the client.
 */
export class BodyBudget {
  readonly #budget: ByteBudget;
  readonly #waitMs: number;

  constructor(limitBytes: number, waitMs: number = WAIT_MS) {
    this.#budget = new ByteBudget(limitBytes);
    this.#waitMs = waitMs;
  }

  /**
   * Takes bytes, after those who asked earlier; gives them back when disposed.
   * @param bytes at most the limit
   * @throws RECEIVING_TOO_MUCH
   */
  async take(bytes: number): Promise<Disposable> {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), this.#waitMs);
    const taken = await this.#budget.take(bytes, late.signal);
    clearTimeout(timer);
    if (taken === undefined) throw this.#tooMuch();
    return taken;
  }

  #tooMuch(): DomainError {
    return new DomainError(
      "RECEIVING_TOO_MUCH",
      `The server is receiving too many large bodies: other requests have used the limit of ${
        formatBytes(this.#budget.limitBytes)
      } (--max-receiving) for ${formatDuration(this.#waitMs)}`,
      { retryAfterSeconds: RETRY_AFTER_SECONDS },
    );
  }
}

/** Bodies that are being received, and must arrive in time. */
type ArrivingBodies = Deadlines<IncomingMessage>;

const arriving = new WeakMap<IncomingMessage, ArrivingBodies>();

/** The error of Node's own timer, which knows one limit for all requests. */
class RequestTimeout extends Error {
  readonly code = "ERR_HTTP_REQUEST_TIMEOUT";
}

/** Ends requests whose bodies take too long to arrive. Its owner deletes requests whose responses are closed. */
export function arrivingBodies(server: Server): ArrivingBodies {
  return new Deadlines((incoming) => {
    if (!incoming.complete) server.emit("clientError", new RequestTimeout(), incoming.socket);
  });
}

/**
 * Begins the time of a body. To be called as soon as the headers of its request have arrived: when the body is read, the
 * parser may have gone over much of it.
 */
export function beginBody(
  incoming: IncomingMessage,
  bodies: ArrivingBodies,
  timeoutMs: number,
): void {
  const { headers, socket } = incoming;
  const isChunked = headers["transfer-encoding"] !== undefined;
  if (isChunked) receivedBefore.set(incoming, socket.bytesRead);
  const hasBody = isChunked || (headers["content-length"] ?? "0") !== "0";
  if (!hasBody || incoming.complete) return;
  bodies.add(incoming, timeoutMs);
  arriving.set(incoming, bodies);
}

/** The request has limits of its own from here on. */
export function withoutRequestTimeout(incoming: IncomingMessage): void {
  arriving.get(incoming)?.delete(incoming);
}

/** How long a connection takes the rest of a body that nobody reads, after its response. */
const LINGER_MS = 5_000;

/**
 * Closes the connection after a response whose head is not sent yet, unless the body has arrived by now: else the rest had
 * to be read. The connection lingers first. Closing it while bytes arrive resets it, and the client loses the response.
 */
export function closeAfter(incoming: IncomingMessage, outgoing: ServerResponse): void {
  if (incoming.complete) return;
  outgoing.setHeader("Connection", "close");
  const { socket } = incoming;
  // Node's server calls this when the response is sent.
  socket.destroySoon = () => linger(socket, incoming);
}

/** Ends the server's side; drops what arrives until the client ends its side, for {@link LINGER_MS} at most. */
function linger(socket: Socket, incoming: IncomingMessage): void {
  const limit = setTimeout(() => socket.destroy(), LINGER_MS);
  Deno.unrefTimer(limit);
  socket.once("close", () => clearTimeout(limit));
  incoming.once("end", () => socket.destroy());
  socket.end();
  incoming.resume();
}
