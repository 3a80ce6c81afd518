import assert from "node:assert/strict";
import type { Client, Json } from "../support/client.ts";
import { base64 } from "../support/client.ts";
import {
  assertError,
  assertInvalid,
  DEFAULT_LIMITS,
  KSUID,
  MAIN,
  ok,
  RFC3339_UTC,
} from "../support/expect.ts";
import { quietSuite } from "../support/suite.ts";

const FUNCTIONS = "/api/v1/functions";

async function search(client: Client, body: Json): Promise<string[]> {
  const { list } = ok(await client.post("/api/v1/search/functions", body));
  return list.map(({ displayName }: Json) => displayName);
}

quietSuite("functions: create, read, delete, search", {
  "create without code answers exactly the fields that are set": async ({ client }) => {
    const body = ok(await client.post(FUNCTIONS, { displayName: "bare", description: "no code" }));
    assert.deepEqual(Object.keys(body), ["function"]);
    const { id, createdAt, updatedAt, ...rest } = body.function;
    assert.match(id, KSUID);
    assert.match(createdAt, RFC3339_UTC);
    assert.equal(updatedAt, createdAt);
    assert.deepEqual(rest, {
      displayName: "bare",
      description: "no code",
      functionType: "FUNCTION_TYPE_ANY",
      isDraft: true,
      outboundNetworkAllowlist: [],
      secret: {},
      traceFetch: false,
      provisionedConcurrency: 0,
      processReuse: "PROCESS_REUSE_NONE",
      scopedRoleIds: [],
      variables: {},
      effectiveLimits: DEFAULT_LIMITS,
      useSpn: false,
      hookRefs: [],
      workflowTemplateRefs: [],
    });
    assert.deepEqual(ok(await client.get(`${FUNCTIONS}/${id}`)), body);
  },

  "create with content makes the first commit, the head, and publishes nothing": async (
    { client },
  ) => {
    const { function: fn, commit, ...rest } = ok(
      await client.post(FUNCTIONS, {
        displayName: "coded",
        functionType: "FUNCTION_TYPE_CODE_MODE",
        initialContent: { "main.ts": base64(MAIN), "lib/x.ts": base64("export {};") },
        commitMessage: "begin",
      }),
    );
    assert.deepEqual(rest, {});
    assert.equal(fn.head, commit.id);
    assert.equal(fn.isDraft, true);
    assert.equal("publishedCommitId" in fn, false);
    assert.equal(fn.functionType, "FUNCTION_TYPE_CODE_MODE");
    const { id, createdAt, ...others } = commit;
    assert.match(id, KSUID);
    assert.match(createdAt, RFC3339_UTC);
    assert.deepEqual(others, {
      functionId: fn.id,
      message: "begin",
      author: "Administrator",
      limits: DEFAULT_LIMITS,
    });
  },

  "an empty map of files is an absent one": async ({ client }) => {
    const spec = { displayName: "empty", initialContent: {} };
    const created = ok(await client.post(FUNCTIONS, spec));
    assert.deepEqual(Object.keys(created), ["function"]);
    const { id } = created.function;
    const change = { function: { id, description: "changed" }, content: {} };
    const updated = ok(await client.post(`${FUNCTIONS}/update`, change));
    assert.deepEqual(Object.keys(updated), ["function"]);
    assert.equal(updated.function.description, "changed");
  },

  "an unspecified type means any": async ({ client }) => {
    const functionType = "FUNCTION_TYPE_UNSPECIFIED";
    const { function: fn } = ok(await client.post(FUNCTIONS, { displayName: "t", functionType }));
    assert.equal(fn.functionType, "FUNCTION_TYPE_ANY");
  },

  "clients cannot set what is read-only": async ({ client }) => {
    const readOnly = { id: "x", head: "x", isDraft: false, useSpn: true, createdAt: "x" };
    const { function: fn } = ok(await client.post(FUNCTIONS, { displayName: "ro", ...readOnly }));
    assert.match(fn.id, KSUID);
    assert.deepEqual([fn.isDraft, fn.useSpn, "head" in fn], [true, false, false]);
  },

  "a bad create names every violation and makes nothing": async ({ client }) => {
    const before = ok(await client.get(`${FUNCTIONS}?page_size=100`)).list.length;
    const cases: [Json, string[]][] = [
      [{}, ["displayName"]],
      [{ displayName: "" }, ["displayName"]],
      [{ displayName: "x".repeat(257) }, ["displayName"]],
      [{ displayName: "x", description: "x".repeat(4097) }, ["description"]],
      [{ displayName: "x", functionType: "FUNCTION_TYPE_OTHER" }, ["functionType"]],
      [{ displayName: "x", initialContent: { "lib.ts": base64(MAIN) } }, ["initialContent"]],
      [{ displayName: 1, commitMessage: {} }, ["displayName", "commitMessage"]],
      [
        {
          displayName: "x",
          commitMessage: "x".repeat(4097),
          initialContent: { "main.ts": base64(MAIN) },
        },
        ["commitMessage"],
      ],
    ];
    for (const [body, fields] of cases) assertInvalid(await client.post(FUNCTIONS, body), fields);
    const initialContent = { "main.ts": base64("export default (") };
    assertError(await client.post(FUNCTIONS, { displayName: "x", initialContent }), "BUILD_FAILED");
    assert.equal(ok(await client.get(`${FUNCTIONS}?page_size=100`)).list.length, before);
  },

  "an unknown id is not found": async ({ client }) => {
    for (const id of ["nope", "0".repeat(27), "update", "%00", "..%2f..", "%ff"]) {
      assertError(await client.get(`${FUNCTIONS}/${id}`), "FUNCTION_NOT_FOUND");
      assertError(await client.call("DELETE", `${FUNCTIONS}/${id}`, {}), "FUNCTION_NOT_FOUND");
    }
  },

  "deleting is soft: it can be read, and not changed, listed or found": async ({ client }) => {
    const { function: fn, commit } = await client.createFunction("gone", { "main.ts": MAIN });
    ok(await client.post(`${FUNCTIONS}/${fn.id}/tags`, { commitId: commit.id, name: "v1" }));
    assert.deepEqual(ok(await client.call("DELETE", `${FUNCTIONS}/${fn.id}`, {})), {});

    const { function: kept } = ok(await client.get(`${FUNCTIONS}/${fn.id}`));
    assert.match(kept.deletedAt, RFC3339_UTC);
    assert.deepEqual({ ...fn, updatedAt: kept.updatedAt, deletedAt: kept.deletedAt }, kept);
    assert.equal(ok(await client.get(`${FUNCTIONS}/${fn.id}/commits`)).list.length, 1);
    ok(await client.get(`${FUNCTIONS}/${fn.id}/commits/HEAD`));
    assert.deepEqual(Object.keys(ok(await client.get(`${FUNCTIONS}/${fn.id}/tags`)).tags), ["v1"]);

    const { list } = ok(await client.get(`${FUNCTIONS}?page_size=100`));
    assert.equal(list.some(({ id }: Json) => id === fn.id), false);
    assert.deepEqual(await search(client, { query: fn.id }), []);

    const writes = [
      await client.call("DELETE", `${FUNCTIONS}/${fn.id}`),
      await client.update(fn.id, { displayName: "x" }),
      await client.post(`${FUNCTIONS}/${fn.id}/commits`, { filenames: ["main.ts"] }),
      await client.post(`${FUNCTIONS}/${fn.id}/commits/${commit.id}/finalize`, {}),
      await client.post(`${FUNCTIONS}/${fn.id}/tags`, { commitId: commit.id, name: "v2" }),
      await client.call("DELETE", `${FUNCTIONS}/${fn.id}/tags/v1`),
      await client.invoke(fn.id),
    ];
    for (const answer of writes) assertError(answer, "FUNCTION_NOT_FOUND");
  },

  "finds text in name or description, and exact ids": async ({ client }) => {
    const { function: alpha } = await client.createFunction("Alpha Report");
    ok(await client.post(FUNCTIONS, { displayName: "beta", description: "uses ALPHA" }));
    assert.deepEqual(await search(client, { query: "alpha" }), ["beta", "Alpha Report"]);
    assert.deepEqual(await search(client, { query: "a rEp" }), ["Alpha Report"]);
    assert.deepEqual(await search(client, { query: alpha.id }), ["Alpha Report"]);
    assert.deepEqual(await search(client, { query: alpha.id.slice(0, 26) }), []);
    assert.deepEqual(await search(client, { query: "no such text" }), []);
  },

  "takes wildcards literally": async ({ client }) => {
    for (const name of ["100% sure", "100x sure", "snake_case", "snakeXcase", "back\\slash"]) {
      await client.createFunction(name);
    }
    assert.deepEqual(await search(client, { query: "100%" }), ["100% sure"]);
    assert.deepEqual(await search(client, { query: "0% s" }), ["100% sure"]);
    assert.deepEqual(await search(client, { query: "snake_" }), ["snake_case"]);
    assert.deepEqual(await search(client, { query: "k\\s" }), ["back\\slash"]);
    assert.deepEqual(await search(client, { query: "*" }), []);
    assert.deepEqual(await search(client, { query: "' or 1=1 --" }), []);
  },

  "filters by type, alone or with text": async ({ client }) => {
    for (const type of ["ANY", "CODE_MODE"]) {
      const functionType = `FUNCTION_TYPE_${type}`;
      ok(await client.post(FUNCTIONS, { displayName: `typed ${type}`, functionType }));
    }
    const codeMode = { functionTypes: ["FUNCTION_TYPE_CODE_MODE"] };
    assert.deepEqual(await search(client, codeMode), ["typed CODE_MODE", "coded"]);
    assert.deepEqual(await search(client, { ...codeMode, query: "any" }), []);
    const unspecified = { functionTypes: ["FUNCTION_TYPE_UNSPECIFIED"], query: "typed" };
    assert.deepEqual(await search(client, unspecified), ["typed CODE_MODE", "typed ANY"]);
    const both = { functionTypes: ["FUNCTION_TYPE_ANY", "FUNCTION_TYPE_CODE_MODE"] };
    assert.deepEqual(await search(client, { ...both, query: "typed" }), [
      "typed CODE_MODE",
      "typed ANY",
    ]);
    const unknown = await client.post("/api/v1/search/functions", {
      functionTypes: ["FUNCTION_TYPE_ANY", "NOPE"],
    });
    assertInvalid(unknown, "functionTypes[1]");
  },

  "an empty search answers what a list does": async ({ client }) => {
    const listed = ok(await client.get(FUNCTIONS));
    assert.deepEqual(ok(await client.post("/api/v1/search/functions")), listed);
    assert.deepEqual(
      ok(await client.post("/api/v1/search/functions", { query: "", functionTypes: [] })),
      listed,
    );
  },

  "a text over the limit is rejected": async ({ client }) => {
    const post = (length: number) =>
      client.post("/api/v1/search/functions", { query: "%".repeat(length) });
    ok(await post(1024));
    assertInvalid(await post(60_000), "query");
  },
});
