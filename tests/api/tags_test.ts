import assert from "node:assert/strict";
import type { Client, Json } from "../support/client.ts";
import { assertError, assertInvalid, MAIN, ok } from "../support/expect.ts";
import { sharedSuite } from "../support/suite.ts";

async function tag(client: Client, id: string, name: string, commitId: string): Promise<Json> {
  return await client.post(`/api/v1/functions/${id}/tags`, { name, commitId });
}

async function tags(client: Client, id: string): Promise<Json> {
  return ok(await client.get(`/api/v1/functions/${id}/tags`));
}

sharedSuite("tags", {
  "a function without tags answers an empty map": async ({ client }) => {
    const { function: fn } = await client.createFunction("bare");
    assert.deepEqual(await tags(client, fn.id), { tags: {} });
    assertError(await client.get("/api/v1/functions/nope/tags"), "FUNCTION_NOT_FOUND");
  },

  "a tag names a commit, given by id, HEAD or another tag": async ({ client }) => {
    const { function: { id }, commit: first } = await client.createFunction("t", {
      "main.ts": MAIN,
    });
    const second = ok(await client.commit(id, { "main.ts": MAIN })).commit;
    assert.deepEqual(ok(await tag(client, id, "v1.0.0", first.id)), {});
    ok(await tag(client, id, "latest", "HEAD"));
    ok(await tag(client, id, "stable", "refs/tags/v1.0.0"));
    assert.deepEqual(await tags(client, id), {
      tags: { "v1.0.0": first, latest: second, stable: first },
    });
    for (const [name, commit] of [["v1.0.0", first], ["latest", second], ["stable", first]]) {
      for (const path of [`refs/tags/${name}`, `refs%2Ftags%2F${name}`, `refs%2ftags%2f${name}`]) {
        const answer = ok(await client.get(`/api/v1/functions/${id}/commits/${path}`));
        assert.deepEqual(answer.commit, commit);
      }
    }
  },

  "a tag may be called as a part of a path is": async ({ client }) => {
    const { function: { id }, commit } = await client.createFunction("t", { "main.ts": MAIN });
    for (const name of ["lockfile", "finalize", "tags", "constructor", "2"]) {
      ok(await tag(client, id, name, commit.id));
      for (const path of [`refs/tags/${name}`, `refs%2Ftags%2F${name}`]) {
        const url = `/api/v1/functions/${id}/commits/${path}`;
        assert.deepEqual(ok(await client.get(url)).commit, commit);
        assert.equal(ok(await client.get(`${url}/lockfile`)).exists, true);
      }
      ok(await client.call("DELETE", `/api/v1/functions/${id}/tags/${name}`, {}));
    }
  },

  "a tag does not move until it was deleted": async ({ client }) => {
    const { function: { id }, commit: first } = await client.createFunction("t", {
      "main.ts": MAIN,
    });
    const second = ok(await client.commit(id, { "main.ts": MAIN })).commit;
    ok(await tag(client, id, "v1", first.id));
    ok(await tag(client, id, "v1", first.id));
    assertError(await tag(client, id, "v1", second.id), "TAG_ALREADY_EXISTS");
    assert.deepEqual(await tags(client, id), { tags: { v1: first } });

    const url = `/api/v1/functions/${id}/tags/v1`;
    assert.deepEqual(ok(await client.call("DELETE", url)), {});
    assert.deepEqual(await tags(client, id), { tags: {} });
    assertError(await client.call("DELETE", url), "TAG_NOT_FOUND");
    ok(await client.get(`/api/v1/functions/${id}/commits/${first.id}`));
    ok(await tag(client, id, "v1", second.id));
    assert.deepEqual(await tags(client, id), { tags: { v1: second } });
  },

  "of callers who tag two commits alike at the same time, one wins": async ({ client }) => {
    const { function: { id }, commit: first } = await client.createFunction("t", {
      "main.ts": MAIN,
    });
    const second = ok(await client.commit(id, { "main.ts": MAIN })).commit;
    const answers = await Promise.all(
      [first, second].map((commit) => tag(client, id, "race", commit.id)),
    );
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 409]);
  },

  "a bad name or commit is rejected": async ({ client }) => {
    const { function: { id }, commit } = await client.createFunction("t", { "main.ts": MAIN });
    const { commit: foreign } = await client.createFunction("u", { "main.ts": MAIN });
    const badNames = ["", "a/b", "-a", ".a", "a b", "ä", "a\n", "x".repeat(129)];
    for (const name of badNames) assertInvalid(await tag(client, id, name, commit.id), "name");
    ok(await tag(client, id, "x".repeat(128), commit.id));
    assertInvalid(await tag(client, id, "v1", ""), "commitId");
    for (const unknown of ["nope", foreign.id]) {
      assertError(await tag(client, id, "v1", unknown), "COMMIT_NOT_FOUND");
    }
    const path = `/api/v1/functions/${id}/commits`;
    const { commitId: open } = ok(await client.post(path, { filenames: ["main.ts"] }));
    assertError(await tag(client, id, "v1", open), "COMMIT_NOT_FINALIZED");
    assertError(await client.get(`${path}/refs/tags/v1`), "TAG_NOT_FOUND");
    assert.deepEqual(Object.keys((await tags(client, id)).tags), ["x".repeat(128)]);
  },
});
