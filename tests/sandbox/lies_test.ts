/** A fork server that lies about its forks. The server believes nothing that an honest one would not say. */
import assert from "node:assert/strict";
import {
  Command,
  COMMAND_BYTES,
  EVENT_BYTES,
  ForkEvent,
  Handshake,
} from "../../src/runtime/fork/wire.ts";
import { type Forked, ForkServerLink } from "../../src/sandbox/tree/fork_server.ts";
import type { TreeSocket } from "../../src/sandbox/tree/tree_socket.ts";
import { random, SEED } from "../support/seed.ts";
import { openSocket } from "./sockets.ts";

const { FORKED, FAILED, ENDED } = ForkEvent;
const SIGKILL = 9;
/** A wait status of a process that was stopped. */
const STOPPED = 0x137f;

/** One event of the wire. */
function event(kind: number, number: number, first = 0): Uint8Array {
  const view = new DataView(new ArrayBuffer(EVENT_BYTES));
  view.setUint8(0, kind);
  view.setUint32(4, number);
  view.setUint32(8, first);
  return new Uint8Array(view.buffer);
}

/** A fork server that answers commands with whatever a test lets it say. */
class Liar implements AsyncDisposable {
  readonly link: ForkServerLink;
  readonly errors: string[] = [];
  /** Resolves once it is broken, and its channel has ended because it was killed. */
  readonly broken: Promise<void>;
  readonly killed: number[] = [];
  readonly #tokens: Uint8Array[] = [];
  readonly #connections: Deno.UnixConn[] = [];

  private constructor(
    readonly socket: TreeSocket,
    readonly close: () => Promise<void>,
  ) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.broken = promise.then(() => this.link.close());
    this.link = new ForkServerLink({ write: this.#take }, (error) => {
      this.errors.push(error);
      resolve();
    });
  }

  static async open(): Promise<Liar> {
    return new Liar(...await openSocket());
  }

  /** Begins a fork whose connections arrive, and says what follows; the first fork has the number 0. */
  async fork(...said: Uint8Array[]): Promise<Forked> {
    const forking = this.link.forkTemplate(this.socket);
    forking.catch(() => {});
    const token = this.#tokens.shift() ?? new Uint8Array();
    for (const handshake of [Handshake.CHANNEL, Handshake.STDERR]) {
      const connection = await Deno.connect({ transport: "unix", path: this.socket.path });
      this.#connections.push(connection);
      await connection.write(Uint8Array.of(handshake, ...token));
    }
    for (const bytes of said) this.link.read("stdout", bytes);
    return await forking;
  }

  /** A fork that is connected and was reported. */
  async honestFork(number = 0): Promise<Forked> {
    const forked = await this.fork(event(FORKED, number, 5));
    forked.readOutput(() => {});
    return forked;
  }

  closeConnections(): void {
    for (const connection of this.#connections.splice(0)) connection.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.link.close();
    this.closeConnections();
    await this.close();
  }

  readonly #take = (bytes: Uint8Array): Promise<void> => {
    if (bytes[0] === Command.KILL) this.killed.push(new DataView(bytes.buffer).getUint32(4));
    if (bytes[0] === Command.FORK_TEMPLATE) this.#tokens.push(bytes.slice(8, COMMAND_BYTES - 4));
    return Promise.resolve();
  };
}

/** What a fork server may say after it reported the fork 0. Each is a lie. */
const LIES: Readonly<Record<string, readonly Uint8Array[]>> = {
  "a kind that does not exist": [event(0, 0), event(9, 0)],
  "a fork that was not ordered": [event(FORKED, 1, 6), event(ENDED, 0xffffffff), event(FAILED, 7)],
  "a second report": [event(FORKED, 0, 5)],
  "another process id": [event(FORKED, 0, 6)],
  "a failure of a fork that runs": [event(FAILED, 0, 11)],
  "a stop in place of an end": [event(ENDED, 0, STOPPED)],
  "a status that no process has": [event(ENDED, 0, 0xffffffff)],
  "text": [new TextEncoder().encode("GET / HTTP/1.1\r\nHost: a\r\n\r\n")],
  "zeros": [new Uint8Array(100_000)],
};

Deno.test("the first lie breaks a fork server, and nothing that it says later counts", async () => {
  for (const [name, lies] of Object.entries(LIES)) {
    for (const lie of lies) {
      await using liar = await Liar.open();
      const forked = await liar.honestFork();
      // Bytes arrive in any pieces.
      for (const byte of lie.subarray(0, 40)) liar.link.read("stdout", Uint8Array.of(byte));
      liar.link.read("stdout", lie.subarray(40));
      liar.link.read("stdout", event(ENDED, 0, 0));
      assert.deepEqual(liar.errors, ["wrote an event that it cannot have written"], name);
      assert.deepEqual(await forked.ended, { code: 137, signal: "SIGKILL" }, name);
    }
  }
});

Deno.test("a fork needs a report before its end, and one of them only", async () => {
  const early: Readonly<Record<string, readonly Uint8Array[]>> = {
    "an end before the report": [event(ENDED, 0, 0)],
    "the process id 0": [event(FORKED, 0, 0)],
    "two ends": [event(FORKED, 0, 5), event(ENDED, 0, 0), event(ENDED, 0, 0)],
    "an end after a failure": [event(FAILED, 0, 11), event(ENDED, 0, 0)],
  };
  for (const [name, said] of Object.entries(early)) {
    await using liar = await Liar.open();
    await liar.fork(...said).catch(() => {});
    await liar.broken;
    assert.deepEqual(liar.errors, ["wrote an event that it cannot have written"], name);
  }
});

Deno.test("garbage of any kind and length breaks a fork server", async () => {
  const below = random(SEED);
  for (let round = 0; round < 50; round++) {
    await using liar = await Liar.open();
    await liar.honestFork();
    const garbage = Uint8Array.from({ length: EVENT_BYTES + below(2000) }, () => below(256));
    // No kind of event on this channel.
    garbage[0] = 4 + below(252);
    liar.link.read("stdout", garbage);
    assert.equal(liar.errors.length, 1);
  }
});

Deno.test("a fork server that does not do what it must is broken after a time", async () => {
  const cases: Readonly<Record<string, (liar: Liar) => Promise<unknown>>> = {
    "does not report a fork": (liar) => liar.fork(),
    "does not kill a fork": async (liar) => {
      (await liar.honestFork()).kill();
      assert.deepEqual(liar.killed, [0]);
    },
    "reported the end of a fork that runs": async (liar) => {
      const { ended } = await liar.honestFork();
      liar.link.read("stdout", event(ENDED, 0, SIGKILL));
      assert.equal((await ended).signal, "SIGKILL");
    },
  };
  await Promise.all(
    Object.entries(cases).map(async ([error, body]) => {
      await using liar = await Liar.open();
      await body(liar).catch(() => {});
      await liar.broken;
      assert.deepEqual(liar.errors, [error]);
    }),
  );
});

Deno.test("an honest fork server is not broken", async () => {
  await using liar = await Liar.open();
  const first = await liar.honestFork(0);
  const second = await liar.honestFork(1);
  first.kill();
  first.kill();
  liar.link.read("stdout", event(ENDED, 0, SIGKILL));
  liar.link.read("stdout", event(ENDED, 1, 7 << 8));
  liar.closeConnections();
  assert.equal((await first.ended).signal, "SIGKILL");
  assert.equal((await second.ended).code, 7);
  const failing = liar.fork(event(FAILED, 2, 11));
  await assert.rejects(failing, /^Error: The fork failed: .* 11$/);
  assert.deepEqual(liar.errors, []);
});
