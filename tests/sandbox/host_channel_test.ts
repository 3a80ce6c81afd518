/** The server's side of host calls, with an instance that is played by the test. */
import assert from "node:assert/strict";
import {
  HOST_CALL_HEAD_BYTES,
  HOST_CALL_MAX_BYTES,
  HOST_CALLS_MAX,
} from "../../src/runtime/wire.ts";
import { HostChannel, MalformedHostCall } from "../../src/sandbox/instance/host_channel.ts";
import type { Host } from "../../src/sandbox/mod.ts";

/** The frame of a call with this number and so many bare bytes. */
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
  const channel = new HostChannel(ECHO, stdin);
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
  const channel = new HostChannel(ECHO, stdin);
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
  const channel = new HostChannel(ECHO, stdin);
  for (let number = 1; number <= HOST_CALLS_MAX; number++) channel.receive(callFrame(number));
  assert.throws(() => channel.receive(callFrame(0)), MalformedHostCall);
  settle();
  await channel.close();
});

Deno.test("the end of the channel waits for calls and for the writes of replies", async () => {
  const { stdin, arrived, settle } = slowStdin();
  const called = Promise.withResolvers<{ value: null }>();
  const channel = new HostChannel({ call: () => called.promise }, stdin);
  channel.receive(callFrame(1));
  let isClosed = false;
  const written = new HostChannel(ECHO, stdin);
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
