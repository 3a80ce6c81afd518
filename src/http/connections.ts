/** The open connections of a server: the server bounds their number, and keeps accepting. */
import { once } from "node:events";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { getLogger } from "@logtape/logtape";
import { HeldSocket, stopAccepting } from "../shared/held_socket.ts";

const logger = getLogger(["invoked", "http"]);

/** How long a connection is idle before it may be closed for a new one: longer than a client needs for its first request. */
const IDLE_MIN_MS = 1_000;

/** How long a server that retires keeps connections without a request under way, since then or their last request. */
const KEPT_MS = 1_000;
/** The same of a connection that has carried no request yet: its first one may be on its way. */
const FRESH_MS = 5_000;
/** How long such a server waits for requests of clients that have not proved who they are, while no invocation runs. */
const UNPROVED_MS = 5_000;
const LOOK_INTERVAL_MS = 20;

/** Sockets that have carried a request whose token or session was checked. */
const proved = new WeakSet<Socket>();

/** The client of this connection has proved who it is: the connection is not closed while it is idle. */
export function noteProved({ socket }: IncomingMessage): void {
  proved.add(socket);
}

interface Connection {
  /** What carries its requests: under TLS another socket than the one that was accepted. */
  carrier: Socket;
  /** Requests under way: pipelined ones are several. */
  requests: number;
  hasAnswered: boolean;
  /** Since when it is idle, or has a request under way. */
  sinceMs: number;
}

/**
 * The open connections, as the operating system accepted them. Of those without a request under way whose client has not
 * proved who it is, the longest idle gives way to a new one once the limit is reached: so clients without a token cannot
 * keep others out by connections alone. Headers that have arrived in part do not make a request.
 */
export class Connections {
  readonly #open = new Map<Socket, Connection>();
  /** Connections that may be closed, the longest idle first, and since when they are idle. */
  readonly #idle = new Map<Socket, number>();
  /** Those under TLS, by the address of their client. */
  readonly #byClient = new Map<string, Socket>();
  readonly #underTls = new WeakMap<Socket, Socket>();

  constructor(private readonly max: number) {}

  get count(): number {
    return this.#open.size;
  }

  /** Takes a new connection, in place of an idle one if need be; false without an idle one. */
  add(socket: Socket): boolean {
    if (this.count >= this.max && !this.#closeIdle()) return false;
    const sinceMs = performance.now();
    this.#open.set(socket, { carrier: socket, requests: 0, hasAnswered: false, sinceMs });
    this.#idle.set(socket, sinceMs);
    const client = clientOf(socket);
    this.#byClient.set(client, socket);
    socket.once("close", () => {
      this.#forget(socket);
      if (this.#byClient.get(client) === socket) this.#byClient.delete(client);
    });
    return true;
  }

  /** A request has arrived. The connection is idle again once its response is closed. */
  serve({ socket }: IncomingMessage, outgoing: ServerResponse): void {
    const accepted = this.#open.has(socket) ? socket : this.#acceptedUnderTls(socket);
    const connection = accepted && this.#open.get(accepted);
    if (accepted === undefined || connection === undefined) return;
    this.#idle.delete(accepted);
    connection.carrier = socket;
    if (connection.requests++ === 0) connection.sinceMs = performance.now();
    outgoing.once("close", () => {
      connection.hasAnswered = true;
      if (--connection.requests > 0) return;
      connection.sinceMs = performance.now();
      if (this.#open.has(accepted) && !proved.has(socket)) {
        this.#idle.set(accepted, connection.sinceMs);
      }
    });
  }

  /** The socket that was accepted: of a connection with TLS another one than that of its requests. */
  #acceptedUnderTls(socket: Socket): Socket | undefined {
    const accepted = this.#underTls.get(socket) ?? this.#byClient.get(clientOf(socket));
    if (accepted !== undefined) this.#underTls.set(socket, accepted);
    return accepted;
  }

  /**
   * Resolves once no connection is open. Each is closed after its answer, or when it has been without a request for a
   * while: a request that a client sends at that moment is lost, so a client that asks often is to learn it from an answer.
   * A client that has not proved who it is delays this no longer than the invocations do: it could send a body, or take an
   * answer, as slowly as it likes.
   * @param isBusy whether invocations run or wait
   */
  async left(isBusy: () => boolean): Promise<void> {
    const retiredMs = performance.now();
    let busyMs = retiredMs;
    for (; this.count > 0; await delay(LOOK_INTERVAL_MS)) {
      const now = performance.now();
      // The answer of an invocation that has just ended is still to leave.
      if (isBusy()) busyMs = now;
      for (const [socket, { carrier, requests, hasAnswered, sinceMs }] of this.#open) {
        const unchangedMs = now - Math.max(retiredMs, sinceMs);
        const isOver = requests === 0
          ? unchangedMs >= (hasAnswered ? KEPT_MS : FRESH_MS)
          : !proved.has(carrier) && Math.min(unchangedMs, now - busyMs) >= UNPROVED_MS;
        if (!isOver) continue;
        this.#forget(socket);
        socket.destroy();
      }
    }
  }

  #closeIdle(): boolean {
    const [longest] = this.#idle;
    if (longest === undefined) return false;
    const [socket, since] = longest;
    if (performance.now() - since < IDLE_MIN_MS) return false;
    // Now and not at its event: the new connection counts at once.
    this.#forget(socket);
    socket.destroy();
    return true;
  }

  #forget(socket: Socket): void {
    this.#open.delete(socket);
    this.#idle.delete(socket);
  }
}

function clientOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

const CHECK_INTERVAL_MS = 2_000;
/** Between two of these the event loop looks for new connections, however busy it is. */
const TICK_MS = 300;
const TICKS = 3;
/** A process that gets no processor time connects late; a full queue of connections never answers. */
const CONNECT_TICKS_MAX = 30;
/** Codes of a process and of a machine without a free descriptor. */
const NO_DESCRIPTOR = ["EMFILE", "ENFILE"];
/** A flood of connections writes one line in this time. */
const DROPS_LOG_INTERVAL_MS = 60_000;

/** Where a server listens: at an address, or on a socket that another process holds as well. */
export type Endpoint = HeldSocket | { readonly host: string; readonly port: number };

/**
 * Has a server accept connections. Closes connections beyond the limit if no idle one gives way, and listens again when
 * accepting has stopped: Deno's server stops without an event after an accept that fails, as it does without a free
 * descriptor. So a connection of its own tries it.
 */
export class Acceptor implements Disposable {
  readonly connections: Connections;
  readonly #checks: ReturnType<typeof setInterval>;
  /** Undefined while the server is not to accept. */
  #address: AddressInfo | undefined;
  #accepted = 0;
  #dropped = 0;
  #dropsLoggedAt = -Infinity;
  #isChecking = false;

  constructor(
    private readonly server: Server,
    private readonly endpoint: Endpoint,
    private readonly maxConnections: number,
  ) {
    this.connections = new Connections(maxConnections);
    server.prependListener("connection", (socket: Socket) => this.#accept(socket));
    this.#checks = setInterval(() => this.#check(), CHECK_INTERVAL_MS);
    Deno.unrefTimer(this.#checks);
  }

  /**
   * Listens at the address. A held socket listens already: until {@link start} it keeps new connections, which another
   * server still receives if this one fails to start.
   * @returns the port
   */
  async open(): Promise<number> {
    const endpoint = this.endpoint;
    if (endpoint instanceof HeldSocket) return endpoint.address.port;
    this.server.listen(endpoint.port, endpoint.host);
    await once(this.server, "listening");
    this.#address = this.server.address() as AddressInfo;
    this.#logErrors();
    return this.#address.port;
  }

  /** Begins to accept on a held socket, if it has not begun. */
  start(): void {
    if (!(this.endpoint instanceof HeldSocket) || this.#address !== undefined) return;
    this.#logErrors();
    this.#address = this.endpoint.address;
    this.endpoint.listen(this.server);
  }

  /**
   * Accepts no more connections on a held socket.
   * @param isBusy whether invocations run or wait
   * @returns resolves once no connection is open; undefined for a socket of the server's own, on which it still accepts
   */
  retire(isBusy: () => boolean): Promise<void> | undefined {
    if (!(this.endpoint instanceof HeldSocket)) return undefined;
    this[Symbol.dispose]();
    // Deno's server closes each connection after its answer once it does not listen, also if the answer's head has said
    // that the connection stays open.
    Object.defineProperty(this.server, "listening", { value: true });
    stopAccepting(this.server);
    // Once its holder closes the socket as well, the system rejects new connections.
    this.endpoint[Symbol.dispose]();
    return this.connections.left(isBusy);
  }

  /** To be called before the server is closed. */
  [Symbol.dispose](): void {
    clearInterval(this.#checks);
    this.#address = undefined;
  }

  #logErrors(): void {
    this.server.on(
      "error",
      (error) => logger.error("Failed to accept connections: {error}", { error }),
    );
  }

  #accept(socket: Socket): void {
    this.#accepted++;
    if (this.connections.add(socket)) return;
    socket.destroy();
    this.#dropped++;
    const now = performance.now();
    if (now - this.#dropsLoggedAt < DROPS_LOG_INTERVAL_MS) return;
    this.#dropsLoggedAt = now;
    logger.warn(
      "Closed {dropped} new connections since the last such line: {maxConnections} are open and in use, the limit " +
        "(--max-connections, ulimit -n)",
      { dropped: this.#dropped, maxConnections: this.maxConnections },
    );
    this.#dropped = 0;
  }

  async #check(): Promise<void> {
    if (this.#isChecking || this.#address === undefined) return;
    this.#isChecking = true;
    if (!await this.#accepts(this.#address)) this.#listenAgain();
    this.#isChecking = false;
  }

  async #accepts({ address, port }: AddressInfo): Promise<boolean> {
    const before = this.#accepted;
    let failure: string | undefined;
    const attempt = connect({ host: address, port });
    attempt.on("error", (error: Error & { code?: string }) => failure = error.code ?? "");
    let isConnected = false;
    attempt.on("connect", () => isConnected = true);
    const tick = () => new Promise((resolve) => setTimeout(resolve, TICK_MS));
    const isSettled = () => isConnected || failure !== undefined;
    for (let n = 0; n < CONNECT_TICKS_MAX && !isSettled(); n++) await tick();
    for (let n = 0; n < TICKS && this.#accepted === before; n++) await tick();
    attempt.destroy();
    // What else keeps the server from its own address, listening again does not change.
    const isElsewhere = failure !== undefined && !NO_DESCRIPTOR.includes(failure);
    return this.#accepted !== before || (isElsewhere && this.server.listening);
  }

  /** Listens anew. Open connections stay open. */
  #listenAgain(): void {
    const address = this.#address;
    if (address === undefined) return;
    logger.error(
      "The server did not accept connections; it listens again. The limit of open files (ulimit -n) " +
        "was probably reached: {open} connections are open",
      { open: this.connections.count },
    );
    if (this.endpoint instanceof HeldSocket) return void this.endpoint.listen(this.server);
    if (this.server.listening) stopAccepting(this.server);
    this.server.listen(address.port, address.address);
  }
}
