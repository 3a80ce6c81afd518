/** The channel of sessions, over a relay of its own that loses, repeats, delays and reorders frames. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { Channel, type ChannelEnd } from "../../src/cluster/link/channel.ts";
import {
  CloseReason,
  encodeChunk,
  encodeStatus,
  FRAME_OVERHEAD_BYTES,
} from "../../src/cluster/link/frames.ts";
import { eventually } from "../support/eventually.ts";
import { random, SEED } from "../support/seed.ts";

const SMALL_FRAME_BYTES = FRAME_OVERHEAD_BYTES + 64;
const MESSAGE_BYTES_MAX = 100_000;

/** How the relay treats one frame in a hundred, by number of frames. */
interface Errors {
  readonly lost: number;
  readonly repeated: number;
  readonly delayed: number;
}

interface Message {
  readonly type: number;
  readonly bytes: Uint8Array;
}

/** One side: what arrived, and how it ended. */
class Side {
  readonly arrived: Message[] = [];
  readonly ended = Promise.withResolvers<ChannelEnd>();
  readonly channel: Channel;

  constructor(send: (frame: Uint8Array) => void, onMessage?: () => Promise<void>) {
    this.channel = new Channel({
      send,
      onMessage: (type, bytes) => {
        this.arrived.push({ type, bytes });
        return onMessage?.();
      },
      onEnd: (end) => this.ended.resolve(end),
      messageBytesMax: MESSAGE_BYTES_MAX,
      frameBytesMax: SMALL_FRAME_BYTES,
    });
  }
}

/** Two channels whose frames pass a relay. */
function pair({ lost, repeated, delayed }: Errors, start: number): { a: Side; b: Side } {
  const below = random(start);
  const roll = () => below(100);
  const relay = (to: () => Side) => (frame: Uint8Array) => {
    if (roll() < lost) return;
    const copies = roll() < repeated ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      const ms = roll() < delayed ? roll() / 5 : 0;
      setTimeout(() => to().channel.receive(frame), ms);
    }
  };
  const a: Side = new Side(relay(() => b));
  const b: Side = new Side(relay(() => a));
  return { a, b };
}

const messages = fc.array(
  fc.record({
    type: fc.nat(255),
    bytes: fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.nat(1_500).map((length) => new Uint8Array(length).fill(length)),
    ),
  }),
  { maxLength: 12 },
).map((all) => all.map((message) => ({ ...message })));

const stories = fc.record({
  errors: fc.record({ lost: fc.nat(20), repeated: fc.nat(50), delayed: fc.nat(100) }),
  start: fc.nat(),
  toB: messages,
  toA: messages,
});

Deno.test("messages arrive once, whole and in order, whatever happens to frames", async () => {
  // All at once, because each of them mostly waits for repetitions.
  const all = fc.sample(stories, { seed: SEED, numRuns: 60 });
  await Promise.all(all.map(async ({ errors, start, toB, toA }, at) => {
    const { a, b } = pair(errors, start);
    const write = async ({ channel }: Side, all: readonly Message[]) => {
      for (const { type, bytes } of all) await channel.write(type, bytes);
      await channel.drained();
    };
    await Promise.all([write(a, toB), write(b, toA)]);
    assert.deepEqual(b.arrived, toB, `story ${at} of seed ${SEED}`);
    assert.deepEqual(a.arrived, toA, `story ${at} of seed ${SEED}`);
    await a.channel[Symbol.asyncDispose]();
    await b.channel[Symbol.asyncDispose]();
  }));
});

Deno.test("a slow receiver holds the sender back", async () => {
  const hold = Promise.withResolvers<void>();
  let sent = 0;
  const a: Side = new Side((frame) => {
    sent++;
    b.channel.receive(frame);
  });
  const b: Side = new Side((frame) => a.channel.receive(frame), () => hold.promise);
  let written = 0;
  const writing = (async () => {
    for (let n = 0; n < 100; n++) {
      await a.channel.write(1, new Uint8Array(64));
      written++;
    }
  })();
  await eventually(() => written >= 8 || undefined, "a window of chunks");
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(written, 8, "nothing of the rest was sent");
  assert.ok(sent < 100);
  hold.resolve();
  await writing;
  await a.channel.drained();
  assert.equal(b.arrived.length, 100);
  await a.channel[Symbol.asyncDispose]();
  assert.deepEqual(await b.ended.promise, { by: "peer", reason: CloseReason.DONE });
});

Deno.test("a silent peer ends the channel", async () => {
  const a = new Side(() => {});
  const writing = a.channel.write(1, new Uint8Array(10_000));
  assert.deepEqual(await a.ended.promise, { by: "silence" });
  await writing;
  await a.channel.write(1, new Uint8Array(1));
  assert.equal(a.channel.isOpen, false);
});

const FLOW = { acknowledged: 0, credit: 8 };
const chunk = (number: number, length: number, head?: { type: number; byteLength: number }) =>
  encodeChunk({ number, head, bytes: new Uint8Array(length) }, FLOW);

/** Frames that no peer sends which keeps to the protocol, and the error that is reported. */
const FORGED: readonly [string, readonly Uint8Array[], RegExp][] = [
  ["bytes that are no frame", [new Uint8Array(3)], /cannot be read/],
  ["a frame of no kind", [new Uint8Array(9).fill(77)], /cannot be read/],
  ["a chunk beyond the credit", [chunk(9, 1, { type: 1, byteLength: 1 })], /exceeds the credit/],
  [
    "a message beyond the limit",
    [chunk(1, 1, { type: 1, byteLength: 1e6 })],
    /has 1 MB, the limit is 100 kB/,
  ],
  ["a chunk beyond the limit", [chunk(1, 200_000, { type: 1, byteLength: 9e4 })], /a chunk has 2/],
  ["a chunk of no message", [chunk(1, 1)], /out of order/],
  [
    "a message in a message",
    [chunk(1, 1, { type: 1, byteLength: 2 }), chunk(2, 1, { type: 1, byteLength: 2 })],
    /out of order/,
  ],
  ["a message longer than it says", [chunk(1, 3, { type: 1, byteLength: 2 })], /longer than its 2/],
  [
    "chunks without bytes",
    [chunk(1, 1, { type: 1, byteLength: 2 }), chunk(2, 0)],
    /is empty/,
  ],
  [
    "an acknowledgement of what was not sent",
    [encodeStatus({ acknowledged: 5, credit: 8 })],
    /never sent/,
  ],
];

for (const [what, frames, error] of FORGED) {
  Deno.test(`the channel ends at ${what}`, async () => {
    const a = new Side(() => {});
    for (const frame of frames) a.channel.receive(frame);
    const end = await a.ended.promise;
    assert.equal(end.by, "error");
    assert.match((end as { message: string }).message, error);
    assert.deepEqual(a.arrived, []);
  });
}

Deno.test("random bytes end the channel or do nothing", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 20 }), (frames) => {
      const a = new Side(() => {});
      for (const frame of frames) a.channel.receive(frame);
      a.channel.close(CloseReason.DONE);
    }),
    { seed: SEED, numRuns: 300 },
  );
});

Deno.test("a frame is urgent unless the peer waits for no such frame", () => {
  const sent: boolean[] = [];
  const open = () =>
    new Channel({
      send: (_frame, isUrgent) => void sent.push(isUrgent),
      onMessage() {},
      onEnd() {},
      messageBytesMax: MESSAGE_BYTES_MAX,
      frameBytesMax: SMALL_FRAME_BYTES,
    });
  const ended = open();
  void ended.write(1, new Uint8Array(1));
  ended.close(CloseReason.DONE);
  open().close(CloseReason.NOT_BEGUN);
  assert.deepEqual(sent, [true, false, true]);
});
