/** Attempts of invocations whose server ended while they ran. */
import assert from "node:assert/strict";
import type { Client } from "../support/client.ts";
import { makeTempDir, runInvoked } from "../support/invoked.ts";
import { TestServer } from "../support/server.ts";
import { eventually } from "../support/eventually.ts";

/** Runs until it is killed, up to an attempt that returns the context of its invocation. */
const UP_TO = `export default async ({ last }, context) => {
  console.log("attempt " + context.attempt);
  if (context.attempt === last) return { context };
  setInterval(() => {}, 1000);
  await new Promise(() => {});
};`;

const BACKGROUND = { prefer: "respond-async" };
const PREFIX = "FUNCTION_INVOCATION_STATUS_";
const TWICE = ["--max-attempts", "2", "--invocation-timeout", "10m"];

async function messages(client: Client, id: string, invocation: string): Promise<string[]> {
  const { body } = await client.get(`/api/v1/functions/${id}/invocations/${invocation}/logs`);
  return body.list.map(({ sequence, message }: { sequence: number; message: string }) =>
    `${sequence} ${message}`
  );
}

/** Resolves once the invocation has printed that this attempt runs. */
async function runs(client: Client, id: string, invocation: string, attempt: number) {
  await eventually(async () =>
    (await messages(client, id, invocation)).find((line) => line.endsWith(`attempt ${attempt}`))
  );
}

Deno.test("an asynchronous invocation starts again after a crash while attempts remain", async (t) => {
  await using directory = await makeTempDir();
  const dataDir = directory.path;
  let [id, second, never] = ["", "", ""];
  await t.step("it runs, and the server is killed", async () => {
    await using server = await TestServer.start({ dataDir, flags: TWICE });
    const client = await server.client();
    id = await client.deploy(UP_TO);
    second = (await client.invoke(id, { last: 2 }, BACKGROUND)).body.invocationId;
    never = (await client.invoke(id, { last: 9 }, BACKGROUND)).body.invocationId;
    client.invoke(id, { last: 3 }).catch(() => "its connection breaks with the server");
    for (const each of [second, never]) await runs(client, id, each, 1);
    const { attempt, maxAttempts } = await client.invocation(id, never);
    assert.deepEqual([attempt, maxAttempts], [1, 2]);
    await eventually(async () => {
      const { list } = (await client.get(`/api/v1/functions/${id}/invocations`)).body;
      const all = list.length === 3 && list.every(({ attempt }: { attempt?: number }) => attempt);
      return all || undefined;
    });
    await server.stop("SIGKILL");
  });
  await t.step(
    "its second attempt succeeds, and an invocation with a caller has no second",
    async () => {
      await using server = await TestServer.start({ dataDir, flags: TWICE });
      const client = await server.client();
      const ended = await client.ended(id, second);
      const { head: commitId } = (await client.get(`/api/v1/functions/${id}`)).body.function;
      const { deadline, trace, ...context } = ended.output.context;
      assert.equal(trace.traceId, ended.traceId);
      assert.ok(deadline > ended.attempts[1].startedAt);
      assert.deepEqual(context, {
        invocationId: second,
        functionId: id,
        commitId,
        attempt: 2,
        trigger: { kind: "api" },
      });
      const [first, last] = ended.attempts;
      assert.match(first.error, /^INTERRUPTED: the server stopped while it ran/);
      assert.deepEqual([first.attempt, last.attempt, ended.attempts.length], [1, 2, 2]);
      assert.deepEqual([first.startedAt, last.endedAt], [ended.startedAt, ended.endedAt]);
      assert.ok(first.startedAt <= first.endedAt && first.endedAt <= last.startedAt);
      assert.deepEqual([ended.attempt, ended.maxAttempts], [2, 2]);
      assert.deepEqual(await messages(client, id, second), ["1 attempt 1", "2 attempt 2"]);
      const { body: { list: [waited] } } = await client.get(`/api/v1/functions/${id}/invocations`);
      assert.match(waited.error, /^INTERRUPTED: the server stopped while it ran/);
      assert.deepEqual([waited.attempt, waited.maxAttempts], [1, 1]);
      const { stdout } = await runInvoked(["show", id, second], {
        env: { INVOKED_DATA: dataDir },
      });
      assert.match(stdout, /^attempt +2 of 2$/m);
      await runs(client, id, never, 2);
      await server.stop("SIGKILL");
    },
  );
  const flags = [...TWICE, "--drain-timeout", "0"];
  let invocation = "";
  await t.step("after the last one it ends", async () => {
    await using server = await TestServer.start({ dataDir, flags });
    const client = await server.client();
    const { status, error, attempt } = await client.ended(id, never);
    assert.equal(status, `${PREFIX}ERROR`);
    assert.match(error, /^INTERRUPTED: the server stopped while it ran/);
    assert.equal(attempt, 2);
    invocation = (await client.invoke(id, { last: 2 }, BACKGROUND)).body.invocationId;
    await runs(client, id, invocation, 1);
    await server.stop("SIGTERM");
  });
  await t.step("a drain that takes too long leaves it to the next start, too", async () => {
    await using server = await TestServer.start({ dataDir, flags });
    const client = await server.client();
    assert.equal((await client.ended(id, invocation)).status, `${PREFIX}SUCCESS`);
  });
});
