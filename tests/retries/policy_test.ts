/** Retry policies: which attempts another one follows, and when. */
import assert from "node:assert/strict";
import type { Json } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { assertError } from "../support/expect.ts";
import { runInvoked } from "../support/invoked.ts";
import { sharedSuite, type Stage } from "../support/suite.ts";
import { BACKGROUND, QUICK, settings, start, STATUS, UNSTEADY } from "./support.ts";

async function succeedsLater({ client }: Stage): Promise<void> {
  const id = await client.deploy(UNSTEADY);
  await settings(client, id, { retryPolicy: { ...QUICK, maxAttempts: 3 } });
  const invocation = await start(client, id, { until: 3 });
  const ended = await client.ended(id, invocation);
  assert.deepEqual([ended.id, ended.status], [invocation, `${STATUS}SUCCESS`]);
  assert.deepEqual(ended.output, { attempt: 3, trigger: { kind: "api" } });
  assert.deepEqual([ended.attempt, ended.maxAttempts], [3, 3]);
  const [first, second, third] = ended.attempts;
  assert.deepEqual(ended.attempts.map((one: Json) => one.attempt), [1, 2, 3]);
  for (const failed of [first, second]) assert.match(failed.error, /^UNCAUGHT: Error: not yet/);
  assert.equal("error" in third, false);
  assert.deepEqual([first.startedAt, third.endedAt], [ended.startedAt, ended.endedAt]);
  assert.ok(first.endedAt <= second.startedAt && second.endedAt <= third.startedAt);
  assert.ok(ended.notBefore <= third.startedAt, "its backoff");
  const { body } = await client.get(`/api/v1/functions/${id}/invocations/${invocation}/logs`);
  const lines = body.list.map(({ sequence, message }: Json) => `${sequence} ${message}`);
  assert.deepEqual(lines, ["1 attempt 1", "2 attempt 2", "3 attempt 3"]);
}

async function words({ client }: Stage): Promise<void> {
  const id = await client.deploy(UNSTEADY);
  const cases = [
    [["EXITED", "BAD_OUTPUT"], "exit", 2, `${STATUS}SUCCESS`],
    [["EXITED", "BAD_OUTPUT"], "text", 2, `${STATUS}SUCCESS`],
    [["EXITED", "BAD_OUTPUT"], "throw", 1, `${STATUS}ERROR`],
    [[], "throw", 2, `${STATUS}SUCCESS`],
    [[], "exit", 1, `${STATUS}ERROR`],
  ] as const;
  for (const [retryOn, how, attempts, status] of cases) {
    await settings(client, id, { retryPolicy: { ...QUICK, maxAttempts: 5, retryOn } });
    const ended = await client.ended(id, await start(client, id, { until: 2, how }));
    assert.deepEqual([ended.attempt, ended.status], [attempts, status], `${retryOn} ${how}`);
  }
}

async function once({ client }: Stage): Promise<void> {
  const id = await client.deploy(UNSTEADY);
  await settings(client, id, { retryPolicy: { ...QUICK, maxAttempts: 3 } });
  const { body } = await client.invoke(id, { until: 2 });
  const waited = await client.invocation(id, body.invocationId);
  assert.deepEqual([waited.attempt, waited.maxAttempts], [1, 1]);
  assert.match(waited.error, /^UNCAUGHT: Error: not yet/);
  const bounded = await client.invoke(id, { until: 2 }, { prefer: "wait=60" });
  assert.equal(bounded.headers.get("invocation-status"), `${STATUS}SUCCESS`);
  await settings(client, id, { retryPolicy: {} });
  const plain = await client.ended(id, await start(client, id, { until: 2 }));
  assert.deepEqual([plain.attempt, plain.maxAttempts, plain.status], [1, 1, `${STATUS}ERROR`]);
}

async function cancels({ client }: Stage): Promise<void> {
  const id = await client.deploy(UNSTEADY);
  await settings(client, id, { retryPolicy: { initialBackoff: "80000s", maxBackoff: "86400s" } });
  const invocation = await start(client, id, { until: 2 });
  const waiting = await eventually(async () => {
    const found = await client.invocation(id, invocation);
    return found.attempts.length === 1 && found.status === `${STATUS}PENDING` ? found : undefined;
  });
  assert.ok(waiting.notBefore > waiting.attempts[0].endedAt);
  const { body } = await client.post(`/api/v1/functions/${id}/invocations/${invocation}/cancel`);
  assert.match(body.invocation.error, /^CANCELLED: .* before its next attempt/);
  assert.deepEqual(body.invocation.attempts, waiting.attempts);
}

async function setting({ client, server }: Stage): Promise<void> {
  const id = await client.deploy(UNSTEADY);
  const policy = { maxAttempts: 4, initialBackoff: "2s", retryOn: ["TIMEOUT"] };
  await settings(client, id, { retryPolicy: policy });
  const read = async () => (await client.get(`/api/v1/functions/${id}`)).body.function.retryPolicy;
  assert.deepEqual(await read(), policy);
  const violations = [
    [{ maxAttempts: 101 }, /retryPolicy\.maxAttempts: 101 attempts is not between 1 .* and 100/],
    [{ maxAttempts: -1 }, /retryPolicy\.maxAttempts: /],
    [
      { initialBackoff: "0.001s" },
      /retryPolicy\.initialBackoff: 1 ms is not between 10 ms and 24 h/,
    ],
    [{ maxBackoff: "100000s" }, /retryPolicy\.maxBackoff: /],
    [{ initialBackoff: "9s", maxBackoff: "8s" }, /retryPolicy\.maxBackoff: 8 s is below the init/],
    [{ retryOn: ["CANCELLED"] }, /retryPolicy\.retryOn\[0\]: must be one of TIMEOUT, /],
    [{ retryOn: "UNCAUGHT" }, /retryPolicy\.retryOn: /],
    ["often", /retryPolicy: /],
  ] as const;
  for (const [retryPolicy, message] of violations) {
    const body = { function: { id, retryPolicy }, updateMask: "retryPolicy" };
    assertError(await client.post("/api/v1/functions/update", body), "INVALID_FIELD", message);
  }
  assert.deepEqual(await read(), policy);
  const invoked = (...args: string[]) =>
    runInvoked(args, { env: { INVOKED_DATA: server.dataDir } });
  const own = JSON.stringify({ maxAttempts: 2, maxBackoff: "5m" });
  assert.equal((await invoked("settings", "set", id, `retryPolicy=${own}`)).code, 0);
  assert.deepEqual(await read(), { maxAttempts: 2, maxBackoff: "300s" });
  assert.match((await invoked("settings", "list", id)).stdout, /^retryPolicy\s+\{"maxAttempts":2/m);
  const wrong = await invoked("settings", "set", id, 'retryPolicy={"often":1}');
  assert.match(wrong.stderr, /often/);
  assert.equal((await invoked("settings", "unset", id, "retryPolicy")).code, 0);
  assert.equal(await read(), undefined);
}

async function commandLine({ client, server }: Stage): Promise<void> {
  const id = await client.deploy(UNSTEADY);
  const invoked = (...args: string[]) =>
    runInvoked(args, { env: { INVOKED_DATA: server.dataDir } });
  const later = await invoked("invoke", id, "--at", "2h");
  assert.equal(later.code, 0, later.stderr);
  assert.match((await invoked("history", id)).stdout, /PENDING\sapi\s-\s.*\swaits until \d{4}-/);
  assert.match((await invoked("show", id, later.stdout.trim())).stdout, /^not before\s+\d{4}-/m);
  assert.match((await invoked("invoke", id, "--at", "soon")).stderr, /--at.*from now/s);
  await settings(client, id, { retryPolicy: { ...QUICK, maxAttempts: 2 } });
  const invocation = await start(client, id, { until: 2 });
  await client.ended(id, invocation);
  const { stdout } = await invoked("show", id, invocation);
  assert.match(stdout, /^failed attempts\s+1 ended .*: UNCAUGHT: Error: not yet$/m);
  assert.match(stdout, /^attempt\s+2 of 2$/m);
  assert.match(
    (await invoked("history", id)).stdout,
    new RegExp(`${invocation}\\sSUCCESS\\sapi\\s2 of 2`),
  );
}

async function waits({ client }: Stage): Promise<void> {
  const id = await client.deploy(UNSTEADY);
  await settings(client, id, { retryPolicy: { ...QUICK, maxAttempts: 3 } });
  const headers = { ...BACKGROUND, prefer: "respond-async, wait=60" };
  const answer = await client.invoke(id, { until: 3 }, headers);
  assert.equal(answer.headers.get("invocation-status"), `${STATUS}SUCCESS`);
}

sharedSuite("a retry policy", {
  "starts an invocation again until it succeeds, under one id": succeedsLater,
  "counts for its words alone": words,
  "counts for invocations without a waiting caller": once,
  "lets a caller wait over all attempts": waits,
  "leaves an invocation that was cancelled between two attempts": cancels,
  "is checked, and set by the command line": setting,
  "is visible in show and history": commandLine,
});
