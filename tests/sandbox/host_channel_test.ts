/** The server's side of host calls, with an instance that is played by the test. */
import assert from "node:assert/strict";
import {
  HOST_CALL_HEAD_BYTES,
  HOST_CALL_MAX_BYTES,
  HOST_CALLS_MAX,
  HOST_REPLY_HEAD_BYTES,
  HostStatus,
} from "../../src/runtime/wire.ts";
import { HostChannel, MalformedHostCall } from "../../src/sandbox/instance/host_channel.ts";
import {
  REPLIES_CONTENT_MAX_BYTES,
  REPLY_CONTENT_MAX_BYTES,
} from "../../src/sandbox/instance/replies.ts";
import { ByteBudget } from "../../src/shared/byte_budget.ts";
import { embeddedObject } from "../../src/shared/json_text.ts";
import { eventually } from "../support/eventually.ts";
import type { Host } from "../../src/sandbox/mod.ts";

/** The frame of a host call with this number and this many bare bytes. */
function callFrame(number: number, bareBytes = 0): Uint8Array {
  const json = new TextEncoder().encode('{"method":"echo"}');
  const frame = new Uint8Array(HOST_CALL_HEAD_BYTES + json.length + bareBytes);
  const head = new DataView(frame.buffer);
  head.setUint32(0, number);
  head.setUint32(4, json.length);
  frame.set(json, HOST_CALL_HEAD_BYTES);
  return frame;
}

/** A stdin whose writes arrive at once and resolve when `settle` is called. */
function slowStdin() {
  const arrived: number[] = [];
  const settled = Promise.withResolvers<void>();
  const stdin = {
    write(reply: Uint8Array) {
      arrived.push(new DataView(reply.buffer).getUint32(0));
      return settled.promise;
    },
  } as unknown as WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  return { stdin, arrived, settle: () => settled.resolve() };
}

/** Lets everything run that waits for nothing else. */
const turn = () => new Promise<void>((resolve) => setTimeout(resolve));

const ECHO: Host = { call: () => Promise.resolve({ value: null }) };

Deno.test("a call may follow the reply to another before the server knows that it is read", async () => {
  const { stdin, arrived, settle } = slowStdin();
  const channel = new HostChannel(ECHO, stdin, new ByteBudget(REPLIES_CONTENT_MAX_BYTES));
  for (let number = 1; number <= HOST_CALLS_MAX; number++) channel.receive(callFrame(number));
  await turn();
  assert.equal(arrived.length, HOST_CALLS_MAX);
  channel.receive(callFrame(HOST_CALLS_MAX + 1, HOST_CALL_MAX_BYTES / 2));
  await turn();
  channel.receive(callFrame(HOST_CALLS_MAX + 2, HOST_CALL_MAX_BYTES / 2));
  await turn();
  assert.equal(arrived.at(-1), HOST_CALLS_MAX + 2);
  settle();
  await channel.close();
});

Deno.test("a process that reads no replies cannot call without end", async () => {
  const { stdin, settle } = slowStdin();
  const channel = new HostChannel(ECHO, stdin, new ByteBudget(REPLIES_CONTENT_MAX_BYTES));
  await assert.rejects(async () => {
    for (let number = 1; number <= 100 * HOST_CALLS_MAX; number++) {
      channel.receive(callFrame(number));
      await turn();
    }
  }, MalformedHostCall);
  settle();
  await channel.close();
});

Deno.test("too many calls at once are malformed", async () => {
  const { stdin, settle } = slowStdin();
  const channel = new HostChannel(ECHO, stdin, new ByteBudget(REPLIES_CONTENT_MAX_BYTES));
  for (let number = 1; number <= HOST_CALLS_MAX; number++) channel.receive(callFrame(number));
  assert.throws(() => channel.receive(callFrame(0)), MalformedHostCall);
  settle();
  await channel.close();
});

Deno.test("the end of the channel waits for calls and for the writes of replies", async () => {
  const { stdin, arrived, settle } = slowStdin();
  const called = Promise.withResolvers<{ value: null }>();
  const channel = new HostChannel(
    { call: () => called.promise },
    stdin,
    new ByteBudget(REPLIES_CONTENT_MAX_BYTES),
  );
  channel.receive(callFrame(1));
  let isClosed = false;
  const written = new HostChannel(ECHO, stdin, new ByteBudget(REPLIES_CONTENT_MAX_BYTES));
  written.receive(callFrame(2));
  await turn();
  assert.deepEqual(arrived, [2]);
  const closed = Promise.all([channel.close(), written.close()]).then(() => isClosed = true);
  called.resolve({ value: null });
  await turn();
  assert.equal(isClosed, false);
  settle();
  await closed;
  assert.deepEqual(arrived, [2]);
});

/** A stdin that keeps what is written; with `stalls` no write resolves until `resume` is called. */
function keepingStdin(stalls: boolean) {
  const written: Uint8Array[] = [];
  const resumed = Promise.withResolvers<void>();
  if (!stalls) resumed.resolve();
  const stdin = {
    write(bytes: Uint8Array) {
      written.push(bytes);
      return resumed.promise;
    },
  } as unknown as WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  return { stdin, written, resume: () => resumed.resolve() };
}

/** The status and the JSON of a reply. */
function readReply(written: readonly Uint8Array[]): { status: number; json: string } {
  const bytes = Buffer.concat(written);
  const jsonBytes = bytes.readUInt32BE(5);
  assert.equal(bytes.length, HOST_REPLY_HEAD_BYTES + jsonBytes);
  return {
    status: bytes.readUInt8(4),
    json: bytes.subarray(HOST_REPLY_HEAD_BYTES).toString(),
  };
}

/** Replies with an object of about this size, which is read when it is sent. */
function largeHost(bytes: number, onRead = () => {}): Host & { readonly json: string } {
  const json = JSON.stringify({ text: "é".repeat(bytes / 2) });
  const content = new TextEncoder().encode(json);
  const read = () => {
    onRead();
    return Promise.resolve(content);
  };
  const value = () => ({ before: 1, large: embeddedObject({ byteLength: content.length, read }) });
  return {
    json: `{"before":1,"large":${json}}`,
    call: () => Promise.resolve({ value: value() }),
  };
}

Deno.test("a slow reader yields the memory to others, and gets the rest of its reply later", async () => {
  const bytes = 1_000_000;
  const budget = new ByteBudget(1.5 * bytes);
  let reads = 0;
  const host = largeHost(bytes, () => reads++);
  const slow = keepingStdin(true);
  const slowChannel = new HostChannel(host, slow.stdin, budget);
  slowChannel.receive(callFrame(1));
  await turn();
  const quick = keepingStdin(false);
  const quickChannel = new HostChannel(host, quick.stdin, budget);
  quickChannel.receive(callFrame(1));
  await quickChannel.close();
  assert.equal(quick.written.length, 0, "a run that has ended no longer waits");
  const next = new HostChannel(host, quick.stdin, budget);
  next.receive(callFrame(1));
  await eventually(
    () => Promise.resolve(Buffer.concat(quick.written).length > bytes ? true : undefined),
    "the reply to the quick reader",
  );
  assert.deepEqual(readReply(quick.written), { status: HostStatus.DONE, json: host.json });
  slow.resume();
  await eventually(
    () => Promise.resolve(Buffer.concat(slow.written).length > bytes ? true : undefined),
    "the reply to the slow reader",
  );
  assert.deepEqual(readReply(slow.written), { status: HostStatus.DONE, json: host.json });
  assert.equal(reads, 3);
  await Promise.all([slowChannel.close(), next.close()]);
});

Deno.test("the content of large replies of one run is read one after another", async () => {
  const stdin = keepingStdin(true);
  let reads = 0;
  const large = largeHost(1_000_000, () => reads++);
  const channel = new HostChannel(large, stdin.stdin, new ByteBudget(REPLIES_CONTENT_MAX_BYTES));
  for (let number = 1; number <= 5; number++) channel.receive(callFrame(number));
  await turn();
  assert.equal(reads, 1);
  stdin.resume();
  await eventually(() => Promise.resolve(reads === 5 ? true : undefined), "all replies");
  await channel.close();
});

Deno.test("a reply above the limit fails with a message that names it", async () => {
  const byteLength = REPLY_CONTENT_MAX_BYTES + 1;
  const value = embeddedObject({ byteLength, read: () => Promise.reject(new Error("read")) });
  const stdin = keepingStdin(false);
  const channel = new HostChannel(
    { call: () => Promise.resolve({ value }) },
    stdin.stdin,
    new ByteBudget(REPLIES_CONTENT_MAX_BYTES),
  );
  channel.receive(callFrame(1));
  await eventually(
    () => Promise.resolve(stdin.written.length > 0 ? true : undefined),
    "the reply",
  );
  const { status, json } = readReply(stdin.written);
  assert.equal(status, HostStatus.FAILED);
  const { code, message } = JSON.parse(json);
  assert.equal(code, "RESOURCE_EXHAUSTED");
  assert.match(message, /the limit of one host call is 64 MiB$/);
  await channel.close();
});
