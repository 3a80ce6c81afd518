/** Logs with their outcome, live, and across a restart of the server. */
import assert from "node:assert/strict";
import { eventually } from "../support/eventually.ts";
import { makeTempDir, runInvoked } from "../support/invoked.ts";
import { freePort } from "../../deploy/local_cluster/network.ts";
import { TestServer } from "../support/server.ts";
import { sharedServer } from "../support/shared_server.ts";
import { HANG } from "../invocations/functions.ts";
import { Running } from "./support.ts";

const MAIN = `export default ({ fail, say }: { fail?: string; say?: string }) => {
  if (say) console.log(say);
  if (fail) throw new Error(fail);
  return {};
};
`;

Deno.test("logs ends with the outcome", async (t) => {
  const server = await sharedServer();
  const client = await server.client();
  const id = await client.deploy(MAIN);
  const env = { INVOKED_DATA: server.dataDir };
  const logs = async (...args: string[]) =>
    (await runInvoked(["logs", id, ...args], { env })).stdout;

  await t.step("of a success", async () => {
    await client.invoke(id, { say: "hello" });
    assert.match(
      await logs(),
      /^\S+Z info {2}hello\n\d{4}-\S+Z info {2}\[outcome\] SUCCESS in [\d,]+ ms\n$/,
    );
  });
  await t.step("of a failure without a line, also as JSON and followed", async () => {
    const { body: { invocationId } } = await client.invoke(id, { fail: "no luck" });
    const expected =
      /^\S+Z error \[outcome\] ERROR in [\d,]+ ms: UNCAUGHT: Error: no luck\n {8}at /;
    assert.match(await logs(), expected);
    assert.match(await logs(invocationId, "--follow"), expected);
    const { status, error, source, level } = JSON.parse(await logs("--json"));
    assert.deepEqual([status, source, level], ["ERROR", "outcome", "error"]);
    assert.match(error, /^UNCAUGHT: Error: no luck\n/);
  });
  await t.step("of every invocation since a time, or only its lines of that time", async () => {
    const { body: { invocationId } } = await client.invoke(id, { say: "newest" });
    const lines = (await logs("--since", "1h")).trimEnd().split("\n");
    assert.match(lines[0] ?? "", /^\S{27} \S+Z info {2}hello$/);
    assert.match(lines.at(-2) ?? "", new RegExp(`^${invocationId} \\S+Z info {2}newest$`));
    assert.match(lines.at(-1) ?? "", new RegExp(`^${invocationId} .*SUCCESS`));
    assert.equal(await logs("--until", "1h"), "");
    assert.equal(await logs(invocationId, "--until", "1h"), "");
    assert.match(await logs(invocationId, "--since", "1h"), /newest\n.*SUCCESS/);
    assert.equal(await logs(invocationId, "--follow", "--since", "2100-01-01"), "");
    await using follower = new Running(["logs", id, "--follow", "--since", "1h"], env);
    await follower.printed("stdout", /info {2}hello\n[^]*info {2}newest\n[^]*SUCCESS/);
    await client.invoke(id, { say: "later" });
    await follower.printed("stdout", /info {2}later\n/);
    assert.equal(follower.stdout.match(/info {2}newest/g)?.length, 1);
    assert.equal(await follower.stop("SIGINT"), 0);
  });
  await t.step("of none before the end", async () => {
    const hanging = await client.deploy(HANG);
    const { body: { invocationId } } = await client.invoke(hanging, {}, {
      prefer: "respond-async",
    });
    const run = await runInvoked(["logs", hanging], { env });
    assert.doesNotMatch(run.stdout, /outcome/);
    assert.match(run.stderr, /It is (?:PENDING|RUNNING); follow it with --follow/);
    await client.post(`/api/v1/functions/${hanging}/invocations/${invocationId}/cancel`, {});
  });
});

Deno.test("invoke --logs prints lines while the function runs", async () => {
  const server = await sharedServer();
  const client = await server.client();
  const id = await client.deploy(
    `export default async () => { console.log("begun"); await new Promise(() => setTimeout(() => {}, 1e8)); };`,
  );
  await using running = new Running(["invoke", id, "--logs"], { INVOKED_DATA: server.dataDir });
  await running.printed("stderr", /info {2}begun/);
  const { body: { list: [{ id: invocationId, status }] } } = await client.get(
    `/api/v1/functions/${id}/invocations`,
  );
  assert.equal(status, "FUNCTION_INVOCATION_STATUS_RUNNING");
  await client.post(`/api/v1/functions/${id}/invocations/${invocationId}/cancel`, {});
  assert.equal(await running.ended(), 3);
  assert.match(running.stderr, /CANCELLED:/);
});

Deno.test("invoke --logs and --detach exclude each other", async () => {
  const { code, stderr } = await runInvoked(["invoke", "x", "--logs", "--detach"]);
  assert.equal(code, 2);
  assert.match(stderr, /'--logs' cannot be used with option '--detach'/);
});

Deno.test("logs --follow prints every invocation, failing ones too, and goes on after a restart", async () => {
  await using directory = await makeTempDir();
  const dataDir = directory.path;
  const flags = ["--port", String(freePort())];
  let id = "";
  await using follower = await (async () => {
    await using server = await TestServer.start({ dataDir, flags });
    const client = await server.client();
    id = await client.deploy(MAIN);
    const follower = new Running(["logs", id, "--follow"], { INVOKED_DATA: dataDir });
    // The command follows the invocations after its first look.
    await follower.printed("stderr", /Waiting for invocations/);
    await eventually(async () => {
      await client.invoke(id, { fail: "no luck" });
      return /outcome/.test(follower.stdout) || undefined;
    }, "the outcome of an invocation");
    await follower.printed(
      "stdout",
      /^\S{27} \S+Z error \[outcome\] ERROR in [\d,]+ ms: UNCAUGHT: /,
    );
    // Its log is being followed when the server dies.
    const hanging = MAIN.replace(
      "return {}",
      `if (say) await new Promise(() => setTimeout(() => {}, 1e8)); return {}`,
    )
      .replace("export default (", "export default async (");
    const { body: { commit } } = await client.commit(id, { "main.ts": hanging });
    await client.invoke(id, { say: "hanging" }, { prefer: "respond-async" }, {
      commitId: commit.id,
    });
    await follower.printed("stdout", /info {2}hanging/);
    await server.stop("SIGKILL");
    await follower.printed("stderr", /The server at .* is not reachable: .*; trying again/);
    return follower;
  })();
  await using server = await TestServer.start({ dataDir, flags });
  await follower.printed("stderr", /Connected again/);
  await follower.printed("stdout", /\[outcome\] ERROR in [\d,]+ ms: INTERRUPTED: /);
  await (await server.client()).invoke(id, { say: "after the restart" });
  await follower.printed(
    "stdout",
    /info {2}after the restart\n\S{27} \S+Z info {2}\[outcome\] SUCCESS/,
  );
  assert.equal(follower.stdout.match(/info {2}hanging/g)?.length, 1);
  assert.equal(await follower.stop("SIGINT"), 0);
});
