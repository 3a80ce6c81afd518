/**
 * A listening socket that outlives the servers that accept on it. Between two servers its holder, a service manager or
 * another process of ours, keeps the socket open, and the kernel queues new connections.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer, Server } from "node:net";

/** The first descriptor that a service manager passes (`man 3 sd_listen_fds`). */
const FIRST_DESCRIPTOR = 3;

/**
 * Becomes the command in its arguments, with the process id that the protocol demands. Deno would use descriptors that
 * another Deno announces by that variable.
 */
const PASS = "unset DENO_EXTRA_STDIO_FDS; export LISTEN_FDS=1 LISTEN_PID=$$; " + 'exec "$@"';

/** The socket of this process: no program that the process starts inherits the socket. */
export class HeldSocket implements Disposable {
  /**
   * @param address where the socket listens
   * @param descriptor no server accepts on it; undefined while the process has no descriptor to spare
   */
  private constructor(
    readonly address: AddressInfo,
    private descriptor: number | undefined,
  ) {}

  /**
   * Takes the socket that a service manager has passed to this process. Call it before the process starts any other.
   * @throws Error if the descriptor is not a listening TCP socket
   */
  static async inherited(): Promise<HeldSocket> {
    const server = createServer();
    const failed = once(server, "error");
    server.listen({ fd: FIRST_DESCRIPTOR });
    if (!server.listening) throw (await failed)[0];
    failed.catch(() => {});
    return await HeldSocket.#take(server);
  }

  /** Listens at an address. @throws Error with the code of the system, such as EADDRINUSE */
  static async bind(host: string, port: number): Promise<HeldSocket> {
    const server = createServer();
    server.listen(port, host);
    await once(server, "listening");
    return await HeldSocket.#take(server);
  }

  /** Takes the socket of a server that has accepted nothing yet: it has begun to listen in this turn of the event loop. */
  static async #take(server: Server): Promise<HeldSocket> {
    const address = server.address();
    const descriptor = duplicate(server);
    const closed = once(server, "close");
    server.close();
    await closed;
    if (address === null || typeof address === "string") throw new Error("it is a Unix socket");
    if (descriptor === undefined) throw new Error("the limit of open files (ulimit -n) is reached");
    return new HeldSocket(address, descriptor);
  }

  /**
   * Has the server accept on the socket, also a server that does already: Deno's stops without an event after an accept
   * that fails. Open connections stay open.
   * @returns false if the process has no descriptor to spare
   */
  listen(server: Server): boolean {
    this.descriptor ??= duplicate(server);
    if (this.descriptor === undefined) return false;
    if (server.listening) stopAccepting(server);
    server.listen({ fd: this.descriptor });
    this.descriptor = duplicate(server);
    return true;
  }

  /** Starts a command with the socket, by the protocol of systemd. */
  start(
    command: readonly string[],
    { env, output = "inherit" }: {
      readonly env?: Readonly<Record<string, string>>;
      /** Where stdout and stderr go. */
      readonly output?: "inherit" | "pipe";
    } = {},
  ): ChildProcess {
    return spawn("sh", ["-c", PASS, "sh", ...command], {
      ...env && { env },
      stdio: ["ignore", output, output, this.descriptor],
    });
  }

  /** Closes the socket, unless another process holds it. */
  [Symbol.dispose](): void {
    if (this.descriptor === undefined) return;
    const server = createServer();
    server.listen({ fd: this.descriptor });
    server.close();
    this.descriptor = undefined;
  }
}

/** Closes the listening socket of a server and none of its connections, unlike the `close` of HTTP servers. */
export function stopAccepting(server: Server): void {
  Server.prototype.close.call(server);
}

/**
 * Another descriptor of the socket of a server, which the system closes in every program that this process starts
 * (`FD_CLOEXEC`). An inherited descriptor cannot be so, and Deno has no other function that makes one: it is for sockets
 * that `node:cluster` sends.
 */
function duplicate(server: Server): number | undefined {
  const { _handle: handle } = server as unknown as { _handle?: { fdForIpc(): number } | null };
  const descriptor = handle?.fdForIpc() ?? -1;
  return descriptor < 0 ? undefined : descriptor;
}
