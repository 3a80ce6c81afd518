/**
 * The tree socket: templates and instances connect to it and are known by the token of their fork. The stderr of an
 * instance connects to its egress socket. A connection then serves as the streams of a process.
 */
import { getLogger } from "@logtape/logtape";
import { acceptAll, type SocketDir } from "../../isolation/mod.ts";
import { HANDSHAKE_BYTES, TOKEN_BYTES } from "../../runtime/fork/wire.ts";
import { isMissing } from "../../shared/files.ts";
import { Deadlines } from "../../shared/time.ts";
import type { ChunkReader, Input } from "../instance/process.ts";

const logger = getLogger(["invoked", "sandbox"]);

/** Longest time from a fork to its handshake. */
const HANDSHAKE_TIMEOUT_MS = 10_000;

/** A token that the server waits for. */
export interface Expected {
  readonly token: Uint8Array<ArrayBuffer>;
  /** The connection of this kind. Rejects without a handshake in time, and when the wait is given up. */
  connection(kind: number): Promise<Deno.UnixConn>;
  /** Rejects the connections that did not arrive. */
  giveUp(reason: string): void;
}

/** Accepts connections until it is disposed. */
export class TreeSocket implements Disposable {
  readonly #socketDir: SocketDir;
  #path: string;
  #listener: Deno.UnixListener;
  readonly #expected = new Map<string, PromiseWithResolvers<Deno.UnixConn>>();
  /** Giving one up whose connections have arrived does nothing. */
  readonly #awaited = new Deadlines<Expected>((expected) =>
    expected.giveUp("The fork failed: no handshake")
  );
  readonly #handshakes = new Deadlines<Deno.UnixConn>(closeConnection);

  constructor(socketDir: SocketDir) {
    this.#socketDir = socketDir;
    this.#path = socketDir.newSocket();
    this.#listener = this.#listen();
  }

  /** Another one after {@link restore}. */
  get path(): string {
    return this.#path;
  }

  /** Listens at a new path if somebody has removed the socket. Those who know the old path cannot connect any more. */
  restore(): void {
    if (!isMissing(this.#path)) return;
    const old = this.#listener;
    this.#path = this.#socketDir.newSocket();
    this.#listener = this.#listen();
    old.close();
  }

  /** Expects the connections of these kinds with a new token. */
  expect(kinds: readonly number[]): Expected {
    const token = crypto.getRandomValues(new Uint8Array(TOKEN_BYTES));
    const awaited = new Map(kinds.map((kind) => {
      const promise = Promise.withResolvers<Deno.UnixConn>();
      promise.promise.catch(() => {});
      this.#expected.set(nameOf(kind, token), promise);
      return [kind, promise] as const;
    }));
    const expected: Expected = {
      token,
      connection: (kind) => awaited.get(kind)?.promise ?? Promise.reject(new Error("not expected")),
      giveUp: (reason) => {
        this.#awaited.delete(expected);
        for (const [kind, { reject }] of awaited) {
          if (this.#expected.delete(nameOf(kind, token))) reject(new Error(reason));
        }
      },
    };
    this.#awaited.add(expected, HANDSHAKE_TIMEOUT_MS);
    return expected;
  }

  [Symbol.dispose](): void {
    this.#listener.close();
    for (const { reject } of this.#expected.values()) reject(new Error("the tree is closed"));
    this.#expected.clear();
  }

  #listen(): Deno.UnixListener {
    const listener = Deno.listen({ transport: "unix", path: this.#path });
    this.#socketDir.share(this.#path);
    acceptAll(
      listener,
      (connection) => void this.hasHandshake(connection),
      (error) => logger.error("the tree socket accepts no connection: {error}", { error }),
    );
    return listener;
  }

  /** Whether the connection begins with an expected handshake. It closes any other. */
  async hasHandshake(connection: Deno.UnixConn): Promise<boolean> {
    this.#handshakes.add(connection, HANDSHAKE_TIMEOUT_MS);
    try {
      const handshake = new Uint8Array(HANDSHAKE_BYTES);
      for (let filled = 0; filled < HANDSHAKE_BYTES;) {
        const count = await connection.read(handshake.subarray(filled));
        if (count === null) throw new Error("it ends before its handshake");
        filled += count;
      }
      const name = nameOf(handshake[0] ?? 0, handshake.subarray(1));
      const expected = this.#expected.get(name);
      if (expected === undefined) throw new Error("its handshake is not expected");
      this.#expected.delete(name);
      expected.resolve(connection);
      return true;
    } catch {
      closeConnection(connection);
      return false;
    } finally {
      this.#handshakes.delete(connection);
    }
  }
}

function nameOf(kind: number, token: Uint8Array): string {
  return `${kind} ${token.toHex()}`;
}

/** Most bytes of one read. */
const READ_MAX_BYTES = 16_384;

/** Reads the connection to its end. A connection that breaks has ended. */
export async function readConnection(
  connection: Deno.UnixConn,
  onChunk: ChunkReader,
): Promise<void> {
  const buffer = new Uint8Array(READ_MAX_BYTES);
  try {
    for (;;) {
      const count = await connection.read(buffer);
      if (count === null) return;
      const pause = onChunk(buffer.subarray(0, count));
      if (pause !== undefined) await pause;
    }
  } catch {
    // It was closed or reset.
  }
}

/** Writes to the connection of a fork in order. Its end needs no close: a fork that gets no more input is killed. */
export function inputOf(connection: Deno.UnixConn): Input {
  let last: Promise<void> = Promise.resolve();
  return {
    write: (bytes) =>
      last = last.then(async () => {
        for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
      }),
    close: () => last,
  };
}

/** Closes a connection that may be closed already. */
export function closeConnection(connection: Deno.UnixConn): void {
  try {
    connection.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}
