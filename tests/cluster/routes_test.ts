/** Routes between NATS servers that lose packets: each side of the cluster serves on, and both join again. */
import assert from "node:assert/strict";
import { eventually } from "../support/eventually.ts";
import { networkTest } from "../support/machine.ts";
import { awaitProbe, awaitWorkers, Callers, deployReporter } from "./callers.ts";
import {
  DIRECTIONS,
  type Link,
  NetworkedCluster,
  type NetworkedNode,
  RunWitness,
} from "./networked_cluster.ts";

const CAPACITY = 4;

networkTest("routes between NATS servers that lose packets", async (t) => {
  await using cluster = await NetworkedCluster.open(2, 3, 3);
  const [away, near, third] = [cluster.nats(1), cluster.nats(2), cluster.nats(3)];
  const first = await cluster.node(1, undefined, away);
  const second = await cluster.node(2, first, near);
  const nodes = [first, second];
  for (const [at, nats] of [away, near, third].entries()) {
    await cluster.worker(at + 1, CAPACITY, nats);
  }
  await using witness = await RunWitness.start(cluster.network);
  const functionId = await deployReporter(first, witness);
  const callers = new Callers(nodes, functionId, witness);
  const routes: readonly Link[] = [[away.host, near.host], [away.host, third.host]];

  const serves = async (node: NetworkedNode) => {
    for (const isAsync of [true, false]) {
      const { acknowledged, key } = await callers.invoke(node, isAsync);
      assert.ok(acknowledged !== undefined, `${key} is accepted`);
      const record = await node.client.ended(functionId, acknowledged.id);
      assert.deepEqual(record.output, { key }, record.error);
    }
  };

  await t.step("every worker has run the function", async () => {
    await Promise.all(nodes.map((node) => awaitWorkers(node, 3)));
    const seen = new Set<string>();
    await eventually(async () => {
      const { acknowledged } = await callers.invoke(first, false);
      if (acknowledged === undefined) return undefined;
      seen.add((await first.client.ended(functionId, acknowledged.id)).worker);
      return seen.size === 3 || undefined;
    }, "a run on each worker");
  });

  for (const direction of DIRECTIONS) {
    await t.step(`packets ${direction}`, async () => {
      await using lost = await cluster.lose(direction, routes);
      await Promise.all([awaitWorkers(first, 1), awaitWorkers(second, 2)]);
      for (const node of nodes) {
        await awaitProbe(node, ({ isReady }) => isReady, "a node that serves with its workers");
        await serves(node);
      }

      await lost.disposeAsync();
      await Promise.all(nodes.map(async (node) => {
        await awaitWorkers(node, 3);
        await serves(node);
        // Commits need a majority of the servers of JetStream, which may have to elect a leader first.
        await eventually(
          () => node.client.deploy("export default () => 1;").catch(() => undefined),
          "a commit",
        );
      }));
    });
  }

  await callers.check(t, second);
});
