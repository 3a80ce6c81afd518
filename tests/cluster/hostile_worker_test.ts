/** Workers that lie: they reach their own invocations and no others, and an API node survives all that they send. */
import assert from "node:assert/strict";
import { encodeChunkRequest, readChunkReply } from "../../src/cluster/link/chunk_messages.ts";
import { CloseReason, encodeChunk, encodeClose } from "../../src/cluster/link/frames.ts";
import { readLoadReply } from "../../src/cluster/link/load_messages.ts";
import { encode, encodeOutcome, MessageType } from "../../src/cluster/link/messages.ts";
import { PROTOCOL, PROTOCOLS_TEXT } from "../../src/cluster/link/protocol.ts";
import { inboxOf, subjects } from "../../src/cluster/nats/subjects.ts";
import { type Answer, type Json, unbase64 } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { startWith, TestCluster } from "./cluster.ts";
import { type Deed, forge, RogueWorker } from "./rogue.ts";

const ECHO = `export default ({ n }) => ({ n });`;
const SLEEP = `export default async ({ n }) => {
  for (let line = 0; line < 10; line++) {
    console.log(line);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return { n };
};`;

/** A bound for a busy machine. */
const REPLY_TIMEOUT_MS = 60_000;

const text = (value: string) => new TextEncoder().encode(value);
const FLOW = { acknowledged: 0, credit: 100 };
const write = (type: number, bytes: Uint8Array): Deed => (channel) =>
  void channel.write(type, bytes);

/** What a worker sends that has the job, and what the node's log reports of it. */
const DEEDS: readonly [string, Deed, RegExp][] = [
  ["an outcome that is not JSON", write(MessageType.OUTCOME, text("\0\0\0\x03{{{")), /not JSON/],
  ["an outcome without a head", write(MessageType.OUTCOME, text("\xff\xff")), /is cut/],
  [
    "an error with a code of its own",
    write(MessageType.OUTCOME, encodeOutcome({ kind: "error", code: "HELLO", message: "" })),
    /an outcome is malformed at error\.code/,
  ],
  [
    "a malformed log line",
    write(MessageType.LOG, text(`[{"time":1,"level":"loud","source":"console","message":""}]`)),
    /log lines is malformed at 0\.level/,
  ],
  ["a host call without a head", write(MessageType.HOST_CALL, text("x")), /its head is missing/],
  ["a second acceptance", write(MessageType.ACCEPTED, text("{}")), /an answer is malformed/],
  ["a message of no type", write(99, text("x")), /no message of type 99/],
  ["a malformed frame", (_, send) => send(text("hello")), /a frame cannot be read/],
  [
    "a message beyond the limit",
    (_, send) => {
      const head = { type: MessageType.OUTCOME, byteLength: 0xfff_ffff };
      send(encodeChunk({ number: 2, head, bytes: new Uint8Array(9) }, FLOW));
    },
    /a message has 268,435,455 B, the limit is/,
  ],
  [
    "a chunk beyond its credit",
    (_, send) => {
      const head = { type: MessageType.OUTCOME, byteLength: 1 };
      send(encodeChunk({ number: 5_000, head, bytes: new Uint8Array(1) }, FLOW));
    },
    /exceeds the credit/,
  ],
];

function outputOf({ status, body }: Answer<Json>): Json {
  assert.equal(status, 200, JSON.stringify(body));
  assert.ok("json" in body, JSON.stringify(body));
  return JSON.parse(unbase64(body.json));
}

Deno.test("hostile workers", async (t) => {
  await using cluster = await TestCluster.start();
  const { client, node } = await startWith(cluster);
  const echo = await client.deploy(ECHO);
  const sleep = await client.deploy(SLEEP);

  await t.step("what breaks the protocol ends the invocation of that worker alone", async () => {
    await using rogue = await RogueWorker.start(cluster.nats.address);
    for (const [what, deed] of DEEDS) {
      rogue.will(deed);
      const { body: { invocationId } } = await client.invoke(echo, { n: 1 });
      const { error } = await client.invocation(echo, invocationId);
      assert.equal(error, "INTERRUPTED: the worker that ran it ended", what);
    }
  });

  await t.step("a worker that rejects its job after all ends the invocation", async () => {
    await using rogue = await RogueWorker.start(cluster.nats.address);
    rogue.will((channel) => channel.close(CloseReason.FULL));
    const { body: { invocationId } } = await client.invoke(echo, { n: 1 });
    const { error } = await client.invocation(echo, invocationId);
    assert.equal(error, "INTERRUPTED: the worker that ran it ended");
  });

  await t.step(
    "a worker that exaggerates what it used keeps no invocation from its end",
    async () => {
      await using rogue = await RogueWorker.start(cluster.nats.address);
      const fn = await client.deploy(ECHO);
      const most = Number.MAX_SAFE_INTEGER;
      const used = { hostCallsMs: 0, egressMs: 0, egress: [], processMs: most, cpuMs: most };
      for (const egressBytes of [1.5, most, most]) {
        const measured = { ...used, egressBytes };
        const outcome = encodeOutcome({ kind: "success", outputJson: `{"n":4}`, measured });
        rogue.will(write(MessageType.OUTCOME, outcome));
        assert.deepEqual(outputOf(await client.invoke(fn, { n: 4 })), { n: 4 });
      }
      const { body: { total } } = await client.get(`/api/v1/usage?function_id=${fn}`);
      assert.deepEqual([total.invocations, total.errors], ["3", "0"]);
      assert.equal(total.egressBytes, String(2 + 2 * 2 ** 44));
    },
  );

  await t.step("a load report of any size or form costs the server nothing", async () => {
    const report = { loadMs: 1, start: "template", readings: [] };
    const reading = { position: "main.ts:1", called: "Date.now" };
    for (
      const reply of [
        { report: { ...report, loadMs: -1 } },
        { report: { ...report, start: "anything" } },
        { report: { ...report, readings: Array.from({ length: 21 }, () => reading) } },
        { report: { ...report, readings: [{ ...reading, position: "x".repeat(2_000) }] } },
        { report: { ...report, error: "x".repeat(10_000) } },
      ]
    ) {
      assert.throws(
        () => readLoadReply(new TextEncoder().encode(JSON.stringify(reply))),
        /a report is malformed at report\./,
      );
    }
    await using rogue = await RogueWorker.start(cluster.nats.address, { reportsLoads: true });
    rogue.answerLoads(new TextEncoder().encode("no JSON"));
    const fn = await client.deploy(ECHO);
    const reportOf = async () => {
      const { body } = await client.get(`/api/v1/functions/${fn}/commits/HEAD`);
      return body.loadReport?.state;
    };
    await eventually(async () => await reportOf() === undefined || undefined, "no report");
    assert.equal((await client.get("/readyz")).status, 200);
  });

  await t.step(
    "a claim whose worker never has the reply leaves its invocation to others",
    async () => {
      const { body: { invocationId } } = await client.invoke(echo, { n: 7 }, {
        prefer: "respond-async",
      });
      {
        await using rogue = await RogueWorker.start(cluster.nats.address, { capacity: 0, free: 0 });
        assert.equal((await rogue.claim("lost")).answer, "claimed");
      }
      await using _ = await cluster.worker();
      const { status, output, attempt } = await client.ended(echo, invocationId);
      assert.deepEqual([output, attempt], [{ n: 7 }, 1], status);
    },
  );

  await t.step("the id of a session begins one claim, also after the session", async () => {
    await using rogue = await RogueWorker.start(cluster.nats.address, { capacity: 0, free: 0 });
    for (let n = 0; n < 2; n++) {
      assert.equal((await client.invoke(echo, { n }, { prefer: "respond-async" })).status, 200);
    }
    const first = await rogue.claim("first");
    assert.ok(first.answer === "claimed");
    assert.equal((await rogue.claim("first")).answer, "later");
    const { nats } = rogue;
    nats.publish(subjects.toNode(nats.id, first.node, "first"), encodeClose(CloseReason.DONE));
    assert.equal((await rogue.claim("first")).answer, "later");
    assert.equal((await rogue.claim("second")).answer, "claimed");
  });

  await t.step("a claim gets no reply outside the inboxes of its worker", async () => {
    await using rogue = await RogueWorker.start(cluster.nats.address, { capacity: 0, free: 0 });
    const { body } = await client.invoke(echo, { n: 5 }, { prefer: "respond-async" });
    const { nats } = rogue;
    const elsewhere = subjects.foreign("victim");
    const replies: string[] = [];
    using _ = nats.subscribe("invoked.v1.worker.victim.>", ({ subject }) => replies.push(subject));
    await nats.flushed();
    for (const protocol of [PROTOCOL, 99]) {
      const request = rogue.claimRequest(`elsewhere-${protocol}`, protocol);
      for (const reply of [elsewhere, `_INBOX.${nats.id}`, `_INBOX.${nats.id}x.1`, undefined]) {
        nats.publish(subjects.claim(nats.id), request, reply);
      }
    }
    // The node reads claims in order, so this one finds the invocation that no earlier claim has started.
    const record = await client.invocation(echo, body.invocationId);
    assert.match(record.status, /_PENDING$/);
    assert.equal((await rogue.claim("elsewhere-99")).answer, "claimed");
    await nats.flushed();
    assert.deepEqual(replies, []);
  });

  await t.step(
    "a request for a chunk gets no reply outside the inboxes of its worker",
    async () => {
      await using rogue = await RogueWorker.start(cluster.nats.address, { capacity: 0, free: 0 });
      const { nats } = rogue;
      const subject = subjects.chunk(nats.id);
      const request = encodeChunkRequest({ digest: "0".repeat(64), index: 0 });
      const replies: string[] = [];
      const note = ({ subject }: { subject: string }) => replies.push(subject);
      using _victim = nats.subscribe("invoked.v1.worker.victim.>", note);
      using _own = nats.subscribe(`${inboxOf(nats.id)}.malformed`, note);
      await nats.flushed();
      for (const reply of [subjects.foreign("victim"), `_INBOX.${nats.id}x.1`, undefined]) {
        nats.publish(subject, request, reply);
      }
      for (const bytes of ["", "{", `{"digest":"../x","index":0}`]) {
        nats.publish(subject, text(bytes), `${inboxOf(nats.id)}.malformed`);
      }
      for (const index of [-1, 0.5, 2 ** 40]) {
        const malformed = encodeChunkRequest({ digest: "0".repeat(64), index });
        nats.publish(subject, malformed, `${inboxOf(nats.id)}.malformed`);
      }
      const reply = readChunkReply(await nats.request(subject, request, REPLY_TIMEOUT_MS));
      assert.deepEqual(reply, { kind: "damaged", damage: "is missing" });
      await nats.flushed();
      assert.deepEqual(replies, []);
    },
  );

  const worker = await cluster.worker();
  await t.step("a worker of another protocol gets no offers", async () => {
    await using rogue = await RogueWorker.start(cluster.nats.address, { protocol: 99 });
    assert.deepEqual(outputOf(await client.invoke(echo, { n: 2 })), { n: 2 });
    assert.equal(rogue.offers, 0);
  });

  await t.step("what comes on the subject of another worker does not count", async () => {
    await using rogue = await RogueWorker.start(cluster.nats.address, { capacity: 0, free: 0 });
    const bytes = encodeOutcome({ kind: "success", outputJson: `{"n":"forged"}` });
    const head = { type: MessageType.OUTCOME, byteLength: bytes.length };
    let forged = 0;
    // One of them has the number that its owner expects.
    const outcomes = Array.from(
      { length: 20 },
      (_, at) => encodeChunk({ number: 1 + at, head, bytes }, FLOW),
    );
    using _forging = forge(rogue.nats, () => {
      forged++;
      return [...outcomes, encodeClose(CloseReason.DONE)];
    });
    assert.deepEqual(outputOf(await client.invoke(sleep, { n: 3 })), { n: 3 });
    assert.ok(forged > 0);
  });

  await t.step(
    "a worker does not end for a protocol that it speaks, or that it cannot read",
    async () => {
      await using rogue = await RogueWorker.start(cluster.nats.address, { capacity: 0, free: 0 });
      for (const bytes of [text("{"), encode({ protocol: PROTOCOL - 1 })]) {
        rogue.nats.publish(subjects.foreign(worker.id), bytes);
      }
      await rogue.nats.flushed();
      assert.deepEqual(outputOf(await client.invoke(echo, { n: 6 })), { n: 6 });
      const { code, log } = await worker.stop();
      assert.equal(code, 0, log);
      assert.doesNotMatch(log, /an API node speaks protocol/);
      assert.match(log, /Failed to read the protocol of an API node/);
    },
  );

  await node.stop();
  const log = await node.log;
  for (const [what, , report] of DEEDS) assert.match(log, report, what);
  // One line for each worker and minute, whatever it sends.
  assert.equal(log.split("Ignored a request for a chunk").length - 1, 1);
  assert.equal(log.split("Failed to send worker").length - 1, 1);
  assert.match(log, new RegExp(`speaks protocol 99, this server works with ${PROTOCOLS_TEXT}`));
});
