/** Invocations that are cancelled: by a command, and by Ctrl-C on the command that waits for them. */
import assert from "node:assert/strict";
import type { Client, Json } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { runInvoked } from "../support/invoked.ts";
import { TestServer } from "../support/server.ts";
import { sharedServer } from "../support/shared_server.ts";
import { ECHO, HANG } from "../invocations/functions.ts";
import { settings } from "../retries/support.ts";
import { assertFails, Running } from "./support.ts";

const INTERRUPTED = 130;
const STATUS = "FUNCTION_INVOCATION_STATUS_";

/** The invocations of a function, newest first. */
async function invocationsOf(client: Client, id: string): Promise<Json[]> {
  return (await client.get(`/api/v1/functions/${id}/invocations`)).body.list;
}

/** The newest invocation, once it runs. */
async function runningOf(client: Client, id: string): Promise<Json> {
  return await eventually(async () => {
    const [newest] = await invocationsOf(client, id);
    return newest?.status === `${STATUS}RUNNING` ? newest : undefined;
  }, "the start of an invocation");
}

Deno.test("invoke cancels its invocation on Ctrl-C, and leaves it with --detach", async (t) => {
  // Invocations run until they are cancelled, however late that is.
  await using server = await TestServer.start({ flags: ["--invocation-timeout", "10m"] });
  const client = await server.client();
  const env = { INVOKED_DATA: server.dataDir };
  for (const flags of [[], ["--logs"], ["--json"], ["--idempotency-key", "mine"]]) {
    await t.step(`with ${flags.join(" ") || "no flag"}`, async () => {
      const id = await client.deploy(HANG);
      await using running = new Running(["invoke", id, ...flags], env);
      const { id: invocationId } = await runningOf(client, id);
      if (flags.includes("--logs")) await running.printed("stderr", /up/);
      assert.equal(await running.stop("SIGINT"), INTERRUPTED);
      const [{ status, error }] = await invocationsOf(client, id);
      assert.deepEqual([status, error], [
        `${STATUS}ERROR`,
        "CANCELLED: the invocation was cancelled",
      ]);
      assert.match(
        running.stderr,
        new RegExp(
          `^Cancelling the invocation; Ctrl-C again leaves it running\nerror: Invocation ${invocationId} of .+ was cancelled\n$`,
          "m",
        ),
      );
      if (!flags.includes("--json")) return assert.equal(running.stdout, "");
      assert.deepEqual(JSON.parse(running.stdout), { invocationId, status: "ERROR", error });
    });
  }
  await t.step("a second Ctrl-C leaves at once", async () => {
    const id = await client.deploy(HANG);
    await using running = new Running(["invoke", id], env);
    const { id: invocationId } = await runningOf(client, id);
    // It does not answer, so the cancelling does not end.
    server.signal("SIGSTOP");
    Deno.kill(running.pid, "SIGINT");
    await running.printed("stderr", /Cancelling/);
    assert.equal(await running.stop("SIGINT"), INTERRUPTED);
    server.signal("SIGCONT");
    const { status } = await runningOf(client, id);
    assert.equal(status, `${STATUS}RUNNING`);
    await client.post(`/api/v1/functions/${id}/invocations/${invocationId}/cancel`, {});
  });
  await t.step("--detach prints the id and leaves the invocation to the server", async () => {
    const id = await client.deploy(HANG);
    const { code, stdout } = await runInvoked(["invoke", id, "--detach"], { env });
    assert.equal(code, 0);
    const { id: invocationId } = await runningOf(client, id);
    assert.equal(stdout, `${invocationId}\n`);
    await client.post(`/api/v1/functions/${id}/invocations/${invocationId}/cancel`, {});
  });
});

Deno.test("cancel kills invocations by id, by the start of an id, or all of a function", async (t) => {
  const server = await sharedServer();
  const client = await server.client();
  const hanging = await client.deploy(HANG);
  const run = (...args: string[]) =>
    runInvoked(["cancel", ...args], { env: { INVOKED_DATA: server.dataDir } });
  const start = async () =>
    (await client.invoke(hanging, {}, { prefer: "respond-async" })).body.invocationId as string;

  await t.step("by id", async () => {
    const [first, second] = [await start(), await start()];
    const { code, stdout } = await run(first, second.slice(0, 24));
    assert.equal(code, 0);
    assert.deepEqual(
      stdout.trimEnd().split("\n").sort(),
      [`Cancelled ${first}`, `Cancelled ${second}`],
    );
    const shown = [first, second].map(async (id) =>
      (await client.get(`/api/v1/functions/${hanging}/invocations/${id}`)).body.invocation.error
    );
    for (const error of await Promise.all(shown)) assert.match(error, /^CANCELLED:/);
    assertFails(
      await run(first),
      1,
      new RegExp(`Invocation ${first} has already ended with status ERROR`),
      new RegExp(`invoked show ${hanging} ${first}`),
    );
  });
  await t.step("none, if one has ended or is unknown", async () => {
    const id = await start();
    const { body: { invocationId: ended } } = await client.invoke(await client.deploy(ECHO), {});
    assertFails(await run(id, ended), 1, /has already ended with status SUCCESS/);
    assertFails(
      await run(id, "zzzzzz"),
      1,
      /Invocation zzzzzz not found in the history of all functions/,
    );
    assertFails(await run("hello"), 2, /"hello" is not the id of an invocation/);
    const { invocation } =
      (await client.get(`/api/v1/functions/${hanging}/invocations/${id}`)).body;
    assert.match(invocation.status, /PENDING|RUNNING/);
    await client.post(`/api/v1/functions/${hanging}/invocations/${id}/cancel`, {});
  });
  await t.step("all of a function", async () => {
    const ids = [await start(), await start(), await start()];
    assertFails(await run("--function", hanging), 2, /No answer to "Cancel 3 invocations/, /--yes/);
    const { code, stdout } = await run("--function", hanging, "--yes", "--json");
    assert.equal(code, 0);
    const ended: Json[] = JSON.parse(stdout);
    assert.equal(ended.length, 3);
    for (const id of ids) assert.ok(ended.some((one) => one.id === id));
    for (const { status, error } of ended) {
      assert.equal(status, "ERROR");
      assert.match(error, /^CANCELLED:/);
    }
    const again = await run("--function", hanging);
    assert.deepEqual([again.code, again.stdout], [0, ""]);
    assert.match(again.stderr, /has no invocation that runs or waits/);
  });
  await t.step("an invocation that starts meanwhile counts once", async () => {
    const id = await client.deploy(HANG);
    await settings(client, id, { maxConcurrency: 1 });
    const begin = async () =>
      (await client.invoke(id, {}, { prefer: "respond-async" })).body.invocationId as string;
    const [first, second] = [await begin(), await begin()];
    let searches = 0;
    await using between = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      async (request) => {
        const { pathname } = new URL(request.url);
        // The command has the waiting invocations by then, and asks for the running ones.
        if (pathname.endsWith("/search") && ++searches === 2) {
          await client.post(`/api/v1/functions/${id}/invocations/${first}/cancel`, {});
          assert.equal((await runningOf(client, id)).id, second);
        }
        return await fetch(request.url.replace(new URL(request.url).origin, server.url), request);
      },
    );
    const { clientId, clientSecret } = await server.credentials();
    const { code, stdout, stderr } = await runInvoked(
      ["cancel", "--function", id, "--yes"],
      {
        env: {
          INVOKED_SERVER_URL: `http://127.0.0.1:${between.addr.port}`,
          INVOKED_CLIENT_ID: clientId,
          INVOKED_CLIENT_SECRET: clientSecret,
        },
      },
    );
    assert.deepEqual([code, stdout, searches], [0, `Cancelled ${second}\n`, 2], stderr);
  });
  await t.step("not without an invocation or a function", async () => {
    assertFails(await run(), 2, /Nothing was cancelled: no invocation is given/, /--function/);
    assertFails(
      await run("x", "--function", "y"),
      2,
      /Nothing was cancelled: --function takes no ids/,
    );
  });
});
