/** A server that cannot start processes for functions: invocations wait, and all heals without a restart. */
import assert from "node:assert/strict";
import { allow } from "../egress/support.ts";
import { scraped } from "../metrics/support.ts";
import { BreakableStarts, killZygotes } from "../support/breakable_starts.ts";
import type { Client, Json } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { assertError, ok } from "../support/expect.ts";
import { procfsTest } from "../support/machine.ts";
import { TestServer } from "../support/server.ts";
import { socketDirsOf } from "../support/socket_dirs.ts";
import { Barrier, BARRIER_FLAGS } from "../volumes/barrier.ts";

/** More than the pool has instances. */
const INVOCATIONS = 3;
const ASYNC = { prefer: "respond-async" };
const PREFIX = "FUNCTION_INVOCATION_STATUS_";
const ECHO = `export default ({ n }) => ({ n });`;
const FETCH = `export default async ({ url }) => ({ text: await (await fetch(url)).text() });`;
const REASON =
  "the server cannot start processes for functions: a file or program that they need is missing";
/** Invocations wait for as long as the test needs, on a busy machine, too. */
const PATIENT = ["--queue-timeout", "1h"];

async function readiness(client: Client, status: number): Promise<Json> {
  return await eventually(async () => {
    const answer = await client.get("/readyz");
    return answer.status === status ? answer.body : undefined;
  }, `status ${status} of /readyz`);
}

/** Calls a function many times, and counts the successful invocations. */
async function succeeded(client: Client, id: string, input: Json = {}): Promise<number> {
  const answers = await Promise.all(
    Array.from({ length: INVOCATIONS }, () => client.invoke(id, input)),
  );
  const status = (answer: Json) => answer.headers.get("invocation-status");
  return answers.filter((answer) => status(answer) === `${PREFIX}SUCCESS`).length;
}

async function startAsync(client: Client, id: string, input: Json): Promise<string> {
  return ok(await client.invoke(id, input, ASYNC)).invocationId;
}

procfsTest("invocations wait while no process for functions starts", async (t) => {
  await using starts = await BreakableStarts.make();
  const flags = [...PATIENT, "--metrics"];
  await using server = await TestServer.start({ env: { PATH: starts.path }, flags });
  const client = await server.client();
  const echo = await client.deploy(ECHO);
  const waiting: Promise<number>[] = [];
  const ids: string[] = [];

  await t.step("/readyz is 503 with the reason, and names no path", async () => {
    await starts.break("all");
    await killZygotes(server.pid);
    assert.deepEqual(await readiness(client, 503), {
      status: "not ready",
      reason: REASON,
      synchronous: { accepted: false, reason: REASON },
      asynchronous: { accepted: true },
    });
  });

  await t.step("invocations are queued", async () => {
    waiting.push(succeeded(client, echo));
    for (let n = 0; n < 3; n++) ids.push(await startAsync(client, echo, { n }));
    await eventually(async () => {
      const { slots } = ok(await client.get("/api/v1/status"));
      return slots.queued === INVOCATIONS + ids.length || undefined;
    }, "the invocations in the queue");
    for (const id of ids) {
      assert.equal((await client.invocation(echo, id)).status, `${PREFIX}PENDING`);
    }
  });

  await t.step("they run once processes start, though no zygote does", async () => {
    await starts.break("zygotes");
    assert.deepEqual(await Promise.all(waiting), [INVOCATIONS]);
    for (const id of ids) {
      assert.equal((await client.ended(echo, id)).status, `${PREFIX}SUCCESS`);
    }
    assert.equal(ok(await client.get("/api/v1/status")).root, undefined);
    assert.equal((await readiness(client, 200)).status, "ready");
    assert.equal(await succeeded(client, echo), INVOCATIONS);
    await scraped(
      client,
      (page) => page.sum("invoked_forks_total", { invoked_state: "failed" }) > 0,
      "failed starts of the zygote",
    );
  });

  await t.step("invocations are forked again once a zygote starts", async () => {
    await starts.break("nothing");
    await eventually(async () => ok(await client.get("/api/v1/status")).root, "a zygote");
    assert.equal(await succeeded(client, echo), INVOCATIONS);
  });
});

procfsTest("an invocation ends with its wait for a process", async () => {
  await using starts = await BreakableStarts.make();
  const flags = ["--queue-timeout", "1s"];
  await using server = await TestServer.start({ env: { PATH: starts.path }, flags });
  const client = await server.client();
  const echo = await client.deploy(ECHO);
  await starts.break("all");
  await killZygotes(server.pid);
  await readiness(client, 503);
  assertError(
    await client.invoke(echo, { n: 1 }),
    "QUEUE_TIMEOUT",
    /\(--queue-timeout\); none of its code ran$/,
  );
  await starts.break("nothing");
  await readiness(client, 200);
  // On a busy machine an invocation may wait for longer than that.
  await eventually(async () => (await client.invoke(echo, { n: 1 })).status === 200 || undefined);
});

procfsTest("the directory of egress sockets is made again", async (t) => {
  const barrier = new Barrier();
  const flags = [...BARRIER_FLAGS, ...PATIENT, "--max-attempts", "2", "--cpu-time", "1s"];
  await using server = await TestServer.start({ flags });
  const client = await server.client();
  const functionId = await client.deploy(FETCH);
  await allow(client, functionId, [barrier.host]);
  const url = barrier.next();
  barrier.open(url);
  assert.equal(await succeeded(client, functionId, { url }), INVOCATIONS);
  const [directory = ""] = await socketDirsOf(server.dataDir);

  await t.step("invocations after its removal have a network", async () => {
    await Deno.remove(directory, { recursive: true });
    assert.equal(await succeeded(client, functionId, { url }), INVOCATIONS);
    assert.deepEqual(await socketDirsOf(server.dataDir), [directory]);
    assert.equal((await readiness(client, 200)).status, "ready");
  });

  await t.step("without invocations as well", async () => {
    await Deno.remove(directory, { recursive: true });
    await eventually(async () => (await socketDirsOf(server.dataDir)).length || undefined);
    assert.equal(await succeeded(client, functionId, { url }), INVOCATIONS);
  });

  await t.step("and so is that of the compiler", async () => {
    const [ofCompiler = ""] = await socketDirsOf(server.dataDir, "compiler");
    await Deno.remove(ofCompiler, { recursive: true });
    const built = await client.deploy(ECHO);
    assert.equal(await succeeded(client, built), INVOCATIONS);
    assert.deepEqual(await socketDirsOf(server.dataDir, "compiler"), [ofCompiler]);
  });

  await t.step("invocations wait while it cannot be made", async () => {
    await eventually(async () => {
      await Deno.remove(directory, { recursive: true });
      // The server may make the directory again before.
      return await Deno.writeTextFile(directory, "in the way", { createNew: true })
        .then(() => true, () => undefined);
    }, "a file instead of the directory");
    const waiting = succeeded(client, functionId, { url });
    const { reason } = await readiness(client, 503);
    assert.match(reason, /^the server cannot start processes for functions: /);
    await Deno.remove(directory);
    assert.equal(await waiting, INVOCATIONS);
    await readiness(client, 200);
    await eventually(async () => ok(await client.get("/api/v1/status")).root, "a zygote");
    assert.equal(await succeeded(client, functionId, { url }), INVOCATIONS);
  });

  await t.step(
    "an invocation whose zygote is killed is interrupted, and repeated",
    () => interrupts(server, barrier, functionId),
  );
});

async function interrupts(server: TestServer, barrier: Barrier, functionId: string) {
  const client = await server.client();
  const [waited, repeated] = [barrier.next(), barrier.next()];
  const answer = client.invoke(functionId, { url: waited });
  const id = await startAsync(client, functionId, { url: repeated });
  await Promise.all([barrier.arrived(waited), barrier.arrived(repeated)]);
  // Longer than a process could have lived within its limit of processor time.
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  await killZygotes(server.pid);
  const { invocationId } = ok(await answer);
  const { error } = await client.invocation(functionId, invocationId);
  const message = "the zygote of all instances ended while it ran; part of its code may have run";
  assert.equal(error, `INTERRUPTED: ${message}`);
  barrier.open(repeated);
  const { status, output } = await client.ended(functionId, id);
  assert.deepEqual({ status, output }, { status: `${PREFIX}SUCCESS`, output: { text: "open" } });
}
