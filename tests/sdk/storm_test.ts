/** Trees of invocations that grow without end, and servers that stop in the middle of a tree. */
import assert from "node:assert/strict";
import { ECHO, SLEEP } from "../invocations/functions.ts";
import { settings } from "../retries/support.ts";
import { eventually } from "../support/eventually.ts";
import { ok } from "../support/expect.ts";
import { TestServer } from "../support/server.ts";
import { childrenOf, deployWithSdk, outputOf } from "./support.ts";

const FLAGS = ["--max-running", "2", "--pool-size", "2"];

Deno.test("a function that calls itself without end", async (t) => {
  await using server = await TestServer.start({ flags: FLAGS });
  const client = await server.client();
  await t.step("ends with the invocation from outside, and takes everything with it", async () => {
    const bomb = await deployWithSdk(
      client,
      `const calls = Array.from({ length: 1000 }, () => settle(() => invoke(input.self, input)));
      for (;;) await Promise.all(calls);`,
      ["invoker"],
    );
    await settings(client, bomb, { timeout: "4s" });
    const { invocationId } = ok(await client.invoke(bomb, { self: bomb }));
    assert.match((await client.invocation(bomb, invocationId)).error, /^TIMEOUT: /);
    assert.ok((await childrenOf(client, invocationId)).length > 0);
    for (const status of ["PENDING", "RUNNING"]) {
      await eventually(async () => {
        const { list } = ok(
          await client.post("/api/v1/functions/-/invocations/search", {
            status: `FUNCTION_INVOCATION_STATUS_${status}`,
          }),
        );
        return list.length === 0 ? true : undefined;
      }, `no invocation that is ${status}`);
    }
    const echo = await client.deploy(ECHO);
    assert.deepEqual(await outputOf(client, echo, { after: true }), { after: true });
  });

  const sleep = await client.deploy(SLEEP);
  const body = `await invoke("${sleep}", { ms: 60_000 }); return {};`;
  const caller = await deployWithSdk(client, body, ["invoker"]);
  client.invoke(caller).catch(() => {});
  const child = await eventually(async () => {
    const { list } = ok(await client.get(`/api/v1/functions/${sleep}/invocations`));
    return list.find(({ status }: { status: string }) => status.endsWith("_RUNNING"));
  }, "the invocation of the caller");
  await server.stop("SIGKILL");
  const flags = ["--drain-timeout", "30s"];
  await using again = await TestServer.start({ dataDir: server.dataDir, flags });
  await t.step("after a crash both ends of an invocation are recorded as interrupted", async () => {
    const reader = await again.client();
    for (const [id, one] of [[sleep, child.id], [caller, child.parentInvocationId]] as const) {
      assert.match((await reader.invocation(id, one)).error, /^INTERRUPTED: /);
    }
  });
  await t.step("a stop lets running functions call what they need to finish", () => stops(again));
});

/** Stops the server while a function runs that calls others: these start until the function has what it needs. */
async function stops(server: TestServer): Promise<void> {
  const client = await server.client();
  const sleep = await client.deploy(SLEEP);
  const caller = await deployWithSdk(
    client,
    `await invoke("${sleep}", { ms: 5000 });
    return { second: (await invoke("${sleep}", { ms: 0 })).output !== undefined };`,
    ["invoker"],
  );
  const answer = client.invoke(caller);
  await eventually(async () => {
    const { list } = ok(await client.get(`/api/v1/functions/${sleep}/invocations`));
    return list[0]?.status.endsWith("_RUNNING") ? true : undefined;
  }, "the first of the invocations");
  server.signal("SIGTERM");
  const { json } = ok(await answer);
  assert.deepEqual(JSON.parse(atob(json)), { second: true });
  assert.equal((await server.status).code, 0);
}
