/** Records of which a node does not know whether they were written. */
import assert from "node:assert/strict";
import { RecordedWorker } from "../../src/cluster/dispatch/recorded_worker.ts";
import type { JobPorts, NotBegun } from "../../src/engine/contract.ts";
import { allow } from "../egress/support.ts";
import type { Json } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { assertError, ok } from "../support/expect.ts";
import { Relay } from "../support/relay.ts";
import { TestCluster } from "./cluster.ts";

/** Reports each run. */
const REPORTS = `export default async ({ key, witness }) => {
  await (await fetch("http://" + witness + "/" + key)).text();
  return {};
};`;
const EGRESS = ["--egress-allow-private", "127.0.0.0/8"];
const PORTS = {} as JobPorts;

Deno.test("code of an invocation that another node has ended does not run", async (t) => {
  // The relay reads statements.
  await using cluster = await TestCluster.start({}, { tls: false });
  await using relay = await Relay.to(cluster.postgres.port);
  const database = cluster.database.replace(`:${cluster.postgres.port}/`, `:${relay.port}/`);
  const [node, worker] = await Promise.all([
    cluster.node({ database, flags: [...EGRESS, "--queue-timeout", "5s"] }),
    cluster.worker({ flags: EGRESS }),
  ]);
  const other = await cluster.node({ flags: EGRESS });
  const client = await node.client();
  const there = await node.client(other.url);
  const runs: string[] = [];
  await using witness = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    runs.push(new URL(request.url).pathname.slice(1));
    return new Response("seen");
  });
  const id = await client.deploy(REPORTS);
  const host = `127.0.0.1:${witness.addr.port}`;
  await allow(client, id, [host]);
  const invoke = (key: string) => client.invoke(id, { key, witness: host });
  assert.equal((await invoke("first")).status, 200);
  // The row arrives, its answer does not, and the node finds no way to the database until another node has its lease.
  const found = async (key: string) =>
    ok(await there.get(`/api/v1/functions/${id}/invocations`)).list
      .find(({ input }: Json) => input.key === key);
  const hasLease = () =>
    eventually(async () => (await invoke("last")).status === 200 || undefined, "a lease");
  const inDoubt = async (key: string): Promise<readonly [string, Promise<Json>]> => {
    relay.before(key, () => Promise.resolve(relay.rejectConnections()));
    relay.cutAfter(key);
    const answered = invoke(key);
    await eventually(() => relay.open === 0 || undefined, "the end of all connections");
    if (await found(key) !== undefined) return [key, answered];
    // The row was one of several writes in a transaction, which the end of its connection has rolled back.
    relay.acceptConnections();
    assertError(await answered, "STORAGE_UNAVAILABLE");
    await hasLease();
    return await inDoubt(`${key}-again`);
  };
  const [key, answered] = await inDoubt("in-doubt");
  const { id: ended, error } = await eventually(async () => {
    const record = await found(key);
    return record.error?.startsWith("INTERRUPTED") ? record : undefined;
  }, "the end by the other node");
  relay.acceptConnections();
  await answered;
  await hasLease();
  assert.equal((await there.invocation(id, ended)).error, error);
  assert.ok(runs.includes("first") && !runs.includes(key), runs.join());

  await t.step("the record of one that no worker got names no worker", async () => {
    worker.signal("SIGSTOP");
    assertError(await invoke("silent"), "QUEUE_TIMEOUT");
    worker.signal("SIGCONT");
    const [newest] = ok(await client.get(`/api/v1/functions/${id}/invocations`)).list;
    assert.match(newest.error, /^CANCELLED: /);
    assert.equal(newest.worker, undefined);
  });
});

Deno.test("a worker is recorded once, and gets no job without an answer to the write", async () => {
  const over: NotBegun = { kind: "over" };
  const writes: (string | null)[] = [];
  const answers = [Promise.reject(new Error("lost")), Promise.resolve(undefined), over];
  const recorded = new RecordedWorker(async (worker) => {
    writes.push(worker);
    return await answers[writes.length - 1];
  }, null);
  const assign = (worker: string | null) => recorded.portsOf(PORTS).onAssigned?.(worker);
  assert.equal(await assign(null), undefined);
  const both = [assign("b"), assign("b")];
  for (const each of both) await assert.rejects(each ?? assert.fail(), /lost/);
  assert.equal(await assign("b"), undefined);
  assert.equal(await assign("b"), undefined);
  recorded.forget();
  assert.deepEqual([await assign("b"), await assign("b")], [over, over]);
  assert.deepEqual(writes, ["b", "b", "b"]);
});
