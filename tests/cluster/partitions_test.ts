/** Links that lose packets, each in one direction and in both: the cluster heals by itself, and loses no invocation. */
import assert from "node:assert/strict";
import { type Json, unbase64 } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { ok } from "../support/expect.ts";
import { networkTest } from "../support/machine.ts";
import {
  DIRECTIONS,
  type Link,
  NetworkedCluster,
  type NetworkedNode,
  RunWitness,
} from "./networked_cluster.ts";

/** Reports its run, and takes a moment in which its link may be lost. */
const REPORTS = `export default async ({ key, witness }) => {
  await (await fetch("http://" + witness + "/" + key)).text();
  await new Promise((resolve) => setTimeout(resolve, 100));
  return { key };
};`;
/** Between two invocations of a caller. */
const PAUSE_MS = 400;
const CAPACITY = 4;
/** How long a node may wait for the database before it gives up its connection: less than the limit of one statement. */
const GIVE_UP_MS = 50_000;

interface Sent {
  readonly key: string;
  readonly isAsync: boolean;
  /** Undefined if the request failed. */
  readonly acknowledged: { readonly id: string; readonly body: Json } | undefined;
}

/** A synchronous and an asynchronous caller of each API node. */
class Callers {
  readonly #functionId: string;
  readonly #witness: RunWitness;
  readonly #stopping = new AbortController();
  readonly #sent: Sent[] = [];
  readonly #running: Promise<unknown>;
  #count = 0;

  constructor(nodes: readonly NetworkedNode[], functionId: string, witness: RunWitness) {
    this.#functionId = functionId;
    this.#witness = witness;
    this.#running = Promise.all(nodes.flatMap((node) =>
      [true, false].map(async (isAsync) => {
        while (!this.#stopping.signal.aborted) {
          await this.invoke(node, isAsync);
          await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
        }
      })
    ));
    this.#running.catch(() => {});
  }

  /** Invokes the function once. */
  async invoke({ client }: NetworkedNode, isAsync: boolean): Promise<Sent> {
    const key = `${isAsync ? "async" : "sync"}-${++this.#count}`;
    const input = { key, witness: this.#witness.origin };
    const headers = isAsync ? { prefer: "respond-async" } : {};
    const { status, body } = await client.invoke(this.#functionId, input, headers);
    const isTaken = status === 200;
    assert.ok(isTaken || status === 503 || status === 429, JSON.stringify(body));
    const acknowledged = isTaken ? { id: body.invocationId, body } : undefined;
    const sent = { key, isAsync, acknowledged };
    this.#sent.push(sent);
    return sent;
  }

  /** Stops, and checks every invocation. @returns how many were acknowledged, and how many of these were interrupted */
  async check({ client }: NetworkedNode): Promise<{ acknowledged: number; interrupted: number }> {
    this.#stopping.abort();
    await this.#running;
    let [acknowledged, interrupted] = [0, 0];
    for (const { key, isAsync, acknowledged: taken } of this.#sent) {
      const record = taken && await client.ended(this.#functionId, taken.id);
      const runs = this.#witness.runs.get(key) ?? 0;
      assert.ok(isAsync || runs <= 1, `${key} ran ${runs} times`);
      if (taken === undefined) continue;
      acknowledged++;
      if (record.status === "FUNCTION_INVOCATION_STATUS_SUCCESS") {
        assert.deepEqual(record.output, { key });
        assert.ok(runs >= 1, `${key} did not run`);
        const { json } = taken.body;
        if (json !== undefined) assert.deepEqual(JSON.parse(unbase64(json)), { key });
      } else {
        interrupted++;
        assert.match(record.error, /^INTERRUPTED: /, key);
      }
    }
    return { acknowledged, interrupted };
  }
}

async function readiness({ server: { url } }: NetworkedNode): Promise<Json> {
  const response = await fetch(new URL("/readyz", url));
  return { ...await response.json(), isReady: response.status === 200 };
}

/** Resolves once a probe of the node passes. @param what for the error */
async function node(
  of: NetworkedNode,
  passes: (ready: Json) => boolean,
  what: string,
): Promise<Json> {
  let last: Json;
  try {
    return await eventually(async () => {
      last = await readiness(of);
      return passes(last) ? last : undefined;
    }, what);
  } catch (error) {
    throw new Error(`${what}: /readyz says ${JSON.stringify(last)}`, { cause: error });
  }
}

/** Resolves once the node knows so many workers. */
async function knows({ client }: NetworkedNode, workers: number): Promise<void> {
  await eventually(async () => {
    const { status, body } = await client.get("/api/v1/status");
    return status === 200 && body.workers.length === workers || undefined;
  }, `${workers} workers`);
}

networkTest("links of a cluster that lose packets", async (t) => {
  await using cluster = await NetworkedCluster.open(3, 2);
  const { nats, postgres } = cluster.services;
  const first = await cluster.node(1);
  const [second, third] = [await cluster.node(2, first), await cluster.node(3, first)];
  const nodes = [first, second, third];
  const [worker] = [await cluster.worker(1, CAPACITY), await cluster.worker(2, CAPACITY)];
  await using witness = await RunWitness.start(cluster.network);
  const functionId = await first.client.deploy(REPORTS);
  ok(
    await first.client.post("/api/v1/functions/update", {
      function: { id: functionId, outboundNetworkAllowlist: [witness.origin] },
      updateMask: "outboundNetworkAllowlist",
    }),
  );
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

      const withoutNats = await node(first, ({ isReady }) => !isReady, "an unready node");
      assert.match(withoutNats.synchronous.reason, /^NATS at \S+ is unreachable$/);
      assert.deepEqual(withoutNats.asynchronous, { accepted: true });
      const left = await callers.invoke(first, true);
      assert.ok(left.acknowledged !== undefined, "a node without NATS accepts invocations");

      const withoutDatabase = await node(second, ({ isReady }) => !isReady, "an unready node");
      for (const mode of ["synchronous", "asynchronous"]) {
        assert.match(withoutDatabase[mode].reason, /lease|database/);
      }
      // It does not wait for packets that may be lost: a new connection finds the way, or another server.
      const isLost = () => losses().length > before || undefined;
      await eventually(isLost, "the end of the connection", GIVE_UP_MS);

      await knows(third, 1);
      for (const isAsync of [true, false]) {
        const { acknowledged, key } = await callers.invoke(third, isAsync);
        assert.ok(acknowledged !== undefined, "the other node serves");
        const record = await third.client.ended(functionId, acknowledged.id);
        assert.deepEqual(record.output, { key }, record.error);
      }

      await lost.disposeAsync();
      const healing = performance.now();
      await Promise.all(nodes.map(async (each) => {
        await node(each, ({ isReady }) => isReady, "a ready node");
        await knows(each, 2);
        await eventually(async () => (await callers.invoke(each, false)).acknowledged);
      }));
      console.log(`healed after ${Math.round(performance.now() - healing)} ms`);
    });
  }

  await t.step(
    "no acknowledged invocation was lost, and no synchronous one ran twice",
    async () => {
      const { acknowledged, interrupted } = await callers.check(third);
      console.log(`${acknowledged} invocations, ${interrupted} interrupted`);
      assert.ok(acknowledged > interrupted);
    },
  );
});
