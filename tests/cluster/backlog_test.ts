/** Limits of waiting and running invocations, over all nodes. */
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { Client } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { assertError } from "../support/expect.ts";
import { runInvoked } from "../support/invoked.ts";
import { TestCluster } from "./cluster.ts";

const HANG = `export default () => new Promise((resolve) => setTimeout(resolve, 1e6));`;
const ASYNC = { prefer: "respond-async" };
const QUEUED_MAX = 10;
/** More than the limit, and more than two nodes could accept beyond it before they count again. */
const INVOCATIONS_MAX = 2000;
/** A count of 0.1 s at most holds for ten times as long. */
const COUNT_HOLDS_MS = 2_000;

Deno.test("the asynchronous invocations that wait are bounded over all nodes", async (t) => {
  await using cluster = await TestCluster.start();
  const flags = ["--max-queued", String(QUEUED_MAX), "--max-queued-bytes", "7MiB"];
  const [first, second] = [await cluster.node({ flags }), await cluster.node({ flags })];
  const [here, there] = [await first.client(), await first.client(second.url)];
  const hang = await here.deploy(HANG);

  await t.step("without a worker all of them wait", async () => {
    const rejected = new Set<Client>();
    let accepted = 0;
    for (let n = 0; rejected.size < 2; n++) {
      assert.ok(n < INVOCATIONS_MAX, `${accepted} of ${n} invocations were accepted`);
      const client = n % 2 === 0 ? here : there;
      const answer = await client.invoke(hang, {}, ASYNC);
      if (answer.status === 200) accepted++;
      else {
        rejected.add(client);
        assertError(
          answer,
          "QUEUE_FULL",
          /all 0 slots of workers and API nodes are taken \(--capacity\), and the queue is full with 10 invocations \(--max-queued\)/,
        );
      }
    }
    assert.ok(accepted >= QUEUED_MAX, `${accepted} were accepted`);
    for (const { url } of [first, second]) {
      const { asynchronous } = await (await fetch(`${url}/readyz`)).json();
      assert.equal(asynchronous.accepted, false);
      assert.match(asynchronous.reason, /^it would be rejected: .* the queue is full with 10 /);
    }
  });

  await t.step(
    "a node that nobody has asked for a while knows what other nodes accept",
    async () => {
      const path = `/api/v1/functions/${hang}/invocations`;
      const asked = async () => (await (await fetch(`${second.url}/readyz`)).json()).asynchronous;
      const { body } = await here.get(`${path}?pageSize=100`);
      for (const { id } of body.list) await here.post(`${path}/${id}/cancel`, {});
      await eventually(async () => (await asked()).accepted || undefined, "an empty queue");
      await eventually(async () => {
        for (let n = 0; (await here.invoke(hang, {}, ASYNC)).status === 200; n++) {
          assert.ok(n < INVOCATIONS_MAX, `${n} invocations were accepted`);
        }
        // Longer than a count holds: the answer does not depend on an earlier question.
        await pause(COUNT_HOLDS_MS);
        // A slot of a cancelled invocation that has just ended may take one from the queue.
        return !(await asked()).accepted || undefined;
      }, "a full queue");
    },
  );

  await t.step("a cancelled invocation leaves the queue, at any node", async () => {
    const path = `/api/v1/functions/${hang}/invocations`;
    for (;;) {
      const { body } = await here.get(`${path}?pageSize=100`);
      const waiting = body.list.filter(({ status }: { status: string }) => /PENDING/.test(status));
      if (waiting.length < QUEUED_MAX) break;
      await here.post(`${path}/${waiting[0].id}/cancel`, {});
    }
    await eventually(async () => (await there.invoke(hang, {}, ASYNC)).status === 200 || undefined);
  });

  await t.step("the bytes of their inputs are bounded, too", async () => {
    const path = `/api/v1/functions/${hang}/invocations`;
    const { body } = await here.get(`${path}?pageSize=100`);
    for (const { id } of body.list) await here.post(`${path}/${id}/cancel`, {});
    const text = "x".repeat(4 * 1024 * 1024);
    await eventually(async () =>
      (await here.invoke(hang, { text }, ASYNC)).status === 200 || undefined
    );
    await eventually(async () => {
      const answer = await there.invoke(hang, { text }, ASYNC);
      if (answer.status === 200) return undefined;
      assertError(
        answer,
        "QUEUE_FULL",
        /the queue has \d+ invocations? with [\d,]+ B of input; .* would exceed the limit of 7 MiB \(--max-queued-bytes\)/,
      );
      return true;
    });
  });
});

Deno.test("an API node rejects --max-running", async () => {
  const { code, stderr } = await runInvoked([
    "serve",
    ...["--nats", "nats://127.0.0.1:1", "--database", "postgres://u@127.0.0.1:1/x"],
    ...["--max-running", "8"],
  ]);
  assert.equal(code, 2, stderr);
  assert.match(
    stderr,
    /--max-running is 8, but must be unset with --nats: the limit is --capacity/,
  );
});
