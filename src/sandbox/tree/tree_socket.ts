/**
 * The tree socket: templates connect to it, for themselves and for their instances, and are known by the token of a fork.
 * The stderr of an instance may connect to its egress socket. A connection then serves as the streams of a process.
 */
import { getLogger } from "@logtape/logtape";
import { acceptAll, type SocketDir } from "../../isolation/mod.ts";
import { Handshake, HANDSHAKE_BYTES, TOKEN_BYTES } from "../../runtime/fork/wire.ts";
import { isMissing } from "../../shared/files.ts";
import { Deadlines } from "../../shared/time.ts";
import type { ChunkReader, Input, OutputStream } from "../instance/process.ts";

const logger = getLogger(["invoked", "sandbox"]);

/** Longest time from a fork to its handshake. */
const HANDSHAKE_TIMEOUT_MS = 10_000;

const KINDS = Object.values(Handshake);

/** A fork that the server waits for. */
export interface Expected {
  readonly token: Uint8Array<ArrayBuffer>;
  /** The token in hexadecimal. */
  readonly key: string;
  /** Kinds of the connections that have not arrived. */
  readonly awaited: Set<number>;
  /** Called with each connection that arrives, and its kind. */
  readonly onConnection: (kind: number, connection: Deno.UnixConn) => void;
  /** Called if a handshake is late, or once the server gives up. Without it handshakes may come late, or never. */
  readonly onGivenUp: ((error: Error) => void) | undefined;
}

/** The first bytes of a connection, and of the part of a line that belongs to a fork. */
export function handshakeOf(kind: number, token: Uint8Array): Uint8Array<ArrayBuffer> {
  const handshake = new Uint8Array(HANDSHAKE_BYTES);
  handshake[0] = kind;
  handshake.set(token, 1);
  return handshake;
}

/** Accepts connections until it is disposed. */
export class TreeSocket implements Disposable {
  /** Another one after {@link restore}. */
  path: string;
  #listener: Deno.UnixListener;
  /** By token in hexadecimal. */
  readonly #expected = new Map<string, Expected>();
  readonly #late = new Deadlines<Expected>((expected) =>
    this.giveUp(expected, "The fork failed: no handshake")
  );
  readonly #handshakes = new Deadlines<Deno.UnixConn>((connection) => connection[Symbol.dispose]());

  constructor(private readonly socketDir: SocketDir) {
    this.path = socketDir.newSocket();
    this.#listener = this.#listen();
  }

  /** Listens at a new path if somebody has removed the socket. Those who know the old path cannot connect any more. */
  restore(): void {
    if (!isMissing(this.path)) return;
    const old = this.#listener;
    this.path = this.socketDir.newSocket();
    this.#listener = this.#listen();
    old.close();
  }

  /** Expects connections of a fork with a new token. */
  expect(
    onConnection: Expected["onConnection"],
    onGivenUp?: Expected["onGivenUp"],
  ): Expected {
    const token = crypto.getRandomValues(new Uint8Array(TOKEN_BYTES));
    const key = token.toHex();
    const awaited = new Set(KINDS);
    const expected = { token, key, awaited, onConnection, onGivenUp };
    this.#expected.set(key, expected);
    if (onGivenUp !== undefined) this.#late.add(expected, HANDSHAKE_TIMEOUT_MS);
    return expected;
  }

  /** Waits no longer for the connections of a fork. One that is connected stays connected. */
  giveUp(expected: Expected, reason: string): void {
    if (this.forget(expected)) expected.onGivenUp?.(new Error(reason));
  }

  /** Ends the wait for the connections of a fork. Returns whether they were expected. */
  forget(expected: Expected): boolean {
    this.#late.delete(expected);
    return this.#expected.delete(expected.key);
  }

  [Symbol.dispose](): void {
    this.#listener.close();
    for (const expected of this.#expected.values()) this.giveUp(expected, "the tree is closed");
  }

  #listen(): Deno.UnixListener {
    const listener = Deno.listen({ transport: "unix", path: this.path });
    this.socketDir.share(this.path);
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
      const [kind = 0] = handshake;
      const token = handshake.subarray(1).toHex();
      const expected = this.#expected.get(token);
      if (expected?.awaited.delete(kind) !== true) throw new Error("its handshake is not expected");
      if (expected.awaited.size === 0) this.forget(expected);
      expected.onConnection(kind, connection);
      return true;
    } catch {
      connection[Symbol.dispose]();
      return false;
    } finally {
      this.#handshakes.delete(connection);
    }
  }
}

/** Most bytes of one read. */
const READ_MAX_BYTES = 16_384;

/**
 * Reads the connection to its end as one stream of a process, and closes it.
 * @returns whether the connection was reset or closed before its end
 */
export async function readConnection(
  connection: Deno.UnixConn,
  stream: OutputStream,
  onChunk: ChunkReader,
): Promise<boolean> {
  const buffer = new Uint8Array(READ_MAX_BYTES);
  try {
    for (;;) {
      const count = await connection.read(buffer);
      if (count === null) return false;
      const pause = onChunk(stream, buffer.subarray(0, count));
      if (pause !== undefined) await pause;
    }
  } catch {
    return true;
  } finally {
    connection[Symbol.dispose]();
  }
}

/** Writes to the connection of a fork, which is killed when it gets no more input. */
export function inputOf(connection: Deno.UnixConn): Input {
  const writeAfter = async (before: Promise<void>, bytes: Uint8Array) => {
    await before;
    try {
      for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
    } catch {
      // The fork has ended.
    }
  };
  let last: Promise<void> = Promise.resolve();
  return { write: (bytes) => last = writeAfter(last, bytes) };
}
