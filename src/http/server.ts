/** The server that listens, and the bound on the memory of answers that their clients do not read. */
import { createServer, type IncomingMessage, type Server, ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { getRequestListener, type HttpBindings } from "@hono/node-server";
import type { Hono } from "hono";
import { Buffer } from "node:buffer";
import { getLogger } from "@logtape/logtape";
import { Deadlines } from "../shared/time.ts";
import { Acceptor, type Endpoint } from "./connections.ts";
import { arrivingBodies, beginBody } from "./body.ts";
import type { Env } from "./env.ts";
import { answerProtocolErrors, headViolation, reject } from "./protocol_errors.ts";
import { SECURITY_HEADERS } from "./middleware.ts";
import { countOf, formatBytes } from "../config/mod.ts";
import { DomainError } from "../domain/errors.ts";
import { ByteBudget } from "../shared/byte_budget.ts";

/** Limits of the HTTP server, each a named setting in `src/config`; see `src/compose/descriptors.ts` for the last. */
interface ServerLimits {
  readonly maxHeaderBytes: number;
  readonly headerTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly answerTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  readonly maxConnections: number;
  readonly maxUnreadBytes: number;
}

/** The certificate and key of a server that speaks TLS, both in PEM. */
export interface TlsIdentity {
  /** The certificate, then its chain. */
  readonly cert: string;
  readonly key: string;
}

/** What answers requests. */
export interface RequestHandler {
  readonly app: Hono<Env>;
  /** Answers some requests at a lower cost than the app; its result says whether it does. */
  readonly shortRoute?: {
    serve(incoming: IncomingMessage, outgoing: ServerResponse): boolean;
  };
}

/** How often slow connections are searched. */
const CONNECTIONS_CHECK_INTERVAL_MS = 1000;

/** A listening server. */
export interface HttpServer {
  /** The port it listens on: the requested one, or a free one if that was 0. */
  readonly port: number;
  /** Starts answering; requests before wait. */
  serve(handler: RequestHandler): void;
  /** Uses another certificate for new connections; for a server that speaks TLS. */
  renew(identity: TlsIdentity): void;
  /**
   * From now on an answer closes its connection. A server on a held socket accepts no more connections, which wait for the
   * next server; any other still accepts connections, so that clients hear that it is stopping.
   * @param isBusy whether invocations run or wait
   * @returns resolves once the server on a held socket has no connection; undefined for any other
   */
  retire(isBusy: () => boolean): Promise<void> | undefined;
  /** Stops listening; resolves when every response is sent. Idle connections are closed at once. */
  close(): Promise<void>;
  /** Closes every connection at once. */
  cut(): void;
}

/**
 * Listens. Node's server and not Deno.serve: it limits the size of headers and the time of slow clients.
 * Rejects when the address is not available.
 * @param identity undefined for plain HTTP
 */
export async function listen(
  endpoint: Endpoint,
  limits: ServerLimits,
  identity?: TlsIdentity,
): Promise<HttpServer> {
  const { promise: isReady, resolve: serve } = Promise.withResolvers<RequestHandler>();
  let handler: RequestHandler | undefined;
  // Replaces the global Request and Response by classes that make the real ones only when they are needed.
  const answer = getRequestListener(
    async (request, env) => (handler ?? await isReady).app.fetch(request, env as HttpBindings),
    { errorHandler: answerUnusable },
  );
  const { answerTimeoutMs, requestTimeoutMs } = limits;
  // A connection whose client does not take its complete response in time is closed: memory holds the response so long.
  const slowReaders = new Deadlines<ServerResponse>((outgoing) => outgoing.destroy());
  const retired = { is: false };
  const responses = boundedResponses(
    new UnreadAnswers(limits.maxUnreadBytes),
    (outgoing) => slowReaders.add(outgoing, answerTimeoutMs),
    retired,
  );
  // The response that each connection waits for, until that is closed.
  const answers = new WeakMap<object, ServerResponse>();
  const { server, renew } = makeServer(limits, identity, responses, (incoming, outgoing) => {
    const { socket } = incoming;
    answers.set(socket, outgoing);
    acceptor.connections.serve(incoming, outgoing);
    beginBody(incoming, bodies, requestTimeoutMs);
    outgoing.once("prefinish", () => slowReaders.add(outgoing, answerTimeoutMs));
    outgoing.once("close", () => {
      bodies.delete(incoming);
      slowReaders.delete(outgoing);
      if (answers.get(socket) === outgoing) answers.delete(socket);
    });
    const violation = headViolation(incoming);
    if (violation !== undefined) return reject(violation, outgoing);
    if (handler?.shortRoute?.serve(incoming, outgoing) !== true) answer(incoming, outgoing);
  });
  const bodies = arrivingBodies(server);
  answerProtocolErrors(server, limits, answers);
  const acceptor = new Acceptor(server, endpoint, limits.maxConnections);
  const port = await acceptor.open();
  return {
    port,
    serve(ready) {
      handler = ready;
      serve(ready);
      acceptor.start();
    },
    renew,
    retire(isBusy) {
      retired.is = true;
      return acceptor.retire(isBusy);
    },
    close: () =>
      new Promise((resolve) => {
        acceptor[Symbol.dispose]();
        server.close(() => resolve());
        server.closeIdleConnections();
      }),
    cut: () => server.closeAllConnections(),
  };
}

function makeServer(
  limits: ServerLimits,
  identity: TlsIdentity | undefined,
  responses: typeof ServerResponse<IncomingMessage>,
  listener: (incoming: IncomingMessage, outgoing: ServerResponse) => void,
): { readonly server: Server; readonly renew: (identity: TlsIdentity) => void } {
  const options = {
    ServerResponse: responses,
    maxHeaderSize: limits.maxHeaderBytes,
    headersTimeout: limits.headerTimeoutMs,
    // Each body has its own, see beginBody.
    requestTimeout: 0,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    connectionsCheckingInterval: CONNECTIONS_CHECK_INTERVAL_MS,
  };
  if (identity === undefined) {
    return { server: createServer(options, listener), renew() {} };
  }
  const tls = { minVersion: "TLSv1.2", handshakeTimeout: limits.headerTimeoutMs } as const;
  const server = createTlsServer({ ...options, ...tls, ...identity }, listener);
  return { server, renew: (renewed) => server.setSecureContext({ ...tls, ...renewed }) };
}

/** Answers a request of which no URL can be made: a hostile path or Host header. */
function answerUnusable(): Response {
  return Response.json(
    { code: 3, message: "The path or the Host header of the request is not valid", details: [] },
    { status: 400, headers: { ...SECURITY_HEADERS, Connection: "close" } },
  );
}

const logger = getLogger(["invoked", "http"]);

/** An answer up to this size takes nothing of the budget: `--max-connections` bounds how many there are. */
export const SMALL_ANSWER_BYTES = 16 * 1024;
/** Bytes of a larger one that are written at a time, so that it shows whether its client reads. */
const WRITE_BYTES = 64 * 1024;
/** How often clients that read nothing are searched while answers wait, and after how many times in a row they are cut. */
const TICK_MS = 500;
const TICKS_MAX = 4;
/** A flood of such clients writes one line in this time. */
const LOG_INTERVAL_MS = 60_000;
const RETRY_AFTER_SECONDS = 1;

/** An answer that is sent. */
interface Sending {
  readonly outgoing: ServerResponse;
  /** Whether it waits for its client to take bytes, and not for the server. */
  isStuck: boolean;
  /** Ticks since then. */
  ticks: number;
}

/**
 * The memory for answers above {@link SMALL_ANSWER_BYTES} that clients have not taken. An answer takes its whole size before
 * it is read from the store. While answers wait for that, connections are cut whose clients take nothing.
 */
export class UnreadAnswers {
  readonly #budget: ByteBudget;
  readonly #sending = new Map<ServerResponse, Sending>();
  /** What the answers that wait have in memory already. */
  #heldBytes = 0;
  #waiting = 0;
  #ticker: ReturnType<typeof setInterval> | undefined;
  #cut = 0;
  #loggedAt = -Infinity;

  constructor(limitBytes: number) {
    this.#budget = new ByteBudget(limitBytes);
  }

  /** Whether an answer of this size would have to wait. */
  isFull(bytes: number): boolean {
    return !this.#budget.hasNow(this.#shareOf(bytes));
  }

  /**
   * Takes the memory of an answer until it is sent or its connection is closed, after those who asked earlier.
   * @param heldBytes of it that are in memory while it waits
   * @returns false if its client is gone
   * @throws ANSWERS_UNREAD if answers that wait already hold as much as the limit
   */
  async take(outgoing: ServerResponse, bytes: number, heldBytes: number): Promise<boolean> {
    if (this.#sending.has(outgoing)) return true;
    if (outgoing.destroyed) return false;
    const isHeld = this.#heldBytes > 0 && this.#heldBytes + heldBytes > this.#budget.limitBytes;
    if (isHeld && this.isFull(bytes)) {
      throw this.#tooMuch();
    }
    const gone = new AbortController();
    const leave = () => gone.abort();
    outgoing.once("close", leave);
    this.#wait(heldBytes, 1);
    const taken = await this.#budget.take(this.#shareOf(bytes), gone.signal);
    this.#wait(-heldBytes, -1);
    outgoing.off("close", leave);
    // It may have left between the grant and this moment.
    if (gone.signal.aborted) taken?.[Symbol.dispose]();
    if (taken === undefined || gone.signal.aborted) return false;
    this.#sending.set(outgoing, { outgoing, isStuck: false, ticks: 0 });
    outgoing.once("close", () => {
      this.#sending.delete(outgoing);
      taken[Symbol.dispose]();
    });
    return true;
  }

  /** An answer begins to wait for its client, or its client has taken bytes. */
  note(outgoing: ServerResponse, isStuck: boolean): void {
    const sending = this.#sending.get(outgoing);
    if (sending !== undefined) Object.assign(sending, { isStuck, ticks: 0 });
  }

  /** One answer larger than the limit is sent if no other is. */
  #shareOf(bytes: number): number {
    return Math.min(bytes, this.#budget.limitBytes);
  }

  #wait(heldBytes: number, count: 1 | -1): void {
    this.#heldBytes += heldBytes;
    this.#waiting += count;
    if (this.#waiting > 0) return void (this.#ticker ??= setInterval(() => this.#tick(), TICK_MS));
    clearInterval(this.#ticker);
    this.#ticker = undefined;
  }

  /** Between two ticks the event loop has looked for clients that read, however busy it is. */
  #tick(): void {
    for (const sending of this.#sending.values()) {
      if (!sending.isStuck || ++sending.ticks < TICKS_MAX || !this.#budget.isWanted) continue;
      this.cut(sending.outgoing);
    }
  }

  /** Closes the connection of an answer; its event gives the bytes back. */
  cut(outgoing: ServerResponse): void {
    outgoing.destroy();
    this.#cut++;
    this.#logCut();
  }

  #logCut(): void {
    const now = performance.now();
    if (this.#cut === 0 || now - this.#loggedAt < LOG_INTERVAL_MS) return;
    this.#loggedAt = now;
    logger.warn(
      "Closed {connections} since the last such line: unread answers have reached the limit of {limit} " +
        "(--max-unread), others wait, and these clients read nothing",
      {
        connections: countOf(this.#cut, "connection"),
        limit: formatBytes(this.#budget.limitBytes),
      },
    );
    this.#cut = 0;
  }

  #tooMuch(): DomainError {
    return new DomainError(
      "ANSWERS_UNREAD",
      `Too many responses wait for slow clients: unread responses have used the limit of ${
        formatBytes(this.#budget.limitBytes)
      } (--max-unread), and as many bytes are waiting`,
      { retryAfterSeconds: RETRY_AFTER_SECONDS },
    );
  }
}

/** A response whose body takes its part of the memory for unread answers, whoever sends it. */
export abstract class BoundedResponse extends ServerResponse {
  /** Of the server. */
  abstract get unread(): UnreadAnswers;
  /** Called once a large body begins to leave. */
  abstract onSending(): void;

  override end(...args: unknown[]): this {
    const [body, encoding] = args;
    const isBody = typeof body === "string" || body instanceof Uint8Array;
    if (!isBody || body.length <= SMALL_ANSWER_BYTES || this.req.method === "HEAD") {
      return super.end(...args as []);
    }
    this.#send(typeof body === "string" ? Buffer.from(body, encoding as BufferEncoding) : body);
    return this;
  }

  async #send(body: Uint8Array): Promise<void> {
    try {
      if (!await this.unread.take(this, body.length, body.length)) return;
    } catch {
      // Its head may have been sent, so that it cannot become an error.
      return this.unread.cut(this);
    }
    this.onSending();
    if (!this.headersSent) this.setHeader("Content-Length", body.length);
    for (let at = 0; at < body.length && !this.destroyed; at += WRITE_BYTES) {
      if (this.write(body.subarray(at, at + WRITE_BYTES))) continue;
      this.unread.note(this, true);
      await drained(this);
      this.unread.note(this, false);
    }
    if (this.destroyed) return;
    this.unread.note(this, true);
    super.end();
  }
}

/** Resolves once the response can take more, or is closed. */
async function drained(outgoing: ServerResponse): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const done = () => resolve();
  outgoing.once("drain", done);
  outgoing.once("close", done);
  await promise;
  outgoing.off("drain", done);
  outgoing.off("close", done);
}

/**
 * The class of the responses of a server.
 * @param onSending called once a large body begins to leave
 * @param retired whether each response is the last of its connection
 */
function boundedResponses(
  unread: UnreadAnswers,
  onSending: (outgoing: ServerResponse) => void,
  retired: { readonly is: boolean },
): typeof ServerResponse<IncomingMessage> {
  return class extends BoundedResponse {
    override get unread() {
      return unread;
    }
    override onSending() {
      onSending(this);
    }
    override writeHead(...args: unknown[]): this {
      if (retired.is) this.shouldKeepAlive = false;
      return super.writeHead(...args as [number]);
    }
  } as unknown as typeof ServerResponse<IncomingMessage>;
}
