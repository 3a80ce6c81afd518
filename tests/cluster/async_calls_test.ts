/** Asynchronous invocations: workers pull and claim them. */
import assert from "node:assert/strict";
import { Claims } from "../../src/cluster/dispatch/claims.ts";
import { Sessions } from "../../src/cluster/dispatch/sessions.ts";
import {
  CloseReason,
  decodeFrame,
  encodeStatus,
  FrameKind,
} from "../../src/cluster/link/frames.ts";
import {
  encode,
  readClaimRequest,
  readHeartbeat,
  WaitingReply,
} from "../../src/cluster/link/messages.ts";
import { PROTOCOL } from "../../src/cluster/link/protocol.ts";
import { Seals } from "../../src/cluster/link/sealing.ts";
import { Nats, type ReceivedMessage } from "../../src/cluster/nats/connection.ts";
import { partsOf, subjects } from "../../src/cluster/nats/subjects.ts";
import { Registry } from "../../src/cluster/registry/registry.ts";
import { type Claimed, Claimer } from "../../src/cluster/worker/claimer.ts";
import { Slots } from "../../src/cluster/worker/slots.ts";
import { ByteBudget } from "../../src/shared/byte_budget.ts";
import { Client, type Json, unbase64 } from "../support/client.ts";
import { eventually, within } from "../support/eventually.ts";
import { TestNats } from "../support/nats.ts";
import { TestWorker } from "../support/workers.ts";
import { startWith, TestCluster } from "./cluster.ts";
import { RogueWorker } from "./rogue.ts";

const ECHO = `export default ({ n }) => { console.log("n " + n); return { n }; };`;
const SLEEP =
  `export default ({ ms }) => { console.log("up"); return new Promise((resolve) => setTimeout(() => resolve({ ms }), ms)); };`;
const FLOW = { acknowledged: 0, credit: 100 };
const ASYNC = { prefer: "respond-async" };

const outputOf = ({ output }: Json) => output;

async function begun(client: Client, functionId: string, id: string): Promise<void> {
  const path = `/api/v1/functions/${functionId}/invocations/${id}/logs`;
  await eventually(async () => (await client.get(path)).body.list.length > 0 || undefined);
}

/** Takes the only slot for asynchronous invocations; returns a function that releases the slot. */
async function holdSlot(client: Client, functionId: string): Promise<() => Promise<void>> {
  const { body: { invocationId } } = await client.invoke(functionId, { ms: 1e6 }, ASYNC);
  await begun(client, functionId, invocationId);
  return async () => {
    const path = `/api/v1/functions/${functionId}/invocations/${invocationId}/cancel`;
    assert.equal((await client.post(path, {})).status, 200);
  };
}

Deno.test("asynchronous invocations in a cluster", async (t) => {
  await using cluster = await TestCluster.start();
  const { node, client, workers: [first] } = await startWith(cluster, 2);
  const echo = await client.deploy(ECHO);
  const sleep = await client.deploy(SLEEP);

  await t.step("each runs once", async () => {
    const ids = await Promise.all(
      Array.from({ length: 20 }, async (_, n) => {
        const { body } = await client.invoke(echo, { n }, ASYNC);
        return body.invocationId as string;
      }),
    );
    for (const [n, id] of ids.entries()) {
      const record = await client.ended(echo, id);
      assert.deepEqual([outputOf(record), record.attempt], [{ n }, 1]);
      const logs = await client.get(`/api/v1/functions/${echo}/invocations/${id}/logs`);
      assert.deepEqual(logs.body.list.map(({ message }: Json) => message), [`n ${n}`]);
    }
  });

  await t.step("they leave slots of a worker to synchronous invocations", async () => {
    const invoke = async () =>
      (await client.invoke(sleep, { ms: 1e6 }, ASYNC)).body.invocationId as string;
    const ids = [await invoke(), await invoke()];
    const [running] = await eventually(async () => {
      const logs = await Promise.all(
        ids.map((id) => client.get(`/api/v1/functions/${sleep}/invocations/${id}/logs`)),
      );
      const begun = ids.filter((_, n) => logs[n]?.body.list.length > 0);
      return begun.length > 0 ? begun : undefined;
    }, "a running invocation");
    const { body } = await client.invoke(echo, { n: 4 });
    assert.deepEqual(JSON.parse(unbase64(body.json)), { n: 4 });
    const other = ids.find((id) => id !== running) ?? "";
    assert.match((await client.invocation(sleep, other)).status, /_PENDING$/);
    for (const id of ids) {
      await client.post(`/api/v1/functions/${sleep}/invocations/${id}/cancel`, {});
    }
  });

  await t.step("a cancel reaches the worker", async () => {
    const { body: { invocationId } } = await client.invoke(sleep, { ms: 1e6 }, ASYNC);
    await begun(client, sleep, invocationId);
    const path = `/api/v1/functions/${sleep}/invocations/${invocationId}/cancel`;
    const { body: { invocation } } = await client.post(path, {});
    assert.match(invocation.error, /^CANCELLED: /);
  });

  await t.step("synchronous invocations go before a long queue of asynchronous ones", async () => {
    const release = await holdSlot(client, sleep);
    const queued = await Promise.all(
      Array.from({ length: 40 }, async () => {
        const { body } = await client.invoke(sleep, { ms: 1 }, ASYNC);
        return body.invocationId as string;
      }),
    );
    for (let n = 0; n < 3; n++) {
      const { body } = await client.invoke(echo, { n });
      assert.deepEqual(JSON.parse(unbase64(body.json)), { n });
    }
    const states = await Promise.all(queued.map((id) => client.invocation(sleep, id)));
    for (const { status } of states) assert.match(status, /_PENDING$/);
    await release();
    for (const id of queued) assert.deepEqual(outputOf(await client.ended(sleep, id)), { ms: 1 });
  });

  await t.step("a flood of one function delays another by few invocations", async () => {
    const release = await holdSlot(client, sleep);
    const flood = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const { body } = await client.invoke(sleep, { ms: 1 }, ASYNC);
        return body.invocationId as string;
      }),
    );
    const { body: { invocationId } } = await client.invoke(echo, { n: 3 }, ASYNC);
    await release();
    const { startedAt } = await client.ended(echo, invocationId);
    const starts: string[] = [];
    for (const id of flood) starts.push((await client.ended(sleep, id)).startedAt);
    const later = starts.filter((time) => time > startedAt).length;
    assert.ok(later > 10, `${later} of ${flood.length} started later`);
  });

  let second: TestWorker | undefined;
  await t.step("an invocation waits until a worker is there", async () => {
    await first?.stop("SIGKILL");
    const { body: { invocationId } } = await client.invoke(echo, { n: 7 }, ASYNC);
    second = await cluster.worker({ capacity: 1 });
    assert.deepEqual(outputOf(await client.ended(echo, invocationId)), { n: 7 });
  });

  await t.step(
    "an invocation whose worker is killed has no second attempt by default",
    async () => {
      const { body: { invocationId } } = await client.invoke(sleep, { ms: 1e6 }, ASYNC);
      await begun(client, sleep, invocationId);
      await second?.stop("SIGKILL");
      const { error, attempt } = await client.ended(sleep, invocationId);
      assert.match(error, /^INTERRUPTED: /);
      assert.equal(attempt, 1);
    },
  );

  await t.step("an API node with slots of its own runs invocations without a worker", async () => {
    const withSlots = await cluster.node({ flags: ["--capacity", "2"] });
    const own = await node.client(withSlots.url);
    const { body } = await own.invoke(echo, { n: 8 });
    assert.deepEqual(JSON.parse(unbase64(body.json)), { n: 8 });
    const { body: { invocationId } } = await own.invoke(echo, { n: 9 }, ASYNC);
    assert.deepEqual(outputOf(await own.ended(echo, invocationId)), { n: 9 });
    await withSlots.stop();
  });

  await t.step("offers of invocations that are lost are repeated", async (t) => {
    await cluster.worker({ capacity: 1 });
    await lostOffers(t, cluster, client);
  });
});

async function lostOffers(
  t: Deno.TestContext,
  { nats }: TestCluster,
  client: Client,
): Promise<void> {
  const echo = await client.deploy(ECHO);
  const runs = async (n: number, id: string) =>
    assert.deepEqual(outputOf(await client.ended(echo, id)), { n });

  await t.step("as soon as a NATS is back that was away", async () => {
    await nats.stop("SIGKILL");
    const { body } = await client.invoke(echo, { n: 1 }, ASYNC);
    await nats.restart();
    await runs(1, body.invocationId);
  });

  await t.step("to a NATS that lost its disk, and content can be stored again", async () => {
    await nats.stop("SIGKILL");
    await nats.lose();
    await nats.restart();
    const { body } = await client.invoke(echo, { n: 2 }, ASYNC);
    await runs(2, body.invocationId);
    await eventually(
      () => client.deploy(ECHO).catch(() => undefined),
      "a commit in the new bucket",
    );
  });
}

Deno.test("an offer that comes during a claim is claimed after it", async () => {
  for (const kind of ["gone", "later"] as const) {
    const claims = [Promise.withResolvers<Claimed>(), Promise.withResolvers<Claimed>()];
    const second = Promise.withResolvers<void>();
    let begun = 0;
    await using claimer = new Claimer(new Slots(1, 1), () => {
      if (begun === 1) second.resolve();
      const claim = claims[begun++];
      return claim?.promise ?? assert.fail("a third claim");
    });
    assert.equal(claimer.offered(), true);
    assert.equal(claimer.offered(), false);
    claims[0]?.resolve({ kind });
    await within(second.promise, "the claim for the second offer");
    claims[1]?.resolve({ kind: "gone" });
  }
});

Deno.test("a worker and an API node", async (t) => {
  await using server = await TestNats.start();
  await using nats = await Nats.connect(server.address.options, "api");

  await t.step("keep slots free that no offer has taken", async () => {
    await using worker = await RogueWorker.start(server.address, { capacity: 2, free: 1 });
    const { id } = worker.nats;
    worker.nats.subscribe(subjects.waiting(id), ({ respond }) => respond(WaitingReply.FULL));
    await worker.nats.flushed();
    using registry = await Registry.open(nats);
    await eventually(() => registry.get(id), "the heartbeat of the worker");
    const unused = () => assert.fail("no session");
    const limits = { timeoutMs: 1, maxOutputBytes: 1, maxLogBytes: 1 };
    const parts = {
      nats,
      seals: new Seals(),
      grantOf: unused,
      replyBudget: new ByteBudget(1),
      limits,
    };
    using sessions = new Sessions(parts, "node");
    await using claims = new Claims({
      nats,
      sessions,
      registry,
      slots: new Slots(0, 0),
      maximum: {},
    });
    await claims.offer({});
    assert.equal(registry.get(id)?.free, 1);
    // A worker without a free slot is asked, too: its answer frees none.
    registry.adjust(id, -1);
    await claims.offer({});
    assert.notEqual(registry.get(id)?.free, 2);
  });

  await t.step("end a claim whose reply comes after the drain timeout", async () => {
    const claimed = Promise.withResolvers<ReceivedMessage & { readonly request: Uint8Array }>();
    using _claims = nats.subscribe(
      subjects.claims(),
      (message) => claimed.resolve({ ...message, request: message.bytes.slice() }),
    );
    await using worker = await TestWorker.start({
      nats: server.address,
      flags: ["--drain-timeout", "0s"],
    });
    const closed = Promise.withResolvers<CloseReason>();
    using _frames = nats.subscribe(subjects.ofNode("node"), ({ subject, bytes }) => {
      const frame = decodeFrame(bytes);
      if (frame?.kind === FrameKind.CLOSE) return closed.resolve(frame.reason);
      // An owner that is silent would end the session, too.
      const session = partsOf(subject).at(-1) ?? "";
      nats.publish(subjects.toWorker(worker.id, session), encodeStatus(FLOW));
    });
    const draining = Promise.withResolvers<void>();
    using _heartbeats = nats.subscribe(subjects.heartbeat(worker.id), ({ bytes }) => {
      if (readHeartbeat(bytes).isDraining) draining.resolve();
    });
    await nats.flushed();
    nats.publish(subjects.waiting(worker.id), encode({ protocol: PROTOCOL }));
    const { request, respond } = await within(claimed.promise, "a claim");
    assert.match(readClaimRequest(request).session, /^[0-9a-f-]{36}$/);
    worker.signal("SIGTERM");
    // The worker sends it after a delay, and the timeout is over by then.
    await within(draining.promise, "the heartbeat of a worker that drains");
    respond(encode({ answer: "claimed", node: "node" }));
    assert.equal(await within(closed.promise, "the end of the session"), CloseReason.UNKNOWN);
    const { code, log } = await worker.stop("SIGCONT");
    assert.equal(code, 0, log);
  });
});
