/**
 * The egress proxy: the only way from a function to the network.
 *
 * Every sandbox has a unix socket of its own, its *gate*, which is all that its process can connect to. A gate lets
 * nothing through until a call is bound to it, and then what that call's allowlist names. Requests in absolute form
 * (Deno's `fetch` and `WebSocket`, `https` included) are sent on, with TLS and the check of certificates done here;
 * `CONNECT` (all of `node:`) gets a tunnel.
 */
import { createServer as createHttpServer, type IncomingMessage, type Server } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { getLogger } from "@logtape/logtape";
import { openSocketDir, type SocketDir, UnixListener } from "../../isolation/mod.ts";
import { addressPolicy } from "./addresses.ts";
import type { Endpoint } from "./allowlist.ts";
import { type EgressLimits, type EgressLogger, EgressSession, Exchange } from "./session.ts";
import { EgressFault } from "./fault.ts";
import { forwardRequest, refuse, refuseTunnel, tunnel, upgradeHead } from "./forward.ts";
import { Router } from "./route.ts";
import { parseAbsolute, parseAuthority, shown } from "./target.ts";

const logger = getLogger(["invoked", "sandbox", "egress"]);

/** All headers of one request together. */
const HEADER_MAX_BYTES = 65_536;
const HEADER_TIMEOUT_MS = 10_000;

const NO_CALL = new EgressFault("refused", 403, "no call runs in this sandbox");

/** What the operator decides for all functions. */
export interface EgressOptions extends EgressLimits {
  /** Networks that are not public and may be connected to all the same, such as `10.1.0.0/16`. */
  readonly allowPrivate: readonly string[];
  /** Certificates in PEM that are trusted beside those of the system and of Mozilla. */
  readonly ca: string | undefined;
}

/** One sandbox's way out. Disposing it closes the socket and every connection. */
export interface EgressSocket extends Disposable {
  readonly socketPath: string;
  /** Whether something came while no call was bound, or after its end, and so was refused. */
  readonly wasUsedOutsideRun: boolean;
  /** Lets through what the allowlist names, until the call is closed. */
  bind(allowlist: readonly string[], log: EgressLogger): EgressSession;
}

/** The proxy of all sandboxes. Disposing it closes every gate. */
export class EgressProxy implements AsyncDisposable {
  readonly #options: EgressOptions;
  readonly #router: Router;
  readonly #socketDir: SocketDir;
  readonly #gates = new Set<ListeningSocket>();
  /** The gate through which each connection came. */
  readonly #origins = new WeakMap<object, ListeningSocket>();
  readonly #http: Server;

  private constructor(options: EgressOptions, socketDir: SocketDir) {
    this.#options = options;
    this.#router = new Router(addressPolicy(options.allowPrivate), options.ca);
    this.#socketDir = socketDir;
    this.#http = createHttpServer({
      maxHeaderSize: HEADER_MAX_BYTES,
      headersTimeout: HEADER_TIMEOUT_MS,
      requestTimeout: 0,
      insecureHTTPParser: false,
    });
    // A server that does not listen keeps no connection alive, and this one is handed its connections by the gates.
    Object.defineProperty(this.#http, "listening", { value: true });
    this.#listen();
  }

  /** `stateDir` is a directory of this server alone; what a server that used it and was killed left is removed. */
  static async open(options: EgressOptions, stateDir: string): Promise<EgressProxy> {
    return new EgressProxy(options, await openSocketDir(stateDir));
  }

  /** Certificates that functions trust as the proxy does. */
  get ca(): string | undefined {
    return this.#options.ca;
  }

  /** Opens the gate of one sandbox. Its path exists when this returns. */
  openSocket(): EgressSocket {
    const gate = new ListeningSocket(this.#options, this.#socketDir.newSocket(), (socket) => {
      this.#origins.set(socket, gate);
      this.#http.emit("connection", socket);
    }, () => this.#gates.delete(gate));
    this.#gates.add(gate);
    this.#socketDir.share(gate.socketPath);
    return gate;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const gate of this.#gates) gate[Symbol.dispose]();
    this.#http.close();
    await this.#socketDir[Symbol.asyncDispose]();
  }

  #listen(): void {
    this.#http.on("request", (request, answer) => {
      const refused = (exchange: Exchange | undefined, fault: EgressFault) => {
        if (answer.headersSent) answer.destroy();
        else refuse(answer, exchange?.where ?? "", fault);
      };
      this.#pass(request, refused, async (exchange, call) => {
        const to = parseAbsolute(request.url ?? "");
        const upstream = await this.#connect(exchange, call, to, to?.tls ?? false);
        if (to !== undefined) forwardRequest(exchange, to, request, answer, upstream);
      });
    });
    this.#http.on("connect", (request, client, head) => {
      this.#passTunnel(request, client, async (exchange, call) => {
        const upstream = await this.#connect(exchange, call, parseAuthority(request.url ?? ""));
        exchange.status = 200;
        client.write("HTTP/1.1 200 Connection Established\r\n\r\n");
        if (head.length > 0) client.unshift(head);
        tunnel(exchange, client, upstream);
      });
    });
    this.#http.on("upgrade", (request, client, head) => {
      this.#passTunnel(request, client, async (exchange, call) => {
        const isWebSocket = request.method === "GET" &&
          request.headers.upgrade?.toLowerCase() === "websocket";
        const to = isWebSocket ? parseAbsolute(request.url ?? "") : undefined;
        const upstream = await this.#connect(exchange, call, to, to?.tls ?? false);
        upstream.once("data", (chunk: Uint8Array) => {
          const status = /^HTTP\/1\.1 (\d{3}) /.exec(new TextDecoder().decode(chunk))?.[1];
          if (status !== undefined) exchange.status = Number(status);
        });
        if (to !== undefined) upstream.write(upgradeHead(to, request));
        if (head.length > 0) client.unshift(head);
        tunnel(exchange, client, upstream);
      });
    });
    this.#http.on("clientError", (error: Error & { code?: string }, client) => {
      const gate = this.#origins.get(client);
      const reason = error.code === "HPE_HEADER_OVERFLOW"
        ? `a request's headers are longer than ${HEADER_MAX_BYTES} bytes`
        : "a request is no HTTP/1.1";
      const fault = new EgressFault("refused", 400, reason);
      const exchange = gate?.openSession?.begin("?");
      if (exchange instanceof Exchange) exchange.fail(fault);
      if (client.writable) refuseTunnel(client, "", fault);
      else client.destroy();
    });
  }

  #passTunnel(
    request: IncomingMessage,
    client: Duplex,
    body: (exchange: Exchange, call: EgressSession) => Promise<void>,
  ): void {
    client.on("error", () => client.destroy());
    const refused = (exchange: Exchange | undefined, fault: EgressFault) =>
      refuseTunnel(client, exchange?.where ?? "", fault);
    this.#pass(request, refused, body);
  }

  /** Runs the body for a request of a bound call, and tells every fault. */
  async #pass(
    request: IncomingMessage,
    refused: (exchange: Exchange | undefined, fault: EgressFault) => void,
    body: (exchange: Exchange, call: EgressSession) => Promise<void>,
  ): Promise<void> {
    request.on("error", () => request.destroy());
    const call = this.#origins.get(request.socket)?.openSession;
    if (call === undefined) return refused(undefined, NO_CALL);
    const exchange = call.begin(request.method ?? "?");
    if (exchange instanceof EgressFault) return refused(undefined, exchange);
    try {
      await body(exchange, call);
    } catch (error) {
      if (!(error instanceof EgressFault)) logger.error("a request was not sent on", { error });
      const fault = error instanceof EgressFault
        ? error
        : new EgressFault("failed", 502, "the proxy failed");
      exchange.fail(fault);
      refused(exchange, fault);
    }
  }

  /** Checks name, port and every address, and connects. */
  async #connect(
    exchange: Exchange,
    call: EgressSession,
    to: Endpoint | undefined,
    tls = false,
  ): Promise<Socket> {
    if (to === undefined) throw new EgressFault("refused", 400, "the request names no destination");
    exchange.where = shown(to);
    call.checkBytes();
    if (!call.allowlist.allows(to)) {
      throw new EgressFault("refused", 403, "not in the function's outboundNetworkAllowlist");
    }
    const connected = tls ? this.#router.connectTls(to) : this.#router.connect(to);
    return exchange.own(await connected);
  }
}

/** A gate on a socket of its own. */
class ListeningSocket implements EgressSocket {
  readonly #limits: EgressLimits;
  readonly #listener: UnixListener;
  readonly #connections = new Set<Duplex>();
  readonly #onClose: () => void;
  #call: EgressSession | undefined;
  wasUsedOutsideRun = false;

  constructor(
    limits: EgressLimits,
    readonly socketPath: string,
    onConnection: (connection: Duplex) => void,
    onClose: () => void,
  ) {
    this.#limits = limits;
    this.#onClose = onClose;
    this.#listener = new UnixListener(
      socketPath,
      (connection) => this.#admit(connection, onConnection),
      (error) => logger.error("a gate failed: {error}", { error }),
    );
  }

  bind(allowlist: readonly string[], log: EgressLogger): EgressSession {
    const call = new EgressSession(allowlist, this.#limits, log);
    this.#call = call;
    return call;
  }

  /** The call for which something comes now; without one it comes for nobody. */
  get openSession(): EgressSession | undefined {
    if (this.#call !== undefined && !this.#call.closed) return this.#call;
    this.wasUsedOutsideRun = true;
    return undefined;
  }

  [Symbol.dispose](): void {
    this.#call?.[Symbol.dispose]();
    this.#call = undefined;
    this.#listener[Symbol.dispose]();
    for (const connection of this.#connections) connection.destroy();
    this.#onClose();
  }

  #admit(connection: Duplex, onConnection: (connection: Duplex) => void): void {
    this.#connections.add(connection);
    const call = this.openSession;
    connection.on("close", () => this.#connections.delete(connection));
    connection.on("error", () => connection.destroy());
    const { maxConnections } = this.#limits;
    if (this.#connections.size <= maxConnections) return onConnection(connection);
    call?.warnOnce(`limit of ${maxConnections} connections (--max-egress-connections)`);
    connection.destroy();
  }
}
