/** An upgrade without downtime: releases whose protocols differ by one work side by side, others are rejected. */
import assert from "node:assert/strict";
import { PROTOCOL } from "../../src/cluster/link/protocol.ts";
import { Client, type Json, unbase64 } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { makeTempDir, runInvoked } from "../support/invoked.ts";
import { buildOf, launcherOf } from "./build.ts";
import { MASTER_KEY, TestCluster } from "./cluster.ts";

const SLOW = `export default async ({ n }) => {
  await new Promise((resolve) => setTimeout(resolve, 600));
  return { n };
};`;
const ASYNC = { prefer: "respond-async" };
const CALLERS = 3;
/** Invocations that must end in each step. */
const INVOCATIONS_EACH_STEP = 12;

/** Callers without a pause, synchronous and asynchronous, at the node that a load balancer would choose. */
class Callers {
  readonly #functionId: string;
  readonly #accepted: { readonly id: string; readonly n: number }[] = [];
  readonly #stop = new AbortController();
  readonly #running: Promise<void>[];
  #client: Client;
  #count = 0;
  #ended = 0;

  constructor(client: Client, functionId: string) {
    this.#client = client;
    this.#functionId = functionId;
    this.#running = Array.from({ length: CALLERS }, () => this.#call());
    for (const each of this.#running) each.catch(() => {});
  }

  /** Directs later requests to another node. */
  use(client: Client): void {
    this.#client = client;
  }

  /** Resolves once some more invocations have succeeded. @throws the error of a failed invocation */
  async someMore(): Promise<void> {
    const until = this.#ended + INVOCATIONS_EACH_STEP;
    const enough = eventually(() => this.#ended >= until || undefined, "ends of invocations");
    await Promise.race([enough, ...this.#running]);
    await enough;
  }

  /** Stops, and checks that every accepted invocation has its own output. */
  async check(): Promise<number> {
    this.#stop.abort();
    await Promise.all(this.#running);
    for (const { id, n } of this.#accepted) {
      const { status, output, error = "", attempt } = await this.#client.ended(
        this.#functionId,
        id,
      );
      const expected = ["FUNCTION_INVOCATION_STATUS_SUCCESS", { n }, "", 1];
      assert.deepEqual([status, output, error, attempt], expected);
    }
    return this.#ended + this.#accepted.length;
  }

  async #call(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const n = this.#count++;
      const isAsync = n % 3 === 0;
      const { status, body } = await this.#client
        .invoke(this.#functionId, { n }, isAsync ? ASYNC : {});
      assert.ok(status === 200 || status === 202, JSON.stringify(body));
      if (isAsync) this.#accepted.push({ id: body.invocationId, n });
      else assert.deepEqual(JSON.parse(unbase64(body.json)), { n }, JSON.stringify(body));
      this.#ended++;
    }
  }
}

Deno.test("an upgrade by one protocol, under invocations", async (t) => {
  const [next, afterNext] = [await buildOf(PROTOCOL + 1), await buildOf(PROTOCOL + 2)];
  await using cluster = await TestCluster.start();
  const oldNode = await cluster.node();
  const oldWorker = await cluster.worker();
  const clientOf = ({ url }: { readonly url: string }) => oldNode.client(url);
  const atOld = await clientOf(oldNode);
  const slow = await atOld.deploy(SLOW);
  const callers = new Callers(atOld, slow);
  await callers.someMore();

  await t.step("an API node two protocols ahead is rejected, and migrates nothing", async () => {
    await using directory = await makeTempDir();
    const { code, stderr } = await runInvoked([
      "serve",
      ...["--port", "0", "--data", directory.path, ...cluster.nats.address.flags],
      ...["--database", cluster.database],
    ], { program: afterNext, env: MASTER_KEY });
    assert.equal(code, 1, stderr);
    const protocols = `speaks protocol ${PROTOCOL}, .* protocol ${PROTOCOL + 2}; .* by 1 at most`;
    assert.match(
      stderr,
      new RegExp(`cannot join the API nodes of the database: node \\w+, .* ${protocols}`),
    );
    const { list } = (await cluster.postgres.query<Json>(
      "select json_agg(protocol) as list from nodes",
      cluster.databaseName,
    ))[0];
    assert.deepEqual(list, [PROTOCOL]);
  });

  await t.step(
    "a worker two protocols ahead ends with the reason, and both logs name it",
    async () => {
      const foreign = await cluster.worker({ program: afterNext });
      const { code } = await foreign.status;
      assert.equal(code, 6);
      const reason = `an API node speaks protocol ${PROTOCOL}, and this worker works with ` +
        `${PROTOCOL + 1} to ${PROTOCOL + 3}; upgrade the older`;
      assert.match(await foreign.log, new RegExp(`The worker stopped: ${reason}`));
      await callers.someMore();
    },
  );

  const newWorker = await cluster.worker({ program: next });
  await t.step("new workers run the invocations of an old node, beside an old worker", async () => {
    await callers.someMore();
    assert.equal((await oldWorker.stop()).code, 0);
    await callers.someMore();
  });

  const newNode = await cluster.node({ launcher: launcherOf(next) });
  await t.step("a new node runs invocations on old workers, beside an old node", async () => {
    callers.use(await clientOf(newNode));
    await cluster.worker();
    assert.equal((await newWorker.stop()).code, 0);
    await callers.someMore();
    callers.use(atOld);
    await callers.someMore();
    callers.use(await clientOf(newNode));
    await cluster.worker({ program: next });
    await callers.someMore();
  });

  await t.step("the old node stops, and no invocation is lost", async () => {
    assert.equal((await oldNode.stop()).code, 0);
    await callers.someMore();
    assert.ok(await callers.check() > 8 * INVOCATIONS_EACH_STEP);
    const log = await oldNode.log;
    assert.match(
      log,
      new RegExp(
        `receives no invocations: it speaks protocol ${PROTOCOL + 2}, this server works with`,
      ),
    );
  });

  await t.step("an API node two protocols behind is rejected", async () => {
    await cluster.node({ launcher: launcherOf(afterNext) });
    assert.equal((await newNode.stop()).code, 0);
    await assert.rejects(cluster.node(), /cannot join the API nodes of the database/);
  });
});
