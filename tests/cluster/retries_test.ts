/** Delayed invocations, retries, limits and destinations over several API nodes. */
import assert from "node:assert/strict";
import { Webhook } from "standardwebhooks";
import { Client, type Json } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import {
  assertRate,
  deadLetters,
  QUICK,
  Receiver,
  settings,
  startsOf,
} from "../retries/support.ts";
import { AlertReceiver } from "../alerts/receiver.ts";
import { TestCluster } from "./cluster.ts";

const UNSTEADY = `export default async ({ n, until = 1, hangs }, { attempt, trigger }) => {
  console.log("attempt " + attempt);
  if (hangs) await new Promise(() => setInterval(() => {}, 1000));
  if (attempt < until) throw new Error("not yet");
  return { n, attempt, kind: trigger.kind };
};`;
const SECRET = `whsec_${"c2VjcmV0".repeat(4)}`;
const ASYNC = { prefer: "respond-async" };
const STATUS = "FUNCTION_INVOCATION_STATUS_";

/** Takes slots of workers by invocations whose callers wait at one node. */
async function takeSlots(
  client: Client,
  count: number,
): Promise<{ readonly release: () => Promise<void> }> {
  const id = await client.deploy(UNSTEADY);
  const waiting = Promise.all(
    Array.from({ length: count }, () => client.invoke(id, { hangs: true })),
  );
  waiting.catch(() => {});
  const path = `/api/v1/functions/${id}/invocations`;
  const running = await eventually(async () => {
    const list: Json[] = (await client.get(path)).body.list;
    const found = list.filter(({ worker }) => worker !== undefined);
    return found.length === count ? found : undefined;
  }, "invocations that take all slots");
  return {
    release: async () => {
      for (const { id: invocation } of running) await client.post(`${path}/${invocation}/cancel`);
      await waiting;
    },
  };
}

Deno.test("what waits for its time in a cluster", async (t) => {
  await using cluster = await TestCluster.start();
  await using alerts = new AlertReceiver();
  const flags = [
    ...["--egress-allow-private", "127.0.0.0/8"],
    ...["--alert-url", alerts.url, "--alert-interval", "1s"],
  ];
  const first = await cluster.node({ flags });
  const second = await cluster.node({ flags });
  await cluster.worker({ capacity: 4 });
  const other = await first.client(second.url);
  const clients = [await first.client(), other] as const;
  const id = await clients[0].deploy(UNSTEADY);
  const target = await clients[0].deploy(UNSTEADY);
  const start = async (client: Client, input: Json, headers = {}) =>
    (await client.invoke(id, input, { ...ASYNC, ...headers })).body.invocationId as string;

  await t.step(
    "an invocation starts again on any node, and its end starts another function",
    async () => {
      await settings(clients[1], id, {
        retryPolicy: { maxAttempts: 3, ...QUICK },
        onSuccess: { functionId: target },
      });
      const invocations = await Promise.all(
        Array.from({ length: 8 }, (_, n) => start(clients[n % 2 === 0 ? 0 : 1], { n, until: 3 })),
      );
      for (const [n, invocation] of invocations.entries()) {
        const { output, attempts } = await clients[1].ended(id, invocation);
        assert.deepEqual([output, attempts.length], [{ n, attempt: 3, kind: "api" }, 3]);
        const { destination } = await eventually(async () => {
          const found = await clients[0].invocation(id, invocation);
          return found.destination?.invocationId === undefined ? undefined : found;
        });
        const started = await clients[1].ended(target, destination.invocationId);
        assert.equal(started.output.kind, "destination");
      }
      const { body } = await clients[0].get(
        `/api/v1/functions/${target}/invocations?page_size=100`,
      );
      assert.equal(body.list.length, invocations.length, "each end starts it once");
      await settings(clients[0], id, { onSuccess: {} });
    },
  );

  await t.step("a concurrency key counts over all nodes", async () => {
    await settings(clients[0], id, { concurrencyKey: "/n" });
    const hanging = await start(clients[0], { n: 1, hangs: true });
    await eventually(async () =>
      (await clients[1].invocation(id, hanging)).status === `${STATUS}RUNNING` || undefined
    );
    const waiting = await start(clients[1], { n: 1 });
    assert.equal((await clients[1].ended(id, await start(clients[1], { n: 2 }))).output.n, 2);
    assert.equal((await clients[0].invocation(id, waiting)).status, `${STATUS}PENDING`);
    await clients[1].post(`/api/v1/functions/${id}/invocations/${hanging}/cancel`);
    assert.equal((await clients[0].ended(id, waiting)).status, `${STATUS}SUCCESS`);
    await settings(clients[0], id, { concurrencyKey: "" });
  });

  await t.step("rates, bursts and the circuit breaker count over all nodes", async () => {
    const fn = await clients[0].deploy(UNSTEADY);
    const call = async (at: 0 | 1, input: Json) =>
      (await clients[at].invoke(fn, input, ASYNC)).body.invocationId as string;
    const waits = (id: string, reason: string) =>
      eventually(async () =>
        (await clients[1].invocation(fn, id)).waitReason === `WAIT_REASON_${reason}` || undefined
      );
    await settings(clients[0], fn, { rateLimit: { calls: 2, period: "600s" } });
    for (const at of [0, 1] as const) await clients[at].ended(fn, await call(at, { n: at }));
    for (const client of clients) {
      const { status, body } = await client.invoke(fn, {});
      assert.deepEqual([status, body.details[0].reason], [429, "RATE_LIMITED"]);
    }
    const limited = await call(1, { n: 3 });
    await waits(limited, "RATE_LIMIT");
    await settings(clients[0], fn, { rateLimit: {} });
    assert.equal((await clients[1].ended(fn, limited)).output.n, 3);

    await settings(clients[1], fn, { debounce: { key: "/n", delay: "600s" } });
    const burst = [await call(0, { n: 1 }), await call(1, { n: 1 })];
    const [replaced, last] = await Promise.all(burst.map((id) => clients[0].invocation(fn, id)));
    assert.deepEqual([replaced.skipReason, last.status], [
      "SKIP_REASON_DEBOUNCED",
      `${STATUS}PENDING`,
    ]);
    await settings(clients[1], fn, { debounce: {} });

    const broken = await clients[0].deploy(UNSTEADY);
    await settings(clients[0], broken, { circuitBreakerMax: 2 });
    for (const client of clients) await client.invoke(broken, {});
    const { body: { invocationId: paused } } = await clients[1].invoke(broken, { n: 9 }, ASYNC);
    await eventually(async () =>
      (await clients[0].invocation(broken, paused)).waitReason === "WAIT_REASON_CIRCUIT_BREAKER" ||
      undefined
    );
    const path = `/api/v1/functions/${broken}/circuit_breaker/clear`;
    const decision = "PAUSED_EXECUTION_DECISION_RUN";
    assert.equal((await clients[0].post(path, { decision, reason: "expected" })).status, 200);
    assert.equal((await clients[1].ended(broken, paused)).output.n, 9);
  });

  await t.step("no window has more starts than the rate limit, on all nodes together", async () => {
    const fn = await clients[0].deploy(UNSTEADY);
    const rateLimit = { calls: 2, period: "1s" };
    await settings(clients[0], fn, { rateLimit, retryPolicy: { maxAttempts: 2, ...QUICK } });
    const hanging = await takeSlots(clients[0], 4);
    const invocations = await Promise.all(
      Array.from({ length: 6 }, async (_, n) => {
        const input = { n, until: n < 2 ? 2 : 1 };
        return (await clients[n % 2 as 0 | 1].invoke(fn, input, ASYNC)).body.invocationId as string;
      }),
    );
    // Longer than two periods: a limit of fixed times would let all of them start at once.
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    await hanging.release();
    const ends = Promise.all(invocations.map((invocation) => clients[0].ended(fn, invocation)));
    // Callers at both nodes take part; they are rejected while others wait.
    let areWaiting = true;
    const waited = Promise.all(clients.map(async (client) => {
      const ids: string[] = [];
      for (let n = 0; areWaiting || ids.length === 0; n++) {
        const { status, body } = await client.invoke(fn, { n });
        if (status === 200) ids.push(body.invocationId);
        else assert.equal(body.details[0].reason, "RATE_LIMITED", JSON.stringify(body));
      }
      return ids;
    }));
    const all = await ends;
    areWaiting = false;
    const others = (await waited).flat().map((invocation) => clients[1].invocation(fn, invocation));
    const starts = startsOf([...all, ...await Promise.all(others)]);
    assert.ok(starts.length >= 10, `${starts}`);
    assertRate(starts, rateLimit.calls, 1_000);
  });

  await t.step("a caller that waits for a worker keeps its permit", async () => {
    const fn = await clients[0].deploy(UNSTEADY);
    await settings(clients[0], fn, { rateLimit: { calls: 1, period: "0.1s" } });
    const hanging = await takeSlots(clients[0], 4);
    // This node runs none of the hanging invocations: its own starts, and waits for a worker.
    const first = clients[1].invoke(fn, { n: 1 });
    first.catch(() => {});
    await eventually(async () =>
      (await clients[0].get(`/api/v1/functions/${fn}/invocations`)).body.list.length > 0 ||
      undefined
    );
    // Longer than the period, after which a start that was counted too early would be forgotten.
    await new Promise((resolve) => setTimeout(resolve, 300));
    const { status, body } = await clients[1].invoke(fn, { n: 2 });
    assert.deepEqual([status, body.details[0].reason], [429, "RATE_LIMITED"]);
    await hanging.release();
    assert.equal((await first).status, 200);
  });

  await t.step("ends arrive at a URL once, and dead letters are parked for all nodes", async () => {
    await using receiver = new Receiver();
    const fn = await clients[0].deploy(UNSTEADY);
    const to = { url: `http://${receiver.host}/`, secret: SECRET };
    const outboundNetworkAllowlist = [receiver.host];
    const retryPolicy = { maxAttempts: 2, ...QUICK };
    const change = { retryPolicy, outboundNetworkAllowlist, onSuccess: to, onFailure: to };
    await settings(clients[1], fn, change);
    const inputs = [{ n: 1, until: 9 }, { n: 2, until: 9 }, { n: 3 }, { n: 4 }];
    const invocations = await Promise.all(
      inputs.map(async (input, at) => {
        const { body } = await clients[at % 2 as 0 | 1].invoke(fn, input, ASYNC);
        return body.invocationId as string;
      }),
    );
    for (const invocation of invocations) {
      await eventually(async () =>
        (await clients[0].invocation(fn, invocation)).destination?.state ===
          "DESTINATION_STATE_DELIVERED" || undefined
      );
    }
    for (const { body, headers } of receiver.got) new Webhook(SECRET).verify(body, headers);
    const arrived = receiver.got.map(({ headers }) => headers["webhook-id"] ?? "");
    assert.deepEqual(arrived.toSorted(), invocations.toSorted());
    const failed = invocations.slice(0, 2);
    for (const client of clients) {
      assert.deepEqual((await deadLetters(client, fn)).toSorted(), failed.toSorted());
    }
    await settings(clients[0], fn, { onFailure: {} });
    const replays: string[] = [];
    for (const [at, invocation] of failed.entries()) {
      const path = `/api/v1/functions/${fn}/dead_letters/${invocation}/replay`;
      const { status, body } = await clients[at as 0 | 1].post(path);
      assert.equal(status, 200, JSON.stringify(body));
      const { trigger } = await clients[0].ended(fn, body.invocationId);
      assert.deepEqual(trigger, { kind: "TRIGGER_KIND_REPLAY", id: invocation });
      replays.push(body.invocationId);
    }
    assert.deepEqual((await deadLetters(clients[1], fn)).toSorted(), replays.toSorted());
  });

  await t.step("an alert is posted by one node, and shown by all", async () => {
    await alerts.got("InvokedDeadLettersGrowing", "firing");
    const shown = await Promise.all(clients.map((client) => client.get("/api/v1/alerts")));
    for (const { body: { list } } of shown) {
      assert.ok(list.some(({ name }: Json) => name === "InvokedDeadLettersGrowing"));
    }
  });

  await t.step(
    "a delayed invocation starts once, although the node that began it ends",
    async () => {
      // Later than the kill on a busy machine too; the other node takes the lease over at about that time.
      const at = new Date(Date.now() + 12_000).toISOString();
      const invocations = await Promise.all(
        Array.from({ length: 10 }, (_, n) => start(clients[0], { n }, { "invoke-at": at })),
      );
      // It has the lease for what waits, because it was the first one.
      await first.stop("SIGKILL");
      for (const [n, invocation] of invocations.entries()) {
        const { output, attempt, startedAt } = await clients[1].ended(id, invocation);
        assert.deepEqual([output.n, attempt, startedAt >= at], [n, 1, true]);
        const path = `/api/v1/functions/${id}/invocations/${invocation}/logs`;
        const { body } = await clients[1].get(path);
        assert.deepEqual(body.list.map(({ message }: Json) => message), ["attempt 1"]);
      }
    },
  );

  await t.step("another node posts the end of an alert, and repeats no beginning", async () => {
    const path = "/api/v1/functions/-/dead_letters/drop";
    assert.equal((await clients[1].post(path, { filter: {} })).status, 200);
    const begun = alerts.of("InvokedDeadLettersGrowing", "firing").length;
    await alerts.got("InvokedDeadLettersGrowing", "resolved", begun);
    const posted = alerts.alerts.map(({ fingerprint, startsAt, status }) =>
      `${fingerprint} ${startsAt} ${status}`
    );
    assert.deepEqual(posted, [...new Set(posted)]);
  });
});
