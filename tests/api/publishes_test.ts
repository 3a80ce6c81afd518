/** The history of publishes, on the wire. */
import assert from "node:assert/strict";
import type { Client, Json } from "../support/client.ts";
import { assertError, KSUID, MAIN, ok, RFC3339_UTC } from "../support/expect.ts";
import { sharedSuite } from "../support/suite.ts";

async function publish(client: Client, id: string, publishedCommitId: string): Promise<void> {
  const body = { function: { id, publishedCommitId }, updateMask: "publishedCommitId" };
  ok(await client.post("/api/v1/functions/update", body));
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
    assertError(
      await client.get("/api/v1/functions/nope/publishes"),
      "NOT_FOUND",
      "FUNCTION_NOT_FOUND",
    );
  },

  "each names its commit, the one before, the time, the principal and the message": async (
    { client },
  ) => {
    const { id, commits: [first = "", , third = ""] } = await withCommits(client, "A", "B", "C");
    await publish(client, id, first);
    await publish(client, id, "HEAD");
    await publish(client, id, first);
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

  "what does not change the published commit is no publish": async ({ client }) => {
    const { id, commits: [first = ""] } = await withCommits(client, "One");
    await publish(client, id, first);
    await publish(client, id, first);
    const rename = { function: { id, displayName: "renamed", publishedCommitId: "" } };
    ok(await client.post("/api/v1/functions/update", { ...rename, updateMask: "displayName" }));
    assert.equal((await publishes(client, id)).list.length, 1);
  },

  "unpublishing is an entry without a commit": async ({ client }) => {
    const { id, commits: [first = ""] } = await withCommits(client, "One");
    await publish(client, id, first);
    await publish(client, id, "");
    const [newest] = (await publishes(client, id)).list;
    assert.deepEqual(
      [newest.commitId, newest.previousCommitId, newest.message],
      [undefined, first, ""],
    );
  },

  "a rejected update is no publish": async ({ client }) => {
    const { id, commits: [first = ""] } = await withCommits(client, "One");
    const fn = { id, publishedCommitId: first, secret: { NEW: "" } };
    const rejected = await client.post("/api/v1/functions/update", {
      function: fn,
      updateMask: "publishedCommitId,secret",
    });
    assertError(rejected, "INVALID_ARGUMENT", "INVALID_FIELD");
    assert.deepEqual((await publishes(client, id)).list, []);
  },

  "publishes at the same time form one chain, over several pages": async ({ client }) => {
    const { id, commits } = await withCommits(client, "A", "B", "C", "D");
    const targets = Array.from({ length: 24 }, (_, at) => commits[at % commits.length] ?? "");
    await Promise.all(targets.map((commitId) => publish(client, id, commitId)));
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
