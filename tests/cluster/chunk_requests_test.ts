/** Workers that ask API nodes for chunks of artifacts: what they can make a node read and keep in memory. */
import assert from "node:assert/strict";
import { ChunkRequests } from "../../src/cluster/dispatch/chunk_requests.ts";
import {
  type ChunkReply,
  encodeChunkReply,
  encodeChunkRequest,
  readChunkReply,
} from "../../src/cluster/link/chunk_messages.ts";
import { Nats } from "../../src/cluster/nats/connection.ts";
import { inboxOf, NODES_GROUP, subjects } from "../../src/cluster/nats/subjects.ts";
import { CHUNK_BYTES } from "../../src/cluster/objects/codec.ts";
import { NodeChunks, requestSlots } from "../../src/cluster/objects/node_chunks.ts";
import { eventually } from "../support/eventually.ts";
import { TestNats } from "../support/nats.ts";

const DIGEST = "0".repeat(64);
const REQUEST = encodeChunkRequest({ digest: DIGEST, index: 0 });
/** Reads of one worker at a time, and its requests that a node accepts. */
const [READS, REQUESTS] = [4, 64];
/** How long a worker reads an artifact. */
const ARTIFACT_TIMEOUT_MS = 20_000;
/** A bound for a busy machine. */
const REPLY_TIMEOUT_MS = 60_000;

/** An API node whose object store answers once it is opened, and counts the reads. */
class TestNode implements Disposable {
  readonly #opened = Promise.withResolvers<void>();
  readonly #requests: ChunkRequests;
  reads = 0;

  constructor(nats: Nats) {
    this.#requests = new ChunkRequests(nats, (_digest, _index, admit) =>
      admit(async () => {
        this.reads++;
        await this.#opened.promise;
        await new Promise((resolve) => setTimeout(resolve, 0));
        return new Uint8Array(CHUNK_BYTES);
      }));
  }

  open(): void {
    this.#opened.resolve();
  }

  [Symbol.dispose](): void {
    this.#requests[Symbol.dispose]();
  }
}

/** Sends so many requests of a worker, and returns the replies that arrive. */
async function flood(worker: Nats, requests: number): Promise<readonly ChunkReply["kind"][]> {
  const replies: ChunkReply["kind"][] = [];
  const inbox = `${inboxOf(worker.id)}.flood`;
  worker.subscribe(inbox, ({ bytes }) => void replies.push(readChunkReply(bytes).kind));
  for (let n = 0; n < requests; n++) {
    worker.publish(subjects.chunk(worker.id), REQUEST, inbox);
  }
  await worker.flushed();
  return replies;
}

async function ask(worker: Nats): Promise<ChunkReply["kind"]> {
  const subject = subjects.chunk(worker.id);
  return readChunkReply(await worker.request(subject, REQUEST, REPLY_TIMEOUT_MS)).kind;
}

Deno.test("requests for chunks", async (t) => {
  await using server = await TestNats.start();
  const { options } = server.address;
  await using nats = await Nats.connect(options, "API node");
  await using worker = await Nats.connect(options, "worker");
  await using other = await Nats.connect(options, "worker");

  await t.step("a worker keeps no other from reading, and no late request is read", async () => {
    using node = new TestNode(nats);
    await nats.flushed();
    const replies = await flood(worker, REQUESTS);
    await flood(other, 1);
    await eventually(() => node.reads === READS + 1 || undefined, "reads of both workers");
    await eventually(() => replies.length === REQUESTS || undefined, "a reply to each request");
    assert.ok(replies.every((kind) => kind === "unavailable"), `${replies}`);
    // The reads are under way, so the requests of this worker still count.
    assert.equal(await ask(worker), "unavailable");
    const rejections = await flood(worker, REQUESTS);
    await eventually(() => rejections.length === REQUESTS || undefined, "rejections");
    assert.equal(node.reads, READS + 1);
    node.open();
    await eventually(async () => await ask(other) === "chunk" || undefined, "a chunk");
    await eventually(async () => await ask(worker) === "chunk" || undefined, "a chunk");
    assert.equal(node.reads, READS + 3);
  });

  await t.step("a worker has chunks in time while one node hangs", async () => {
    const silent: string[] = [];
    const chunk = encodeChunkReply({ kind: "chunk", bytes: new Uint8Array(9) });
    // A node that hangs is in the group until NATS finds out.
    using _ = nats.subscribe(subjects.chunks(), ({ subject, respond }) => {
      if (silent.push(subject) > 3) respond(chunk);
    }, NODES_GROUP);
    await nats.flushed();
    const signal = AbortSignal.timeout(ARTIFACT_TIMEOUT_MS);
    const chunks = new NodeChunks(worker, requestSlots(), DIGEST, signal);
    assert.equal((await chunks.chunk(0)).length, 9);
  });

  await t.step(
    "a worker reads any number of artifacts at once, with few requests under way",
    async () => {
      let [underWay, most] = [0, 0];
      const chunk = encodeChunkReply({ kind: "chunk", bytes: new Uint8Array(9) });
      using _ = nats.subscribe(subjects.chunks(), async ({ respond }) => {
        most = Math.max(most, ++underWay);
        await new Promise((resolve) => setTimeout(resolve, 5));
        underWay--;
        respond(chunk);
      });
      await nats.flushed();
      const slots = requestSlots();
      const { signal } = new AbortController();
      const read = () => new NodeChunks(worker, slots, DIGEST, signal).chunk(0);
      await Promise.all(Array.from({ length: 2 * REQUESTS }, read));
      assert.equal(most, 16);
    },
  );

  await t.step("a node reads no more chunks than NATS takes", async () => {
    using node = new TestNode(nats);
    await nats.flushed();
    const { inMsgs, outBytes } = nats.traffic;
    await flood(worker, REQUESTS);
    const received = () => nats.traffic.inMsgs - inMsgs >= REQUESTS || undefined;
    await eventually(received, "all requests at the node");
    server.signal("SIGSTOP");
    try {
      node.open();
      await eventually(() => nats.error, "a lost connection");
      const sent = nats.traffic.outBytes - outBytes;
      assert.ok(sent >= READS * CHUNK_BYTES, `${sent} B`);
      assert.ok(sent < (READS + 1) * CHUNK_BYTES, `${sent} B are in memory`);
    } finally {
      server.signal("SIGCONT");
    }
  });
});
