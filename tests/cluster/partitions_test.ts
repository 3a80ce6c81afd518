/** Links that lose packets, each in one direction and in both: the cluster heals by itself, and loses no invocation. */
import assert from "node:assert/strict";
import { eventually } from "../support/eventually.ts";
import { networkTest } from "../support/machine.ts";
import { awaitProbe, awaitWorkers, Callers, deployReporter } from "./callers.ts";
import { DIRECTIONS, type Link, NetworkedCluster, RunWitness } from "./networked_cluster.ts";

const CAPACITY = 4;
/** How long a node may wait for the database before it gives up its connection: less than the limit of one statement. */
const GIVE_UP_MS = 50_000;

networkTest("links of a cluster that lose packets", async (t) => {
  await using cluster = await NetworkedCluster.open(3, 2);
  const { postgres } = cluster.services;
  const nats = cluster.nats();
  const first = await cluster.node(1);
  const [second, third] = [await cluster.node(2, first), await cluster.node(3, first)];
  const nodes = [first, second, third];
  const [worker] = [await cluster.worker(1, CAPACITY), await cluster.worker(2, CAPACITY)];
  await using witness = await RunWitness.start(cluster.network);
  const functionId = await deployReporter(first, witness);
  const callers = new Callers(nodes, functionId, witness);
  const links: readonly Link[] = [
    [first.host, nats.host],
    [second.host, postgres.host],
    [worker.host, nats.host],
  ];

  for (const direction of DIRECTIONS) {
    await t.step(`packets ${direction}`, async () => {
      const losses = () => second.server.output.log.split("connection to the database was lost");
      const before = losses().length;
      await using lost = await cluster.lose(direction, links);

      const withoutNats = await awaitProbe(first, ({ isReady }) => !isReady, "an unready node");
      assert.match(withoutNats.synchronous.reason, /^NATS at \S+ is unreachable$/);
      assert.deepEqual(withoutNats.asynchronous, { accepted: true });
      const left = await callers.invoke(first, true);
      assert.ok(left.acknowledged !== undefined, "a node without NATS accepts invocations");

      const withoutDatabase = await awaitProbe(
        second,
        ({ isReady }) => !isReady,
        "an unready node",
      );
      for (const mode of ["synchronous", "asynchronous"]) {
        assert.match(withoutDatabase[mode].reason, /lease|database/);
      }
      // It does not wait for packets that may be lost: a new connection finds the way, or another server.
      const isLost = () => losses().length > before || undefined;
      await eventually(isLost, "the end of the connection", GIVE_UP_MS);

      await awaitWorkers(third, 1);
      for (const isAsync of [true, false]) {
        const { acknowledged, key } = await callers.invoke(third, isAsync);
        assert.ok(acknowledged !== undefined, "the other node serves");
        const record = await third.client.ended(functionId, acknowledged.id);
        assert.deepEqual(record.output, { key }, record.error);
      }

      await lost.disposeAsync();
      const healing = performance.now();
      await Promise.all(nodes.map(async (each) => {
        await awaitProbe(each, ({ isReady }) => isReady, "a ready node");
        await awaitWorkers(each, 2);
        await eventually(async () => (await callers.invoke(each, false)).acknowledged);
      }));
      console.log(`healed after ${Math.round(performance.now() - healing)} ms`);
    });
  }

  await callers.check(t, third);
});
