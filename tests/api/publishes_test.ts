/** The history of publishes, on the wire. */
import assert from "node:assert/strict";
import type { Client, Json } from "../support/client.ts";
import { assertError, KSUID, MAIN, ok, RFC3339_UTC } from "../support/expect.ts";
import { sharedSuite } from "../support/suite.ts";

function rollBack(client: Client, id: string, body: Json = {}, headers = {}) {
  return client.post(`/api/v1/functions/${id}/rollback`, body, headers);
}

/** Rolls back; answers the commit that is published then. */
async function rolledBack(client: Client, id: string, body: Json = {}): Promise<string> {
  return ok(await rollBack(client, id, body)).function.publishedCommitId;
}

async function publishes(client: Client, id: string, query = ""): Promise<Json> {
  return ok(await client.get(`/api/v1/functions/${id}/publishes${query}`));
}

/** A function with commits of these messages; answers the ids of the commits. */
async function withCommits(client: Client, ...messages: string[]) {
  const { function: { id } } = await client.createFunction("published");
  const commits: string[] = [];
  for (const message of messages) {
    commits.push(ok(await client.commit(id, { "main.ts": MAIN }, message)).commit.id);
  }
  return { id, commits } as const;
}

sharedSuite("publishes", {
  "a function that was never published has none": async ({ client }) => {
    const { id } = await withCommits(client, "One");
    assert.deepEqual(await publishes(client, id), { list: [], nextPageToken: "" });
    assertError(await client.get("/api/v1/functions/nope/publishes"), "FUNCTION_NOT_FOUND");
  },

  "each names its commit, the one before, the time, the principal and the message": async (
    { client },
  ) => {
    const { id, commits: [first = "", , third = ""] } = await withCommits(client, "A", "B", "C");
    ok(await client.publish(id, first));
    ok(await client.publish(id, "HEAD"));
    ok(await client.publish(id, first));
    const { list } = await publishes(client, id);
    assert.deepEqual(
      list.map((entry: Json) => [entry.commitId, entry.previousCommitId, entry.message]),
      [[first, third, "A"], [third, first, "C"], [first, undefined, "A"]],
    );
    for (const entry of list) {
      assert.match(entry.id, KSUID);
      assert.match(entry.publishedAt, RFC3339_UTC);
      assert.equal(entry.publishedBy, "Administrator");
    }
  },

  "each roll-back goes one publish further back": async ({ client }) => {
    const { id, commits: [a = "", b = "", c = "", d = ""] } = await withCommits(
      client,
      ...["A", "B", "C", "D"],
    );
    assertError(await rollBack(client, id), "NO_EARLIER_PUBLISH", /no commit was ever published$/);
    for (const commit of [a, b, c]) ok(await client.publish(id, commit));
    assert.equal(await rolledBack(client, id), b);
    assert.equal(await rolledBack(client, id), a);
    assertError(
      await rollBack(client, id),
      "NO_EARLIER_PUBLISH",
      /no other commit was published before$/,
    );
    // A publish after a roll-back follows the publish that the roll-back went back to.
    ok(await client.publish(id, c));
    assert.equal(await rolledBack(client, id), a);
    ok(await client.publish(id, b));
    ok(await client.publish(id, c));
    ok(await client.publish(id, d));
    assert.equal(await rolledBack(client, id), c);
    ok(await client.publish(id, d));
    assert.equal(await rolledBack(client, id), c);
    assert.equal(await rolledBack(client, id), b);
    assert.equal(await rolledBack(client, id), a);
    const { list } = await publishes(client, id);
    const restored = list.find(({ id }: Json) => id === list[0].restoredPublishId);
    assert.deepEqual([restored.commitId, restored.restoredPublishId], [a, undefined]);
  },

  "a roll-back to a commit goes on from there, and leaves out what cannot be published": async (
    { client },
  ) => {
    const { id, commits: [a = "", b = "", c = "", d = ""] } = await withCommits(
      client,
      ...["A", "B", "C", "D"],
    );
    for (const commit of [a, b, "", c]) ok(await client.publish(id, commit));
    assert.equal(await rolledBack(client, id, { commitId: b }), b);
    assert.equal(await rolledBack(client, id), a);
    // It was never published.
    assert.equal(await rolledBack(client, id, { commitId: "HEAD" }), d);
    assert.equal(await rolledBack(client, id), a);
    ok(await client.publish(id, c));
    ok(await client.publish(id, ""));
    assert.equal(await rolledBack(client, id), c);
    ok(await client.publish(id, b));
    ok(await client.post(`/api/v1/functions/${id}/purge`, { commitId: c }));
    assert.equal(await rolledBack(client, id), a);
    assertError(await rollBack(client, id, { commitId: c }), "PURGED");
    assertError(await rollBack(client, id, { commitId: "x" }), "COMMIT_NOT_FOUND");
    assertError(await rollBack(client, "nope"), "FUNCTION_NOT_FOUND");
  },

  "of two roll-backs at the same time one is rejected": async ({ client }) => {
    const { id, commits: [a = "", b = "", c = ""] } = await withCommits(client, "A", "B", "C");
    for (const commit of [a, b, c]) ok(await client.publish(id, commit));
    const seen = { "if-match": `"${c}"` };
    const answers = await Promise.all([1, 2].map(() => rollBack(client, id, {}, seen)));
    const [done, rejected] = answers.toSorted((one, other) => one.status - other.status);
    assert.equal(done?.body.function.publishedCommitId, b);
    assert.ok(rejected);
    assertError(
      rejected,
      "ETAG_MISMATCH",
      new RegExp(`If-Match does not match, ${b} is published$`),
    );
  },

  "what does not change the published commit is no publish": async ({ client }) => {
    const { id, commits: [first = ""] } = await withCommits(client, "One");
    ok(await client.publish(id, first));
    ok(await client.publish(id, first));
    const rename = { function: { id, displayName: "renamed", publishedCommitId: "" } };
    ok(await client.post("/api/v1/functions/update", { ...rename, updateMask: "displayName" }));
    assert.equal((await publishes(client, id)).list.length, 1);
  },

  "unpublishing is an entry without a commit": async ({ client }) => {
    const { id, commits: [first = ""] } = await withCommits(client, "One");
    ok(await client.publish(id, first));
    ok(await client.publish(id, ""));
    const [newest] = (await publishes(client, id)).list;
    assert.deepEqual(
      [newest.commitId, newest.previousCommitId, newest.message],
      [undefined, first, ""],
    );
  },

  "a rejected update is no publish": async ({ client }) => {
    const { id, commits: [first = ""] } = await withCommits(client, "One");
    const fn = { publishedCommitId: first, secret: { NEW: "" } };
    assertError(await client.update(id, fn, "publishedCommitId,secret"), "INVALID_FIELD");
    assert.deepEqual((await publishes(client, id)).list, []);
  },

  "publishes at the same time form one chain, over several pages": async ({ client }) => {
    const { id, commits } = await withCommits(client, "A", "B", "C", "D");
    const targets = Array.from({ length: 24 }, (_, at) => commits[at % commits.length] ?? "");
    await Promise.all(targets.map((commitId) => client.publish(id, commitId)));
    const list: Json[] = [];
    let token = "";
    do {
      const page = await publishes(client, id, `?page_size=10&page_token=${token}`);
      list.push(...page.list);
      token = page.nextPageToken;
    } while (token !== "");
    const { function: fn } = ok(await client.get(`/api/v1/functions/${id}`));
    assert.equal(list[0].commitId, fn.publishedCommitId);
    list.forEach((entry, at) => {
      assert.equal(entry.previousCommitId, list[at + 1]?.commitId);
      assert.notEqual(entry.previousCommitId, entry.commitId);
    });
  },
});
