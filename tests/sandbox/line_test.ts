/**
 * The connections that the instances of a template inherit, with a template that writes what a test lets it write: nothing
 * of an ended instance is taken for the next one's, and no lie of a template is believed.
 */
import assert from "node:assert/strict";
import {
  Command,
  COMMAND_BYTES,
  EVENT_BYTES,
  EventFlag,
  ForkEvent,
  Handshake,
  NextFlag,
  TOKEN_BYTES,
} from "../../src/runtime/fork/wire.ts";
import type { Exit, ProcessHandle } from "../../src/sandbox/instance/process.ts";
import { ForkServerLink } from "../../src/sandbox/tree/fork_server.ts";
import { InstanceLine } from "../../src/sandbox/tree/line.ts";
import { handshakeOf, type TreeSocket } from "../../src/sandbox/tree/tree_socket.ts";
import { eventually } from "../support/eventually.ts";
import { openSocket } from "./sockets.ts";

const KILLED = 9;
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const bytesOf = (written: string) => new TextEncoder().encode(written);

/** A command `NEXT`. */
interface Ordered {
  readonly number: number;
  readonly isNew: boolean;
  readonly token: Uint8Array;
}

/** What the event `NEXT` says. */
interface Said {
  readonly kind?: number;
  readonly number?: number;
  readonly hasEnded?: boolean;
  readonly status?: number;
  readonly unreadBytes?: number;
}

/** An instance as its owner sees it. */
interface Seen {
  readonly handle: ProcessHandle;
  readonly written: { stdout: string; stderr: string };
  readonly over: Promise<unknown>;
}

/** A template that orders nothing and forks nothing: a test writes to its line. */
class FakeTemplate implements AsyncDisposable {
  readonly link: ForkServerLink;
  readonly line: InstanceLine;
  readonly errors: string[] = [];
  readonly ordered: Ordered[] = [];
  readonly killed: number[] = [];
  mayFollow = true;
  needsNewLine = false;
  channel: Deno.UnixConn | undefined;
  stderr: Deno.UnixConn | undefined;

  private constructor(readonly socket: TreeSocket, readonly close: () => Promise<void>) {
    this.link = new ForkServerLink({ write: this.#take }, (error) => this.errors.push(error));
    this.line = new InstanceLine(this.link, {
      mayFollow: () => this.mayFollow,
      succession: () => ({
        socket,
        egressPath: "/egress",
        connectsToEgress: false,
        needsNewLine: this.needsNewLine,
      }),
    });
  }

  static async open(): Promise<FakeTemplate> {
    return new FakeTemplate(...await openSocket());
  }

  get last(): Ordered {
    return this.ordered.at(-1) as Ordered;
  }

  /** Opens the connections of the ordered instance. */
  async connect(): Promise<void> {
    this.channel?.close();
    this.stderr?.close();
    const open = async (kind: number) => {
      const connection = await Deno.connect({ transport: "unix", path: this.socket.path });
      await connection.write(handshakeOf(kind, this.last.token));
      return connection;
    };
    [this.channel, this.stderr] = [await open(Handshake.CHANNEL), await open(Handshake.STDERR)];
  }

  /** The handshake on the connections that the last instance had. */
  async sendHandshakes(): Promise<void> {
    await this.stderr?.write(handshakeOf(Handshake.STDERR, this.last.token));
    await this.channel?.write(handshakeOf(Handshake.CHANNEL, this.last.token));
  }

  async say(said: Said = {}): Promise<void> {
    await this.channel?.write(eventOf({ number: this.last.number, ...said }));
  }

  /** The next instance, with connections as they were ordered. */
  async next(said: Said = {}): Promise<Seen> {
    const coming = this.line.next();
    if (this.last.isNew) await this.connect();
    else await this.sendHandshakes();
    await this.say(said);
    return seen((await coming).process);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.link.close();
    for (const connection of [this.channel, this.stderr]) {
      try {
        connection?.close();
      } catch {
        // The test has closed it.
      }
    }
    await this.close();
  }

  readonly #take = (bytes: Uint8Array): Promise<void> => {
    const number = new DataView(bytes.buffer, bytes.byteOffset).getUint32(4);
    if (bytes[0] === Command.KILL) this.killed.push(number);
    if (bytes[0] === Command.NEXT) {
      const isNew = ((bytes[1] ?? 0) & NextFlag.NEW_LINE) !== 0;
      const token = bytes.slice(COMMAND_BYTES - 4 - TOKEN_BYTES, COMMAND_BYTES - 4);
      this.ordered.push({ number, isNew, token });
    }
    return Promise.resolve();
  };
}

function seen(handle: ProcessHandle): Seen {
  const written = { stdout: "", stderr: "" };
  const over = handle.readOutput((stream, chunk) => {
    written[stream] += text(chunk);
  });
  return { handle, written, over };
}

function eventOf(
  { kind = ForkEvent.NEXT, number = 0, hasEnded = false, status = 0, unreadBytes = 0 }: Said,
): Uint8Array {
  const view = new DataView(new ArrayBuffer(EVENT_BYTES));
  view.setUint8(0, kind);
  view.setUint8(1, hasEnded ? EventFlag.HAS_ENDED : 0);
  view.setUint32(4, number);
  view.setUint32(8, status);
  view.setUint32(20, unreadBytes);
  return new Uint8Array(view.buffer);
}

Deno.test("what a dying instance writes is never its successor's, wherever the stream is cut", async () => {
  await using template = await FakeTemplate.open();
  let last = await template.next();
  for (let cut = 1; cut < TOKEN_BYTES + EVENT_BYTES; cut += 3) {
    last.handle.kill();
    assert.equal(template.last.isNew, false);
    await template.stderr?.write(bytesOf("late error"));
    await template.stderr?.write(handshakeOf(Handshake.STDERR, template.last.token));
    const { number, token } = template.last;
    // Half of a frame, and the beginning of a handshake with another token.
    const left = [bytesOf("late"), Uint8Array.of(Handshake.CHANNEL, ...token.subarray(0, 5))];
    const said = eventOf({ number, hasEnded: true, status: KILLED });
    const all = Uint8Array.from(
      [...left, handshakeOf(Handshake.CHANNEL, token), said].flatMap((bytes) => [...bytes]),
    );
    const coming = template.line.next();
    for (let at = 0; at < all.length; at += cut) {
      await template.channel?.write(all.subarray(at, at + cut));
      // The server reads this part by itself, into the same memory as the next one.
      await new Promise((resolve) => setTimeout(resolve));
    }
    const next = seen((await coming).process);
    assert.deepEqual((await last.handle.ended).signal, "SIGKILL");
    await last.over;
    const written = last.written.stdout.replace(/^first/, "");
    assert.ok(written.startsWith("late" + String.fromCharCode(Handshake.CHANNEL)), written);
    assert.equal(last.written.stderr, "late error");
    await template.channel?.write(bytesOf("first"));
    await eventually(() => (next.written.stdout === "first") || undefined);
    assert.deepEqual(next.written, { stdout: "first", stderr: "" });
    last = next;
  }
  assert.deepEqual(template.errors, []);
});

Deno.test("no byte for an instance that was killed reaches the next one", async () => {
  await using template = await FakeTemplate.open();
  const first = await template.next();
  first.handle.kill();
  await first.handle.input.write(bytesOf("late reply"));
  const second = await template.next({ hasEnded: true, status: KILLED });
  await first.handle.input.write(bytesOf("later reply"));
  await second.handle.input.write(bytesOf("job"));
  const buffer = new Uint8Array(100);
  assert.equal(text(buffer.subarray(0, await template.channel?.read(buffer) ?? 0)), "job");
});

Deno.test("an instance gets new connections while bytes for the last one are on their way", async () => {
  await using template = await FakeTemplate.open();
  const first = await template.next();
  // More than a socket holds: nobody reads it.
  const writing = first.handle.input.write(new Uint8Array(16 * 1024 * 1024));
  await new Promise((resolve) => setTimeout(resolve));
  first.handle.kill();
  assert.equal(template.last.isNew, true);
  const second = await template.next({ hasEnded: true, status: KILLED });
  await writing;
  await second.handle.input.write(bytesOf("job"));
  const buffer = new Uint8Array(100);
  assert.equal(text(buffer.subarray(0, await template.channel?.read(buffer) ?? 0)), "job");
});

Deno.test("an instance that shuts its connections ends its own output alone", async () => {
  await using template = await FakeTemplate.open();
  const first = await template.next();
  await template.channel?.write(bytesOf("said"));
  template.channel?.closeWrite();
  await eventually(() => (first.written.stdout === "said") || undefined);
  template.stderr?.closeWrite();
  await first.over;
  first.handle.kill();
  assert.equal(template.last.isNew, true);
  const second = await template.next({ hasEnded: true, status: KILLED });
  await template.channel?.write(bytesOf("second"));
  await eventually(() => (second.written.stdout === "second") || undefined);
  assert.deepEqual(template.errors, []);
});

Deno.test("a template may open new connections although the server expects the old ones", async () => {
  await using template = await FakeTemplate.open();
  const first = await template.next();
  first.handle.kill();
  assert.equal(template.last.isNew, false);
  const coming = template.line.next();
  await template.channel?.write(bytesOf("late"));
  await template.connect();
  await template.say({ hasEnded: true, status: KILLED });
  const second = seen((await coming).process);
  await first.over;
  await template.channel?.write(bytesOf("second"));
  await eventually(() => (second.written.stdout === "second") || undefined);
  assert.equal(first.written.stdout, "late");
});

Deno.test("each instance of a generic template gets new connections", async () => {
  await using template = await FakeTemplate.open();
  template.needsNewLine = true;
  for (let round = 0; round < 3; round++) {
    const { handle } = await template.next(round === 0 ? {} : { hasEnded: true, status: KILLED });
    assert.equal(template.last.isNew, true);
    handle.kill();
  }
});

Deno.test("a template counts what an instance has not read of its invocation", async () => {
  await using template = await FakeTemplate.open();
  for (const unreadBytes of [0, 1, 70_000]) {
    const { handle, over } = await template.next();
    template.link.read("stdout", eventOf({ kind: ForkEvent.ENDED, number: template.last.number }));
    assert.deepEqual((await handle.ended).code, 0);
    const next = await template.next({ unreadBytes });
    await over;
    assert.equal(handle.hasReadInput?.(), unreadBytes === 0);
    template.link.read("stdout", eventOf({ kind: ForkEvent.ENDED, number: template.last.number }));
    await next.handle.ended;
  }
});

Deno.test("the kernel knows whether an instance that ended with its template has read its invocation", async () => {
  for (const isRead of [true, false]) {
    await using template = await FakeTemplate.open();
    const { handle, over } = await template.next();
    await handle.input.write(bytesOf("job"));
    if (isRead) await template.channel?.read(new Uint8Array(100));
    template.channel?.close();
    template.stderr?.close();
    template.link.close("template");
    assert.equal((await handle.ended).lost, "template");
    await over;
    assert.equal(handle.hasReadInput?.(), isRead);
  }
});

Deno.test("an instance whose end is known before its invocation is written has not read it", async () => {
  await using template = await FakeTemplate.open();
  const { handle, over } = await template.next();
  template.channel?.close();
  template.stderr?.close();
  await over;
  await handle.input.write(bytesOf("job"));
  template.link.close("zygote");
  await handle.ended;
  assert.equal(handle.hasReadInput?.(), false);
});

Deno.test("a fork that fails ends the wait for both instances", async () => {
  await using template = await FakeTemplate.open();
  const first = await template.next();
  const { number } = template.last;
  first.handle.kill();
  const coming = template.line.next();
  template.link.read(
    "stdout",
    eventOf({ kind: ForkEvent.ENDED, number, status: KILLED }),
  );
  template.link.read("stdout", eventOf({ kind: ForkEvent.FAILED, number: number + 1, status: 11 }));
  await assert.rejects(coming, /^Error: the kernel answered with error 11$/);
  assert.equal((await first.handle.ended).signal, "SIGKILL");
  // A further attempt may succeed.
  assert.ok(await template.next());
  assert.deepEqual(template.errors, []);
});

Deno.test("an instance that ends at once does not hide that its template stays silent", async () => {
  await using template = await FakeTemplate.open();
  const coming = template.line.next();
  const { number } = template.last;
  template.link.read("stdout", eventOf({ kind: ForkEvent.ENDED, number }));
  template.link.close("template");
  await assert.rejects(coming, /^Error: the fork server has ended$/);
});

Deno.test("a template that must not go on kills its instance, and forks no other", async () => {
  await using template = await FakeTemplate.open();
  const { handle } = await template.next();
  template.mayFollow = false;
  handle.kill();
  handle.kill();
  assert.deepEqual(template.killed, [template.last.number]);
  assert.equal(template.ordered.length, 1);
});

/** What a template may say of its second instance. Each is a lie. */
const LIES: Readonly<Record<string, Said>> = {
  "another kind of event": { kind: ForkEvent.ENDED },
  "the number of the last instance": { number: 0 },
  "a number that was not ordered": { number: 7 },
  "a status that no process has": { hasEnded: true, status: 0xffffffff },
  "a stop in place of an end": { hasEnded: true, status: 0x137f },
};

Deno.test("a lie about the next instance breaks the template", async () => {
  for (const [name, lie] of Object.entries(LIES)) {
    await using template = await FakeTemplate.open();
    const first = await template.next();
    first.handle.kill();
    const coming = template.line.next();
    coming.catch(() => {});
    await template.sendHandshakes();
    await template.say({ hasEnded: true, status: KILLED, ...lie });
    await eventually(() => (template.errors.length > 0) || undefined);
    assert.deepEqual(template.errors, ["wrote an event that it cannot have written"], name);
    const ended: Exit = { code: 137, signal: "SIGKILL" };
    template.link.close();
    assert.deepEqual(await first.handle.ended, ended, name);
    await assert.rejects(coming);
  }
});

Deno.test("two ends of one instance break the template", async () => {
  await using template = await FakeTemplate.open();
  const first = await template.next();
  template.link.read("stdout", eventOf({ kind: ForkEvent.ENDED, number: template.last.number }));
  await first.handle.ended;
  const coming = template.line.next();
  coming.catch(() => {});
  await template.sendHandshakes();
  await template.say({ hasEnded: true, status: KILLED });
  await eventually(() => (template.errors.length > 0) || undefined);
});
