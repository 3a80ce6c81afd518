/** What waits for its time, over crashes of the server: retries, delays, rate limits and destinations. */
import assert from "node:assert/strict";
import { Webhook } from "standardwebhooks";
import type { Client, Json } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { makeTempDir, runInvoked } from "../support/invoked.ts";
import { LOOPBACK } from "../support/loopback.ts";
import { IS_LONG } from "../support/seed.ts";
import { TestServer } from "../support/server.ts";
import {
  BACKGROUND,
  deadLetters,
  deployFor,
  QUICK,
  Receiver,
  SECRET,
  sent,
  settings,
  start,
  STATUS,
} from "./support.ts";

const INVOCATIONS = IS_LONG ? 500 : 60;
/** Fails twice; the console shows each attempt that ran. */
const THIRD = `export default ({ n }, { attempt }) => {
  console.log("attempt " + attempt);
  if (attempt < 3) throw new Error("not yet");
  return { n };
};`;
const ECHO = "export default (input) => input;";

/** What must hold after the last crash. */
type Check = (client: Client) => Promise<void>;

/** Each attempt counts once, and each invocation, whatever the server was doing when it crashed. */
async function assertUsage(client: Client, id: string, invocations: number, attempts: number) {
  const from = new Date(Date.now() - 24 * 60 * 60 * 1000).toISOString().slice(0, 10);
  const { body: { total } } = await client.get(`/api/v1/usage?function_id=${id}&from=${from}`);
  assert.deepEqual(
    [total.invocations, total.errors, total.attempts].map(Number),
    [invocations, 0, attempts],
  );
}

/** Invocations that fail, and start again, while the server is killed twice. */
async function startRetries(client: Client): Promise<Check> {
  const id = await client.deploy(THIRD);
  const retryPolicy = { ...QUICK, maxBackoff: "2s", initialBackoff: "1s", maxAttempts: 6 };
  await settings(client, id, { retryPolicy });
  const inputs = Array.from({ length: INVOCATIONS }, (_, n) => ({ n }));
  const invocations = await Promise.all(inputs.map((input) => start(client, id, input)));
  return async (client) => {
    let attempted = 0;
    for (const [n, invocation] of invocations.entries()) {
      const { status, output, attempts, attempt, error } = await client.ended(id, invocation);
      assert.deepEqual([status, output], [`${STATUS}SUCCESS`, { n }], error);
      const numbers = attempts.map((one: Json) => one.attempt);
      assert.deepEqual(numbers, Array.from({ length: attempt }, (_, at) => at + 1));
      const failed = attempts.slice(0, -1).map((one: Json) => one.error);
      assert.ok(failed.every((text: string) => /^(UNCAUGHT|INTERRUPTED): /.test(text)));
      const path = `/api/v1/functions/${id}/invocations/${invocation}/logs`;
      const lines = (await client.get(path)).body.list.map(({ message }: Json) => message);
      assert.deepEqual(lines, [...new Set(lines)], "no attempt runs twice");
      attempted += attempts.length;
    }
    await assertUsage(client, id, invocations.length, attempted);
    assert.deepEqual(await deadLetters(client, id), []);
  };
}

async function startLimited(client: Client): Promise<Check> {
  const id = await client.deploy(ECHO);
  await settings(client, id, {
    rateLimit: { calls: 1, period: "0.2s" },
    retryPolicy: { ...QUICK, maxAttempts: 9 },
  });
  const invocations = await Promise.all(
    Array.from({ length: 12 }, (_, n) => start(client, id, { n })),
  );
  return async (client) => {
    let attempted = 0;
    for (const [n, invocation] of invocations.entries()) {
      const { status, output, attempts } = await client.ended(id, invocation);
      assert.deepEqual([status, output], [`${STATUS}SUCCESS`, { n }]);
      const failed = attempts.slice(0, -1).map((one: Json) => one.error);
      assert.ok(failed.every((error: string) => error.startsWith("INTERRUPTED: ")));
      attempted += attempts.length;
    }
    await assertUsage(client, id, invocations.length, attempted);
  };
}

/** Invocations of which one has its time while no server runs; answers that time, too. */
async function startDelayed(client: Client): Promise<{ before: string; check: Check }> {
  const id = await client.deploy(ECHO);
  const times = [5_000, 9_000].map((ms) => new Date(Date.now() + ms).toISOString());
  const invocations: string[] = [];
  for (const at of times) {
    const { body } = await client.invoke(id, {}, { ...BACKGROUND, "invoke-at": at });
    invocations.push(body.invocationId);
  }
  return {
    before: times[0] ?? "",
    check: async (client) => {
      for (const [at, time] of times.entries()) {
        const { status, attempt, startedAt } = await client.ended(id, invocations[at] ?? "");
        assert.deepEqual([status, attempt, startedAt >= time], [`${STATUS}SUCCESS`, 1, true]);
      }
    },
  };
}

/** An end that goes to a private address, of which the server allows none. */
async function startSending(client: Client, receiver: Receiver): Promise<Check> {
  const id = await deployFor(client, receiver);
  const made = await start(client, id, { until: 1 });
  const { destination } = await eventually(async () => {
    const found = await client.invocation(id, made);
    return found.destination?.error === undefined ? undefined : found;
  });
  assert.match(
    destination.error,
    /^no answer came: the address is not public but loopback \(--egress-allow-private\)$/,
  );
  assert.equal(receiver.got.length, 0);
  return async (client) => {
    const { destination } = await sent(client, id, made);
    assert.equal(destination.state, "DESTINATION_STATE_DELIVERED");
    const [got, ...more] = receiver.got;
    assert.deepEqual([got?.headers["webhook-id"], more], [made, []]);
    new Webhook(SECRET).verify(got?.body ?? "", got?.headers ?? {});
    assert.deepEqual(await deadLetters(client, id), []);
  };
}

Deno.test("what waits survives crashes of the server", async (t) => {
  await using directory = await makeTempDir();
  const dataDir = directory.path;
  await using receiver = new Receiver();
  const checks: Record<string, Check> = {};
  {
    await using server = await TestServer.start({ dataDir });
    const client = await server.client();
    checks["what goes to a URL obeys the rules of egress, and survives crashes"] =
      await startSending(client, receiver);
    checks["a crash between attempts loses no invocation and repeats no end"] = await startRetries(
      client,
    );
    await server.stop("SIGKILL");
  }
  let before: string;
  {
    await using server = await TestServer.start({ dataDir });
    const client = await server.client();
    checks["invocations that a rate limit delays survive a crash, and start once"] =
      await startLimited(client);
    const delayed = await startDelayed(client);
    checks["delayed invocations survive a crash of the server"] = delayed.check;
    before = delayed.before;
    await server.stop("SIGKILL");
  }
  const rotated = await runInvoked(["keys", "rotate", "--data", dataDir]);
  assert.equal(rotated.code, 0, rotated.stderr);
  await eventually(() => Promise.resolve(new Date().toISOString() > before || undefined));
  await using server = await TestServer.start({ dataDir, flags: LOOPBACK });
  const client = await server.client();
  for (const [name, check] of Object.entries(checks)) await t.step(name, () => check(client));
});
