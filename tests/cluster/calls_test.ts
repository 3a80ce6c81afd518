/** Invocations that run on a worker: the same as on one machine, as far as callers and functions can see. */
import assert from "node:assert/strict";
import { isClose } from "../../src/cluster/link/frames.ts";
import { Nats } from "../../src/cluster/nats/connection.ts";
import { partsOf } from "../../src/cluster/nats/subjects.ts";
import { BUSY } from "../support/busy.ts";
import { type Answer, Client, type Json, unbase64 } from "../support/client.ts";
import { browserTest, ConsoleBrowser } from "../support/console.ts";
import { eventually } from "../support/eventually.ts";
import { assertError } from "../support/expect.ts";
import { deployWithSdk } from "../sdk/support.ts";
import { Volume } from "../volumes/support.ts";
import { Relay } from "../support/relay.ts";
import { TestCluster } from "./cluster.ts";
import { endpointsOnWorkers } from "./endpoints.ts";

const HANG =
  `export default () => { console.log("up"); return new Promise((resolve) => setTimeout(resolve, 1e6)); };`;
const INPUT_BYTES = 5 * 1024 * 1024;
/** The count of changes, the row with its start and its worker, and the end. */
const ROUND_TRIPS = 3;

function outputOf({ status, body }: Answer<Json>): Json {
  const seen = JSON.stringify(body).slice(0, 500);
  assert.equal(status, 200, seen);
  assert.ok("json" in body, seen);
  return JSON.parse(unbase64(body.json));
}

const logsOf = async (client: Client, functionId: string, invocationId: string) => {
  const path = `/api/v1/functions/${functionId}/invocations/${invocationId}/logs`;
  const { body } = await client.get(path);
  return body.list as { readonly message: string }[];
};

browserTest("invocations on workers", async (t) => {
  await using cluster = await TestCluster.start();
  await using relay = await Relay.to(cluster.postgres.port);
  const database = cluster.database.replace(`:${cluster.postgres.port}/`, `:${relay.port}/`);
  const node = await cluster.node({ database });
  // One worker with one slot: a nested invocation has no other slot than its caller's slot.
  await cluster.worker({ capacity: 1 });
  const client = await node.client();

  await t.step("input and output arrive, large ones as well", async () => {
    const id = await client.deploy(`export default ({ text }) => ({ length: text.length, text });`);
    const answer = await client.invoke(id, { text: "Ada" });
    const small = outputOf(answer);
    const record = await client.invocation(id, answer.body.invocationId);
    assert.ok(record.worker.length > 0 && record.usage.cpuTime !== undefined);
    const durations = record.phases.map(({ duration }: Json) => Number(duration.slice(0, -1)));
    assert.ok(durations.length >= 5 && durations.every((seconds: number) => seconds >= 0));
    assert.deepEqual(small, { length: 3, text: "Ada" });
    const text = "x".repeat(INPUT_BYTES);
    const large = outputOf(await client.invoke(id, { text }));
    assert.equal(large.length, INPUT_BYTES);
    assert.equal(large.text, text);
  });

  await t.step("a warm invocation takes three round trips to PostgreSQL", async () => {
    const id = await client.deploy(`export default () => { console.log("a"); return {}; };`);
    const counts: number[] = [];
    // Some have heartbeats and other work of the node beside them, and the first ones fill caches.
    for (let n = 0; n < 40; n++) {
      const before = relay.roundTrips;
      assert.equal((await client.invoke(id, {})).status, 200);
      counts.push(relay.roundTrips - before);
    }
    assert.equal(Math.min(...counts), ROUND_TRIPS, counts.join(" "));
  });

  await t.step("a slot that was reserved for an unrecorded invocation is given back", async () => {
    const id = await client.deploy(`export default () => ({});`);
    await using observer = await Nats.connect(cluster.nats.address.options, "test");
    /** Who closed sessions, in this order: frames to a worker come from an API node. */
    const closedBy: string[] = [];
    using _ = observer.subscribe("invoked.v1.>", ({ subject, bytes }) => {
      const [recipient, , kind] = partsOf(subject);
      if (!isClose(bytes)) return;
      if (kind === "run") closedBy.push("node");
      else if (recipient === "from") closedBy.push("worker");
    });
    await observer.flushed();
    const run = (sql: string) => cluster.postgres.query(sql, cluster.databaseName);
    await run(
      "create function reject() returns trigger language plpgsql as " +
        "$$ begin raise exception 'rejected'; end $$; create trigger reject before insert " +
        "on invocations for each row execute function reject()",
    );
    assert.equal((await client.invoke(id)).status, 500);
    const [first] = await eventually(() => closedBy.length > 0 ? closedBy : undefined, "the end");
    assert.equal(first, "node");
    await run("drop trigger reject on invocations; drop function reject");
    assert.equal((await client.invoke(id)).status, 200);
  });

  await t.step("a worker loads each new commit for its report", async () => {
    const id = await client.deploy(`${BUSY}
const seed = Math.random();
export default () => ({ seed });
`);
    const { start, readings } = await eventually(async () => {
      const { body } = await client.get(`/api/v1/functions/${id}/commits/HEAD`);
      return body.loadReport.state === "LOAD_STATE_REPORTED" ? body.loadReport : undefined;
    }, "the report of a worker");
    assert.equal(start, "INVOCATION_START_LOAD");
    assert.deepEqual(readings.map(({ position, called }: Json) => [position, called]), [
      ["main.ts:2", "Math.random"],
    ]);
    // The setting travels with the job.
    await client.post("/api/v1/functions/update", {
      function: { id, evaluation: "EVALUATION_SHARED" },
    });
    await eventually(async () => {
      const [one, other] = [await client.invoke(id, {}), await client.invoke(id, {})];
      return outputOf(one).seed === outputOf(other).seed || undefined;
    }, "invocations from a shared template");
  });

  await t.step("the trace of the caller arrives", async () => {
    const id = await client.deploy(`export default (_, { trace }) => trace;`);
    const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const answer = await client.invoke(id, {}, { traceparent, tracestate: "a=1" });
    const { traceId, spanId, ...trace } = outputOf(answer);
    assert.equal(traceId, traceparent.slice(3, 35));
    assert.equal(traceId, (await client.invocation(id, answer.body.invocationId)).traceId);
    assert.deepEqual(trace, {
      sampled: true,
      traceparent: `00-${traceId}-${spanId}-01`,
      tracestate: "a=1",
    });
  });

  await t.step("the status of the server names the worker", async () => {
    const { body: { workers, slots } } = await client.get("/api/v1/status");
    assert.equal(workers.length, 1);
    const [{ id, version, free, ...rest }] = workers;
    assert.deepEqual(rest, { capacity: 1, isDraining: false });
    assert.ok(id.length > 0 && /^\d+\.\d+\.\d+$/.test(version) && free <= 1);
    assert.equal(slots.limit, 1);
  });

  await t.step("an error has the stack in the author's lines", async () => {
    const id = await client.deploy(`export default () => {\n  throw new Error("no");\n};`);
    const { body } = await client.invoke(id);
    const { error } = await client.invocation(id, body.invocationId);
    assert.match(error, /^UNCAUGHT: Error: no\n {4}at .*main\.ts:2:9/);
  });

  await t.step(
    "output that is too large, and an invocation that takes too long, end as here",
    async () => {
      const long = await client.deploy(`export default () => ({ text: "x".repeat(7_000_000) });`);
      const { body } = await client.invoke(long);
      const { error } = await client.invocation(long, body.invocationId);
      assert.match(error, /^OUTPUT_TOO_LARGE: .*6 MiB \(--max-output\)/);
      const { function: { id } } = await client.createFunction("slow", { "main.ts": HANG });
      const limited = await client.post("/api/v1/functions/update", {
        function: { id, timeout: "1s", publishedCommitId: "HEAD" },
        updateMask: "timeout,publishedCommitId",
      });
      assert.equal(limited.status, 200, JSON.stringify(limited.body));
      const slow = await client.invoke(id);
      assert.match((await client.invocation(id, slow.body.invocationId)).error, /^TIMEOUT: .* 1 s/);
    },
  );

  await t.step("a call has its volume, as its host calls change it", async () => {
    const volume = await Volume.create(client);
    await volume.put("in.bin", new Uint8Array(3_000_000).fill(65));
    const id = await client.deploy(`
      import { vfs } from "@c1/functions-sdk";
      export default async () => {
        const bytes = await vfs.readFile("in.bin");
        await vfs.writeTextFile("out.txt", new TextDecoder().decode(bytes.subarray(0, 5)));
        return { length: bytes.length };
      };`);
    const output = outputOf(await client.invoke(id, {}, {}, { vfsId: volume.id }));
    assert.equal(output.length, 3_000_000);
    assert.equal((await volume.read("out.txt")).body, "AAAAA");
  });

  await t.step("a nested invocation runs in the slot of its caller", async () => {
    const inner = await client.deploy(`export default ({ n }) => ({ n: n + 1 });`);
    const outer = await deployWithSdk(
      client,
      `return { first: (await invoke(input.inner, { n: 1 })).output.n,
                second: (await invoke(input.inner, { n: 2 })).output.n };`,
      ["invoker"],
    );
    const output = outputOf(await client.invoke(outer, { inner }));
    assert.deepEqual(output, { first: 2, second: 3 });
  });

  await t.step(
    "logs are there while the invocation runs, and a cancel reaches the worker",
    async () => {
      const id = await client.deploy(HANG);
      const { body: { invocationId } } = await client.invoke(id, {}, { prefer: "respond-async" });
      await eventually(async () =>
        (await logsOf(client, id, invocationId))[0]?.message === "up" || undefined
      );
      const path = `/api/v1/functions/${id}/invocations/${invocationId}/cancel`;
      const { body: { invocation } } = await client.post(path, {});
      assert.match(invocation.error, /^CANCELLED: the invocation was cancelled/);
      const echo = await client.deploy(`export default () => ({ free: true });`);
      assert.deepEqual(outputOf(await client.invoke(echo)), { free: true });
    },
  );

  await t.step("log lines arrive in order", async () => {
    const id = await client.deploy(
      `export default () => { for (let n = 0; n < 100; n++) console.log("line " + n); return {}; };`,
    );
    const { body: { invocationId } } = await client.invoke(id);
    const path = `/api/v1/functions/${id}/invocations/${invocationId}/logs?pageSize=100`;
    const { body } = await client.get(path);
    assert.deepEqual(
      body.list.map(({ message }: { message: string }) => message),
      Array.from({ length: 100 }, (_, n) => `line ${n}`),
    );
  });

  await t.step("a worker keeps the code of provisioned functions ready", async () => {
    const id = await client.deploy(`let calls = 0; export default () => ({ calls: ++calls });`);
    const { status } = await client.post("/api/v1/functions/update", {
      function: { id, provisionedConcurrency: 1 },
      updateMask: "provisionedConcurrency",
    });
    assert.equal(status, 200);
    await eventually(async () => {
      const { body } = await client.invoke(id);
      const { processKind } = await client.invocation(id, body.invocationId);
      return processKind === "PROCESS_KIND_TEMPLATE" || undefined;
    });
  });

  await t.step("endpoints on workers", (t) => endpointsOnWorkers(t, client));

  await t.step("the overview of the console shows the workers", async () => {
    await using console = await ConsoleBrowser.open(node);
    const { page } = console;
    await console.goto("/");
    const table = page.getByRole("table", { name: "Workers" });
    await table.getByText(/^[01] of 1$/).waitFor();
    await table.getByText("Ready").waitFor();
    await page.getByText("On the workers", { exact: true }).waitFor();
    await console.assertAccessible("overview_workers");
  });

  await t.step("an invocation that no worker takes ends with the queue timeout", async () => {
    const id = await client.deploy(HANG);
    const { body: { invocationId } } = await client.invoke(id, {}, { prefer: "respond-async" });
    await eventually(async () => (await logsOf(client, id, invocationId)).length > 0 || undefined);
    const impatient = await cluster.node({ flags: ["--queue-timeout", "1s"] });
    const other = await node.client(impatient.url);
    assertError(await other.invoke(id), "QUEUE_TIMEOUT");
    await client.post(`/api/v1/functions/${id}/invocations/${invocationId}/cancel`, {});
  });
});
