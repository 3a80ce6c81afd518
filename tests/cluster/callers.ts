/** Callers of a cluster on a network that loses packets, and what they find afterwards. */
import assert from "node:assert/strict";
import { type Json, unbase64 } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { ok } from "../support/expect.ts";
import type { NetworkedNode, RunWitness } from "./networked_cluster.ts";

/** Reports its run, and takes a moment in which its link may be lost. */
const REPORTS = `export default async ({ key, witness }) => {
  await (await fetch("http://" + witness + "/" + key)).text();
  await new Promise((resolve) => setTimeout(resolve, 100));
  return { key };
};`;
/** Between two invocations of a caller. */
const PAUSE_MS = 400;

interface Sent {
  readonly key: string;
  readonly isAsync: boolean;
  /** Undefined if the request failed. */
  readonly acknowledged: { readonly id: string; readonly body: Json } | undefined;
}

/** A synchronous and an asynchronous caller of each API node. */
export class Callers {
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

  /** The last step of a test: stops, and checks every invocation at a node. */
  async check(t: Deno.TestContext, node: NetworkedNode): Promise<void> {
    await t.step(
      "no acknowledged invocation was lost, and no synchronous one ran twice",
      async () => {
        const { acknowledged, interrupted } = await this.#ended(node);
        console.log(`${acknowledged} invocations, ${interrupted} interrupted`);
        assert.ok(acknowledged > interrupted);
      },
    );
  }

  /** @returns how many were acknowledged, and how many of these were interrupted */
  async #ended({ client }: NetworkedNode): Promise<{ acknowledged: number; interrupted: number }> {
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
export async function awaitProbe(
  node: NetworkedNode,
  passes: (ready: Json) => boolean,
  what: string,
): Promise<Json> {
  let last: Json;
  try {
    return await eventually(async () => {
      last = await readiness(node);
      return passes(last) ? last : undefined;
    }, what);
  } catch (error) {
    throw new Error(`${what}: /readyz says ${JSON.stringify(last)}`, { cause: error });
  }
}

/** Resolves once the node knows so many workers. */
export async function awaitWorkers({ client }: NetworkedNode, workers: number): Promise<void> {
  await eventually(async () => {
    const { status, body } = await client.get("/api/v1/status");
    return status === 200 && body.workers.length === workers || undefined;
  }, `${workers} workers`);
}

/** Deploys the function of {@link Callers}. @returns its id */
export async function deployReporter(
  { client }: NetworkedNode,
  { origin }: RunWitness,
): Promise<string> {
  const id = await client.deploy(REPORTS);
  ok(
    await client.post("/api/v1/functions/update", {
      function: { id, outboundNetworkAllowlist: [origin] },
      updateMask: "outboundNetworkAllowlist",
    }),
  );
  return id;
}
