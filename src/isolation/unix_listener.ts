/** Listens on a unix socket that no child process inherits. */
import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";

/** Most bytes of one read. */
const READ_MAX_BYTES = 65_536;

/** A connection for `node:http`: a stream with the two socket methods that its server calls. */
export class UnixConnection extends Duplex {
  readonly #connection: Deno.UnixConn;
  #idle: { readonly ms: number; timer: ReturnType<typeof setTimeout> } | undefined;

  constructor(connection: Deno.UnixConn) {
    super({ allowHalfOpen: true });
    this.#connection = connection;
  }

  /** Emits `timeout` after `ms` without a read or write; never for 0. */
  setTimeout(ms: number, listener?: () => void): this {
    clearTimeout(this.#idle?.timer);
    this.#idle = ms === 0 ? undefined : { ms, timer: this.#timer(ms) };
    if (listener !== undefined) this.once("timeout", listener);
    return this;
  }

  /** Destroys the connection once everything is written. */
  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once("finish", () => this.destroy());
  }

  override _read(): void {
    const bytes = new Uint8Array(READ_MAX_BYTES);
    this.#connection.read(bytes).then(
      (count) => {
        this.#touch();
        if (this.destroyed) return;
        this.push(count === null ? null : Buffer.from(bytes.buffer, 0, count));
        // The end must be noticed even without a reader.
        if (count === null) this.read(0);
      },
      (error) => this.destroy(error),
    );
  }

  override _write(chunk: Uint8Array, _encoding: string, done: (error?: Error) => void): void {
    this.#writeAll(chunk).then(() => done(), done);
  }

  override _final(done: (error?: Error) => void): void {
    this.#connection.closeWrite().then(() => done(), done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    clearTimeout(this.#idle?.timer);
    try {
      this.#connection.close();
    } catch {
      // The connection is already closed.
    }
    done(error);
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) at += await this.#connection.write(bytes.subarray(at));
    this.#touch();
  }

  #touch(): void {
    if (this.#idle === undefined || this.destroyed) return;
    clearTimeout(this.#idle.timer);
    this.#idle.timer = this.#timer(this.#idle.ms);
  }

  #timer(ms: number): ReturnType<typeof setTimeout> {
    return setTimeout(() => this.emit("timeout"), ms);
  }
}

/** How long accepting pauses after an error, such as a missing descriptor. */
const ACCEPT_PAUSE_MS = 500;

/** Accepts connections until the listener is closed. An error does not end it. @param onError called for each error */
export async function acceptAll(
  listener: Deno.UnixListener,
  onConnection: (connection: Deno.UnixConn) => void,
  onError: (error: unknown) => void,
): Promise<void> {
  for (;;) {
    try {
      onConnection(await listener.accept());
    } catch (error) {
      // The listener is closed.
      if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) {
        return;
      }
      onError(error);
      await new Promise((resolve) => setTimeout(resolve, ACCEPT_PAUSE_MS));
    }
  }
}

/** Accepts connections until it is disposed. Its path exists from the constructor to the disposal. */
export class UnixListener implements Disposable {
  readonly #listener: Deno.UnixListener;

  /**
   * Does not use `node:net`: children would inherit its listening descriptor, so that every instance would hold the
   * egress sockets of others.
   * @param onError called when a connection cannot be accepted; the listener keeps accepting
   */
  constructor(
    private readonly path: string,
    onConnection: (connection: Deno.UnixConn) => void,
    onError: (error: unknown) => void,
  ) {
    this.#listener = Deno.listen({ transport: "unix", path });
    acceptAll(this.#listener, onConnection, onError);
  }

  [Symbol.dispose](): void {
    try {
      this.#listener.close();
      Deno.removeSync(this.path);
    } catch (error) {
      // Already disposed, or removed with its directory, where a file may be now.
      const gone = [Deno.errors.BadResource, Deno.errors.NotFound, Deno.errors.NotADirectory];
      if (!gone.some((kind) => error instanceof kind)) throw error;
    }
  }
}
