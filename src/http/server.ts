import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { getRequestListener, type HttpBindings } from "@hono/node-server";
import type { Hono } from "hono";
import { Timeouts } from "../shared/time.ts";
import { Acceptor } from "./connections.ts";
import { noteChunks, RequestTimeouts } from "./body.ts";
import type { Env } from "./env.ts";
import { ProtocolErrors } from "./protocol_errors.ts";
import { SECURITY_HEADERS } from "./middleware.ts";
import { boundedResponses, UnreadAnswers } from "./unread_answers.ts";

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

/** How often slow connections are searched. */
const CONNECTIONS_CHECK_INTERVAL_MS = 1000;

/** A listening server. */
export interface HttpServer {
  /** The port it listens on: the requested one, or a free one if that was 0. */
  readonly port: number;
  /** Starts answering with the app; requests before wait. */
  serve(app: Hono<Env>): void;
  /** Uses another certificate for new connections; for a server that speaks TLS. */
  renew(identity: TlsIdentity): void;
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
  host: string,
  port: number,
  limits: ServerLimits,
  identity?: TlsIdentity,
): Promise<HttpServer> {
  const { promise: isReady, resolve: serve } = Promise.withResolvers<Hono<Env>>();
  let app: Hono<Env> | undefined;
  // Replaces the global Request and Response by classes that make the real ones only when they are needed.
  const answer = getRequestListener(
    async (request, env) => (app ?? await isReady).fetch(request, env as HttpBindings),
    { errorHandler: answerUnusable },
  );
  const protocolErrors = new ProtocolErrors(limits);
  const slowReaders = new Timeouts<ServerResponse>(
    limits.answerTimeoutMs,
    (outgoing) => outgoing.destroy(),
  );
  const unread = new UnreadAnswers(limits.maxUnreadBytes);
  const responses = boundedResponses(unread, (outgoing) => slowReaders.add(outgoing));
  const { server, renew } = makeServer(limits, identity, responses, (incoming, outgoing) => {
    acceptor.connections.serve(incoming, outgoing);
    // A connection whose client does not take its complete response in time is closed: memory holds the response so long.
    outgoing.once("prefinish", () => slowReaders.add(outgoing));
    outgoing.once("close", () => slowReaders.delete(outgoing));
    noteChunks(incoming);
    requestTimeouts.add(incoming);
    if (!protocolErrors.rejects(incoming, outgoing)) answer(incoming, outgoing);
  });
  const requestTimeouts = new RequestTimeouts(server, limits.requestTimeoutMs);
  protocolErrors.attach(server);
  const acceptor = new Acceptor(server, limits.maxConnections);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
  return {
    port: acceptor.start().port,
    serve(ready) {
      app = ready;
      serve(ready);
    },
    renew,
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
    // Each request has its own, see RequestTimeouts.
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
