/** Counts the open connections of a server, and closes idle ones for new ones. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** How long a connection is idle before it may be closed for a new one: longer than a client needs for its first request. */
const IDLE_MIN_MS = 1_000;

/** Sockets that have carried a request whose token or session was checked. */
const proved = new WeakSet<Socket>();

/** The client of this connection has proved who it is: the connection is not closed while it is idle. */
export function noteProved({ socket }: IncomingMessage): void {
  proved.add(socket);
}

/**
 * The open connections, as the operating system accepted them. Of those without a request under way whose client has not
 * proved who it is, the longest idle gives way to a new one once the limit is reached: so clients without a token cannot
 * keep others out by connections alone. Headers that have arrived in part do not make a request.
 */
export class Connections {
  readonly #max: number;
  /** Requests under way of each: pipelined ones are several. */
  readonly #open = new Map<Socket, number>();
  /** Connections that may be closed, the longest idle first, and since when they are idle. */
  readonly #idle = new Map<Socket, number>();
  /** Those under TLS, by the address of their client. */
  readonly #byClient = new Map<string, Socket>();
  readonly #underTls = new WeakMap<Socket, Socket>();

  constructor(max: number) {
    this.#max = max;
  }

  get count(): number {
    return this.#open.size;
  }

  /** Takes a new connection, in place of an idle one if need be; false without an idle one. */
  add(socket: Socket): boolean {
    if (this.count >= this.#max && !this.#closeIdle()) return false;
    this.#open.set(socket, 0);
    this.#idle.set(socket, performance.now());
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
    const accepted = this.#acceptedOf(socket);
    if (accepted === undefined) return;
    this.#idle.delete(accepted);
    this.#open.set(accepted, (this.#open.get(accepted) ?? 0) + 1);
    outgoing.once("close", () => {
      const requests = this.#open.get(accepted);
      if (requests === undefined) return;
      this.#open.set(accepted, requests - 1);
      if (requests === 1 && !proved.has(socket)) this.#idle.set(accepted, performance.now());
    });
  }

  /** The socket that was accepted: of a connection with TLS another one than that of its requests. */
  #acceptedOf(socket: Socket): Socket | undefined {
    if (this.#open.has(socket)) return socket;
    const accepted = this.#underTls.get(socket) ?? this.#byClient.get(clientOf(socket));
    if (accepted !== undefined) this.#underTls.set(socket, accepted);
    return accepted;
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
