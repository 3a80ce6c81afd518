/**
 * The egress proxy: the only way from a function to the network.
 *
 * Every instance has an *egress socket*, a unix socket of its own, and can connect to nothing else. A run opens an
 * *egress session* on it, which forwards what the allowlist of the run names. Without a session the socket rejects
 * everything. Requests in absolute form (`fetch` and `WebSocket` of Deno, `https` included) are forwarded, with TLS and
 * certificates verified here. `CONNECT` (all of `node:`) gets a tunnel.
 */
import { countOf } from "../../config/mod.ts";
import { createServer as createHttpServer, type IncomingMessage, type Server } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { getLogger } from "@logtape/logtape";
import { type SocketDir, UnixConnection, UnixListener } from "../../isolation/mod.ts";
import { isMissing } from "../../shared/files.ts";
import { Turns } from "../../shared/time.ts";
import { addressPolicy } from "./addresses.ts";
import type { Endpoint } from "./allowlist.ts";
import {
  type EgressFailure,
  type EgressLimits,
  type EgressLogger,
  EgressRequest,
  EgressRun,
  EgressSession,
  unlogged,
} from "./session.ts";
import { EgressError } from "./error.ts";
import { forwardRequest, rejectRequest, rejectTunnel, tunnel, upgradeHead } from "./forward.ts";
import { Router } from "./route.ts";
import { formatEndpoint, parseAbsolute, parseAuthority } from "./target.ts";

const logger = getLogger(["invoked", "sandbox", "egress"]);

/** Most bytes of all headers of one request. */
const HEADER_MAX_BYTES = 65_536;
const HEADER_TIMEOUT_MS = 10_000;
/** Most connections beyond the limit of an instance that get an answer; others are closed without one. */
const REJECTED_CONNECTIONS_MAX = 64;

const turns = new Turns();

const NO_SESSION = new EgressError("EGRESS_DENIED", "no invocation is running in this instance");

/** Settings of the operator for all functions. */
export interface EgressOptions extends EgressLimits {
  /** Private networks to which functions may connect, such as `10.1.0.0/16`. */
  readonly allowPrivate: readonly string[];
  /** Certificates in PEM, trusted in addition to those of the system and of Mozilla. */
  readonly ca: string | undefined;
}

/** Knows the handshakes of instances. */
interface Handshakes {
  /** Whether a connection begins with the handshake of an expected instance. It closes any other connection. */
  hasHandshake(connection: Deno.UnixConn): Promise<boolean>;
}

/** The proxy of all instances. Its disposal closes every egress socket. */
export class EgressProxy implements Disposable {
  readonly #router: Router;
  readonly #sockets = new Set<EgressSocket>();
  /** The egress socket of each connection. */
  readonly #origins = new WeakMap<object, EgressSocket>();
  readonly #http: Server;

  /** @param socketDir of its sockets; the caller owns it */
  constructor(private readonly options: EgressOptions, private readonly socketDir: SocketDir) {
    this.#router = new Router(addressPolicy(options.allowPrivate), options.ca);
    this.#http = createHttpServer({
      maxHeaderSize: HEADER_MAX_BYTES,
      headersTimeout: HEADER_TIMEOUT_MS,
      requestTimeout: 0,
      insecureHTTPParser: false,
    });
    // `node:http` keeps connections alive only in a server that listens. This one gets its connections from the egress
    // sockets instead.
    Object.defineProperty(this.#http, "listening", { value: true });
    this.#listen();
  }

  /** Opens the egress socket of one instance. Its path exists when this returns. */
  openSocket(): EgressSocket {
    const socket = new EgressSocket(this.options, this.socketDir.newSocket(), (connection) => {
      this.#origins.set(connection, socket);
      this.#http.emit("connection", connection);
    }, () => this.#sockets.delete(socket));
    this.#sockets.add(socket);
    this.socketDir.share(socket.socketPath);
    return socket;
  }

  [Symbol.dispose](): void {
    for (const socket of this.#sockets) socket[Symbol.dispose]();
    this.#http.close();
  }

  #listen(): void {
    this.#http.on("request", (request, answer) => {
      const reject = (failure: EgressFailure) => {
        if (answer.headersSent) answer.destroy();
        else rejectRequest(answer, failure);
      };
      this.#pass(request, reject, async (egressRequest, session) => {
        const to = parseAbsolute(request.url ?? "");
        const upstream = await this.#connect(egressRequest, session, to, to?.tls ?? false);
        if (to !== undefined) forwardRequest(egressRequest, to, request, answer, upstream);
      });
    });
    this.#http.on("connect", (request, client, head) => {
      this.#passTunnel(request, client, async (egressRequest, session) => {
        const upstream = await this.#connect(
          egressRequest,
          session,
          parseAuthority(request.url ?? ""),
        );
        egressRequest.status = 200;
        client.write("HTTP/1.1 200 Connection Established\r\n\r\n");
        if (head.length > 0) client.unshift(head);
        tunnel(egressRequest, client, upstream);
      });
    });
    this.#http.on("upgrade", (request, client, head) => {
      this.#passTunnel(request, client, async (egressRequest, session) => {
        const isWebSocket = request.method === "GET" &&
          request.headers.upgrade?.toLowerCase() === "websocket";
        const to = isWebSocket ? parseAbsolute(request.url ?? "") : undefined;
        const upstream = await this.#connect(egressRequest, session, to, to?.tls ?? false);
        upstream.once("data", (chunk: Uint8Array) => {
          const status = /^HTTP\/1\.1 (\d{3}) /.exec(new TextDecoder().decode(chunk))?.[1];
          if (status !== undefined) egressRequest.status = Number(status);
        });
        if (to !== undefined) upstream.write(upgradeHead(to, request));
        if (head.length > 0) client.unshift(head);
        tunnel(egressRequest, client, upstream);
      });
    });
    this.#http.on("clientError", (error: Error & { code?: string }, client) => {
      // The client hung up. A request that it had sent has its own line.
      if (error.code === "ECONNRESET") return client.destroy();
      const reason = error.code === "HPE_HEADER_OVERFLOW"
        ? `a request has more than ${countOf(HEADER_MAX_BYTES, "byte")} of headers`
        : "a request is not HTTP/1.1";
      const denied = new EgressError("EGRESS_DENIED", reason, 400);
      const egressRequest = this.#origins.get(client)?.session?.begin("?");
      const isLogged = egressRequest instanceof EgressRequest;
      if (isLogged) egressRequest.fail(denied);
      const failure = isLogged ? egressRequest.failure : undefined;
      if (client.writable) rejectTunnel(client, failure ?? unlogged(denied));
      else client.destroy();
    });
  }

  #passTunnel(
    request: IncomingMessage,
    client: Duplex,
    body: (egressRequest: EgressRequest, session: EgressSession) => Promise<void>,
  ): void {
    client.on("error", () => client.destroy());
    this.#pass(request, (failure) => rejectTunnel(client, failure), body);
  }

  /** Runs the body for a request of an open session, and reports every error. */
  async #pass(
    request: IncomingMessage,
    reject: (failure: EgressFailure) => void,
    body: (egressRequest: EgressRequest, session: EgressSession) => Promise<void>,
  ): Promise<void> {
    request.on("error", () => request.destroy());
    const session = this.#origins.get(request.socket)?.session;
    if (session === undefined) return reject(unlogged(NO_SESSION));
    const egressRequest = session.begin(request.method ?? "?");
    if (egressRequest instanceof EgressError) return reject(unlogged(egressRequest));
    try {
      await body(egressRequest, session);
    } catch (error) {
      if (!(error instanceof EgressError)) {
        logger.error("Failed to forward a request: {error}", { error });
      }
      const failure = error instanceof EgressError
        ? error
        : new EgressError("ECONNRESET", "the proxy failed");
      egressRequest.fail(failure);
      reject(egressRequest.failure ?? unlogged(failure));
    }
  }

  /** Checks the name, the port and every address, then connects. */
  async #connect(
    egressRequest: EgressRequest,
    session: EgressSession,
    to: Endpoint | undefined,
    tls = false,
  ): Promise<Socket> {
    if (to === undefined) {
      throw new EgressError("EGRESS_DENIED", "the request names no destination", 400);
    }
    egressRequest.destination = formatEndpoint(to);
    session.checkBytes();
    if (!session.allowlist.allows(to)) {
      throw new EgressError("EGRESS_DENIED", `not in ${session.allowlistName}`);
    }
    const connected = tls ? this.#router.connectTls(to) : this.#router.connect(to);
    return egressRequest.own(await connected);
  }
}

/** The network of one instance, with its connections. Its disposal closes the socket and every connection. */
export class EgressSocket implements Disposable {
  readonly #listener: UnixListener;
  readonly #connections = new Set<Duplex>();
  /** Connections beyond the limit, until their answer. */
  readonly #rejected = new Set<Duplex>();
  /** The last run. */
  #run: EgressRun | undefined;
  /** Set until its instance has connected. */
  #awaited: Handshakes | undefined;
  /** When the last run was opened, by {@link Turns}. No connection of its instance is accepted in the same turn. */
  #openedIn = 0;
  /** Whether it closes all connections, until the next run. */
  #isBetweenRuns = false;
  /** Whether a request or connection arrived without an open session and was rejected. */
  wasUsedOutsideRun = false;

  constructor(
    private readonly limits: EgressLimits,
    readonly socketPath: string,
    onConnection: (connection: Duplex) => void,
    private readonly onClose: () => void,
  ) {
    this.#listener = new UnixListener(
      socketPath,
      (connection) => {
        if (this.#awaited !== undefined) this.#awaitInstance(connection, this.#awaited);
        else if (this.#isBetweenRuns || turns.current === this.#openedIn) connection.close();
        else this.#accept(connection, onConnection);
      },
      (error) => logger.error("an egress socket failed: {error}", { error }),
    );
  }

  /**
   * Opens the network of a run, which forwards what the allowlist names until it is closed: by the run, which may outlive
   * its instance, or when another run or instance gets the socket.
   * @param name of the allowlist, for messages
   */
  openRun(
    allowlist: readonly string[],
    log: EgressLogger,
    name = "the function's outboundNetworkAllowlist",
  ): EgressRun {
    this.#closeRun();
    this.#isBetweenRuns = false;
    this.#openedIn = turns.current;
    return this.#run = new EgressRun(() => new EgressSession(allowlist, this.limits, log, name));
  }

  /** The session of the open run. Without one, records that the socket was used outside a run. */
  get session(): EgressSession | undefined {
    const session = this.#run?.session;
    if (session === undefined) this.wasUsedOutsideRun = true;
    return session;
  }

  /** Whether somebody has removed the socket: no instance can connect to it any more. */
  get isLost(): boolean {
    return isMissing(this.socketPath);
  }

  /**
   * Makes it ready for another instance. The one that had it has ended, or is about to. Connections are accepted in order:
   * until one has the handshake of the new instance, all others were left behind, and are closed.
   * @param handshakes absent for an instance that may connect to nothing: the socket closes what it accepts before its
   * run, and in the iteration of the event loop that opens the run
   */
  renew(handshakes?: Handshakes): void {
    this.#closeRun();
    this.#awaited = handshakes;
    this.#isBetweenRuns = handshakes === undefined;
    this.#destroyConnections();
    this.wasUsedOutsideRun = false;
  }

  [Symbol.dispose](): void {
    this.#closeRun();
    this.#listener[Symbol.dispose]();
    this.#destroyConnections();
    this.onClose();
  }

  #closeRun(): void {
    this.#run?.close();
    this.#run = undefined;
  }

  #destroyConnections(): void {
    for (const connection of this.#connections) connection.destroy();
    for (const connection of this.#rejected) connection.destroy();
  }

  async #awaitInstance(accepted: Deno.UnixConn, handshakes: Handshakes): Promise<void> {
    if (await handshakes.hasHandshake(accepted)) this.#awaited = undefined;
  }

  #accept(accepted: Deno.UnixConn, onConnection: (connection: Duplex) => void): void {
    const connection = new UnixConnection(accepted);
    const { session } = this;
    const { maxConnections } = this.limits;
    const isAccepted = this.#connections.size < maxConnections;
    const held = isAccepted ? this.#connections : this.#rejected;
    held.add(connection);
    connection.on("close", () => held.delete(connection));
    connection.on("error", () => connection.destroy());
    if (isAccepted) return onConnection(connection);
    const limit = `limit of ${countOf(maxConnections, "connection")} (--max-egress-connections)`;
    session?.warnOnce(limit);
    if (this.#rejected.size > REJECTED_CONNECTIONS_MAX) return void connection.destroy();
    rejectConnection(connection, unlogged(new EgressError("EGRESS_LIMIT", `${limit} reached`)));
  }
}

/** Answers the first request of a connection. An earlier answer would reach no request of its client. */
function rejectConnection(connection: Duplex, failure: EgressFailure): void {
  const timer = setTimeout(() => connection.destroy(), HEADER_TIMEOUT_MS);
  connection.once("data", () => rejectTunnel(connection, failure));
  connection.once("close", () => clearTimeout(timer));
}
