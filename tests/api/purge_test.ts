/** Purges of invocations and of files of commits, on the wire and on the disk. */
import assert from "node:assert/strict";
import { type Answer, type Client, encode, type Files, type Json } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { assertError, assertInvalid, KSUID, MAIN, ok, RFC3339_UTC } from "../support/expect.ts";
import { serverSuite } from "../support/suite.ts";

const ECHO = `export default (input) => {
  console.log("logged", input.text);
  return input;
};`;
const WAIT = "export default () => new Promise(() => setTimeout(() => {}, 60_000));";
/** After every id of now. */
const LATER_ID = "z".repeat(27);

/** The next millisecond: what ended in this one did not end before it, and a purge keeps what ends at its time. */
function now(): string {
  const started = Date.now();
  while (Date.now() === started);
  return new Date().toISOString();
}

function purge(client: Client, functionId: string, body: unknown) {
  return client.post(`/api/v1/functions/${functionId}/purge`, body);
}

async function purges(client: Client, functionId: string): Promise<Json[]> {
  return ok(await client.get(`/api/v1/functions/${functionId}/purges`)).list;
}

async function invoke(client: Client, id: string, text: string): Promise<string> {
  return ok(await client.invoke(id, { text })).invocationId;
}

async function searched(client: Client, id: string, query: string): Promise<string[]> {
  const { list } = ok(
    await client.post(`/api/v1/functions/${id}/invocations/search`, { query }),
  );
  return list.map((each: Json) => each.id);
}

/** Files below the directory that contain the text. */
async function filesWith(directory: string, text: string): Promise<string[]> {
  const { stdout } = await new Deno.Command("grep", {
    args: ["-R", "--files-with-matches", "--text", "--fixed-strings", text, directory],
  }).output();
  return new TextDecoder().decode(stdout).split("\n").filter((path) => path !== "");
}

/** A function whose first commits have these files; answers the commits, oldest first. */
async function withCommits(client: Client, ...commits: Files[]) {
  const { function: { id } } = await client.createFunction("purged");
  const commitIds: string[] = [];
  for (const files of commits) commitIds.push(ok(await client.commit(id, files)).commit.id);
  return { id, commitIds };
}

function assertInUse(answer: Answer<Json>, message: RegExp): void {
  assertError(answer, "COMMIT_IN_USE", message);
}

// Files first: a purge in all functions is in the history of each of them.
serverSuite("purges", { flags: ["--max-running-per-function", "1"] }, {
  "leave no trace of the content on the disk": async ({ server, client }) => {
    const secret = crypto.randomUUID();
    const leaking = {
      "main.ts": 'import { token } from "./token.ts";\nexport default () => ({ token });\n',
      "token.ts": `export const token = "${secret}";\n`,
      "main.test.ts": 'import { test } from "@c1/test";\ntest("it", ({ ok }) => ok(true));\n' +
        'export { token } from "./token.ts";\n',
    };
    const { id, commitIds: [commitId = ""] } = await withCommits(client, leaking);
    ok(await client.post(`/api/v1/functions/${id}/test`, { commitId }));
    assert.ok((await filesWith(server.dataDir, secret)).length >= 2, "the file and its bundle");

    const dryRun = ok(await purge(client, id, { commitId, path: "token.ts", dryRun: true }));
    assert.deepEqual([dryRun.files, dryRun.commitIds, dryRun.remaining], [1, [commitId], []]);
    assert.equal(dryRun.bytes, String(leaking["token.ts"].length));
    const answer = ok(await purge(client, id, { commitId, path: "token.ts" }));
    assert.deepEqual(answer, dryRun);
    assert.deepEqual(await filesWith(server.dataDir, secret), []);
    assert.equal(ok(await purge(client, id, { commitId, path: "token.ts" })).files, 0, "a repeat");
    const [record, ...others] = await purges(client, id);
    assert.deepEqual(others, []);
    assert.deepEqual(
      [record.purgedBy, record.commitId, record.path, record.files],
      ["Administrator", commitId, "token.ts", 1],
    );
  },

  "end every use of the commit, and show who and when": async ({ client }) => {
    const { id, commitIds: [old = "", commitId = ""] } = await withCommits(
      client,
      { "main.ts": MAIN },
      { "main.ts": `${MAIN}// two\n`, "main.test.ts": "", "notes.txt": "kept" },
    );
    ok(await client.post(`/api/v1/functions/${id}/tags`, { commitId, name: "v2" }));
    ok(await purge(client, id, { commitId, path: "main.ts" }));
    const commit = `/api/v1/functions/${id}/commits`;
    const uses = [
      await client.invoke(id, {}, {}, { commitId }),
      await client.invoke(id, {}, {}, { commitId: "HEAD" }),
      await client.post(`/api/v1/functions/${id}/test`, { commitId: "refs/tags/v2" }),
      await client.publish(id, commitId),
      await client.post(`/api/v1/functions/${id}/tags`, { commitId, name: "v3" }),
      await client.get(`${commit}/${commitId}`),
      await client.get(`${commit}/HEAD/lockfile`),
    ];
    for (const use of uses) {
      assertError(use, "PURGED", /Administrator purged files of the commit at 20/);
    }
    const rest = ok(await client.get(`${commit}/${commitId}?show_purged=true`));
    assert.deepEqual(rest.files, encode({ "main.test.ts": "", "notes.txt": "kept" }));
    assert.deepEqual(rest.purgedPaths, ["main.ts"]);
    const { list: [newest, oldest] } = ok(await client.get(commit));
    assert.deepEqual([newest.id, newest.purgedBy], [commitId, "Administrator"]);
    assert.match(newest.purgedAt, RFC3339_UTC);
    assert.equal(oldest.purgedAt, undefined);
    ok(await client.invoke(id, {}, {}, { commitId: old }));
  },

  "find every commit with the content, and say where it remains": async ({ client }) => {
    const key = { ".env": "KEY=1\n" };
    const { id, commitIds: [first = "", second = "", third = ""] } = await withCommits(
      client,
      { "main.ts": MAIN, ...key },
      { "main.ts": MAIN, "old.env": key[".env"], ".env": "KEY=2\n" },
      { "main.ts": MAIN },
    );
    const other = await withCommits(client, { "main.ts": MAIN, ...key });
    const one = ok(await purge(client, id, { commitId: first, path: ".env", dryRun: true }));
    assert.deepEqual(
      one.remaining.map((each: Json) => [each.commitId, each.path]),
      [[other.commitIds[0], ".env"], [second, "old.env"]],
    );
    ok(await client.publish(id, third));
    const all = ok(await purge(client, id, { path: ".env" }));
    assert.deepEqual([all.files, all.commitIds], [3, [second, first]]);
    assert.deepEqual(all.remaining, [
      { functionId: other.id, commitId: other.commitIds[0], path: ".env" },
    ]);
    const kept = ok(
      await client.get(`/api/v1/functions/${other.id}/commits/${other.commitIds[0]}`),
    );
    assert.deepEqual(kept.files[".env"], encode(key)[".env"]);
    // main.ts and its bundle are those of the purged commits, too.
    ok(await client.invoke(id));
    ok(await client.invoke(other.id, {}, {}, { commitId: "HEAD" }));
  },

  "are rejected while invocations may run the commit": async ({ client }) => {
    const { id, commitIds: [old = "", commitId = ""] } = await withCommits(
      client,
      { "main.ts": WAIT },
      { "main.ts": MAIN },
    );
    ok(await client.publish(id, old));
    for (const dryRun of [true, false]) {
      const answer = await purge(client, id, { path: "main.ts", dryRun });
      assertInUse(answer, /is published: publish another/);
    }
    const { invocationId } = ok(await client.invoke(id, {}, { prefer: "respond-async" }));
    ok(await client.publish(id, commitId));
    assertInUse(await purge(client, id, { commitId: old }), new RegExp(invocationId));
    ok(await client.post(`/api/v1/functions/${id}/invocations/${invocationId}/cancel`));
    assert.equal(ok(await purge(client, id, { commitId: old })).files, 1);
    assert.match((await client.invocation(id, invocationId)).error, /^CANCELLED:/);
    ok(await client.call("DELETE", `/api/v1/functions/${id}`, {}));
    assert.equal(ok(await purge(client, id, { commitId })).files, 1, "of a deleted function");
  },

  "take an upload out of an open commit": async ({ server, client }) => {
    const secret = crypto.randomUUID();
    const { function: { id } } = await client.createFunction("open");
    const failed = await client.commit(id, { "main.ts": "syntax error", "key.txt": secret });
    assertError(failed, "BUILD_FAILED");
    const { commitIds: [commitId] } = ok(await purge(client, id, { path: "key.txt" }));
    assert.deepEqual(await filesWith(server.dataDir, secret), []);
    assertError(
      await client.post(`/api/v1/functions/${id}/commits/${commitId}/finalize`, {}),
      "PURGED",
    );
  },

  "erase input, output, log and what searches find, as the dry run said": async ({ client }) => {
    const id = await client.deploy(ECHO);
    const first = await invoke(client, id, "needle in the input");
    await invoke(client, id, "another needle");
    assert.equal((await searched(client, id, "needle")).length, 2);
    const size = ok(await purge(client, id, { before: now(), dryRun: true }));
    assert.deepEqual([size.invocations, size.files, size.remaining], [2, 0, []]);
    // Each text is in input, output and log.
    assert.ok(Number(size.bytes) > 3 * "needle in the input another needle".length, size.bytes);
    assert.equal((await client.invocation(id, first)).input.text, "needle in the input");
    assert.deepEqual(await purges(client, id), [], "a dry run is no purge");

    assert.deepEqual(ok(await purge(client, id, { before: now() })), size);
    const path = `/api/v1/functions/${id}/invocations`;
    for (const gone of [`${path}/${first}`, `${path}/${first}/logs`]) {
      assertError(await client.get(gone), "PURGED");
    }
    assert.deepEqual(ok(await client.get(path)).list, []);
    assert.deepEqual(await searched(client, id, "needle"), []);
    assertError(await client.get(`${path}/${LATER_ID}`), "INVOCATION_NOT_FOUND");
    assertError(await client.get(`${path}/nope`), "INVOCATION_NOT_FOUND");

    const [purged, ...others] = await purges(client, id);
    assert.deepEqual(others, []);
    assert.match(purged.id, KSUID);
    for (const time of [purged.purgedAt, purged.finishedAt, purged.before]) {
      assert.match(time, RFC3339_UTC);
    }
    assert.deepEqual(
      [purged.purgedBy, purged.invocations, purged.files, purged.bytes],
      ["Administrator", 2, 0, size.bytes],
    );
  },

  "leave what has not ended, what ended later, and other functions": async ({ client }) => {
    const id = await client.deploy(WAIT);
    const other = await client.deploy(ECHO);
    const kept = await invoke(client, other, "of another function");
    const asynchronous = { prefer: "respond-async" };
    const running = ok(await client.invoke(id, {}, asynchronous)).invocationId;
    const queued = ok(await client.invoke(id, {}, asynchronous)).invocationId;
    await eventually(async () =>
      (await client.invocation(id, running)).status.endsWith("RUNNING") || undefined
    );
    assert.equal(ok(await purge(client, id, { before: now() })).invocations, 0);
    assert.match((await client.invocation(id, queued)).status, /_PENDING$/);
    const before = now();
    for (const each of [running, queued]) {
      ok(await client.post(`/api/v1/functions/${id}/invocations/${each}/cancel`));
    }
    assert.equal(ok(await purge(client, id, { before })).invocations, 0, "they ended later");
    assert.equal(ok(await purge(client, id, { before: now() })).invocations, 2);
    assert.equal(
      (await client.invocation(other, kept)).status,
      "FUNCTION_INVOCATION_STATUS_SUCCESS",
    );
  },

  "of all functions are in the history of each": async ({ client }) => {
    const [one, two] = [await client.deploy(ECHO), await client.deploy(ECHO)];
    for (const id of [one, two]) await invoke(client, id, "of all");
    const { invocations } = ok(await purge(client, "-", { before: now() }));
    assert.ok(invocations >= 2, String(invocations));
    for (const id of [one, two]) {
      const [purged] = await purges(client, id);
      assert.deepEqual([purged.allFunctions, purged.invocations], [true, invocations]);
      assert.deepEqual(ok(await client.get(`/api/v1/functions/${id}/invocations`)).list, []);
    }
  },

  "do not let an invocation run again under its idempotency key": async ({ client }) => {
    const id = await client.deploy(ECHO);
    const headers = { "idempotency-key": "once" };
    ok(await client.invoke(id, { text: "once" }, headers));
    assert.equal(ok(await purge(client, id, { before: now() })).invocations, 1);
    assertError(await client.invoke(id, { text: "once" }, headers), "PURGED");
    ok(await client.invoke(id, { text: "once" }, { "idempotency-key": "twice" }));
  },

  "need to say what to purge": async ({ client }) => {
    const { id, commitIds: [commitId] } = await withCommits(client, { "main.ts": MAIN });
    const rejected: readonly [body: Json, field: string, of?: string][] = [
      [{}, "before"],
      [{ dryRun: true }, "before"],
      [{ before: "yesterday" }, "before"],
      [{ before: now(), commitId }, "before"],
      [{ before: now(), path: "main.ts" }, "before"],
      [{ before: now(), dryRun: "no" }, "dryRun"],
      [{ path: "nope.ts" }, "path"],
      [{ commitId, path: "nope.ts" }, "path"],
      [{ commitId }, "commitId", "-"],
      [{ path: "main.ts" }, "path", "-"],
    ];
    for (const [body, field, of = id] of rejected) {
      assertInvalid(await purge(client, of, body), field);
    }
    assertError(await purge(client, id, { commitId: LATER_ID }), "COMMIT_NOT_FOUND");
    assertError(await purge(client, "nope", { before: now() }), "FUNCTION_NOT_FOUND");
  },
});
