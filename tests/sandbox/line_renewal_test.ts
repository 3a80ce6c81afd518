/**
 * The template's side of a line, with real sockets: whatever an instance does to the connections that it inherits, the next
 * instance gets whole ones, and nothing that was meant for the last one.
 */
import assert from "node:assert/strict";
import { makeConnect } from "../../src/runtime/fork/connect.ts";
import { openLibrary } from "../../src/runtime/fork/libc.ts";
import { type Line, makeLine } from "../../src/runtime/fork/line.ts";
import { EVENT_BYTES, Handshake, HANDSHAKE_BYTES, NextFlag } from "../../src/runtime/fork/wire.ts";
import { readEvent } from "../../src/sandbox/tree/fork_server.ts";
import { handshakeOf, type TreeSocket } from "../../src/sandbox/tree/tree_socket.ts";
import { openSocket } from "./sockets.ts";

const F_GETFL = 3;
const F_SETFL = 4;
const O_NONBLOCK = 0o4000;
const SHUT_RD = 0;
const SHUT_WR = 1;
const NO_PATH = new Uint8Array(108);

const { libc } = openLibrary();
const native = Deno.dlopen("libc.so.6", {
  shutdown: { parameters: ["i32", "i32"], result: "i32" },
}).symbols;

/** What the server has of a line. */
interface Served {
  channel: Deno.UnixConn;
  errors: Deno.UnixConn;
}

/** A line, and the socket of its server. */
class Opened implements AsyncDisposable {
  readonly #socket: TreeSocket;
  readonly #close: () => Promise<void>;
  readonly line: Line;
  readonly served: Partial<Served> = {};
  #number = 0;

  private constructor(socket: TreeSocket, close: () => Promise<void>) {
    this.#socket = socket;
    this.#close = close;
    this.line = makeLine(libc, makeConnect(libc, socket.path), true);
  }

  static async open(): Promise<Opened> {
    return new Opened(...await openSocket());
  }

  /**
   * Prepares the line for the next instance.
   * @returns the kinds of connections that are new, and what the event says
   */
  async next(flags = 0): Promise<{ readonly opened: number[]; readonly unreadBytes: number }> {
    const opened: number[] = [];
    const expected = this.#socket.expect((kind, connection) => {
      opened.push(kind);
      if (kind === Handshake.CHANNEL) {
        this.served.channel?.close();
        this.served.channel = connection;
      } else {
        this.served.errors?.close();
        this.served.errors = connection;
      }
    });
    this.line.prepare(flags, expected.token, NO_PATH);
    await this.#accepted();
    this.line.announce(this.#number++, undefined);
    this.#socket.forget(expected);
    const { channel, errors } = this.served as Served;
    const read = (connection: Deno.UnixConn, length: number) => readAll(connection, length);
    const shaken = (kind: number) => opened.includes(kind) ? 0 : HANDSHAKE_BYTES;
    const said = await read(channel, shaken(Handshake.CHANNEL) + EVENT_BYTES);
    const barrier = await read(errors, shaken(Handshake.STDERR));
    for (const part of [said.subarray(0, shaken(Handshake.CHANNEL)), barrier]) {
      if (part.length > 0) assert.deepEqual(part.subarray(1), expected.token);
    }
    const { unreadBytes, number } = readEvent(said, said.length - EVENT_BYTES);
    assert.equal(number, this.#number - 1);
    return { opened: opened.sort(), unreadBytes };
  }

  /** Resolves once the server has accepted what was opened before: it accepts connections in order. */
  async #accepted(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const last = this.#socket.expect((_kind, connection) => {
      connection.close();
      resolve();
    });
    using connection = await Deno.connect({ transport: "unix", path: this.#socket.path });
    await connection.write(handshakeOf(Handshake.CHANNEL, last.token));
    await promise;
    this.#socket.forget(last);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const descriptor of [this.line.channel(), this.line.errors()]) libc.close(descriptor);
    this.served.channel?.close();
    this.served.errors?.close();
    await this.#close();
  }
}

async function readAll(connection: Deno.UnixConn, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const count = await connection.read(bytes.subarray(at));
    assert.ok(count !== null);
    at += count;
  }
  return bytes;
}

const { CHANNEL, STDERR } = Handshake;

/** What an instance may do to its connections, and which of them the template opens anew. */
const CHANGES: Readonly<Record<string, readonly [(line: Line) => void, readonly number[]]>> = {
  "nothing": [() => {}, []],
  "no waits for its input": [(line) => setNonblocking(line.channel()), [CHANNEL, STDERR]],
  "no waits for its stderr": [(line) => setNonblocking(line.errors()), [STDERR]],
  "an end of its input": [(line) => native.shutdown(line.channel(), SHUT_RD), [CHANNEL, STDERR]],
  "an end of its output": [(line) => native.shutdown(line.channel(), SHUT_WR), [CHANNEL, STDERR]],
  "an end of its stderr": [(line) => native.shutdown(line.errors(), SHUT_WR), [STDERR]],
};

function setNonblocking(descriptor: number): void {
  const flags = libc.fcntl(descriptor, F_GETFL, 0);
  assert.equal(libc.fcntl(descriptor, F_SETFL, flags | O_NONBLOCK), 0);
}

Deno.test("a template opens what an instance has changed, and keeps what is whole", async () => {
  for (const [name, [change, opened]] of Object.entries(CHANGES)) {
    await using line = await Opened.open();
    assert.deepEqual((await line.next()).opened, [CHANNEL, STDERR]);
    assert.deepEqual((await line.next()).opened, [], "the second instance inherits both");
    change(line.line);
    assert.deepEqual((await line.next()).opened, opened, name);
    // What is new is whole.
    assert.deepEqual((await line.next()).opened, [], name);
  }
});

Deno.test("a template drops what an instance has not read, and counts it", async () => {
  await using line = await Opened.open();
  await line.next();
  for (const length of [1, 100_000]) {
    await line.served.channel?.write(new Uint8Array(length));
    const { unreadBytes, opened } = await line.next();
    assert.deepEqual([unreadBytes, opened], [length, []]);
  }
  assert.equal((await line.next()).unreadBytes, 0);
  await line.served.channel?.write(new TextEncoder().encode("job"));
  const got = new Uint8Array(10);
  assert.equal(libc.read(line.line.channel(), got, 10), 3);
});

Deno.test("a template opens new connections on command", async () => {
  await using line = await Opened.open();
  await line.next();
  assert.deepEqual((await line.next(NextFlag.NEW_LINE)).opened, [CHANNEL, STDERR]);
});
