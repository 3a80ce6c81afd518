import assert from "node:assert/strict";
import { BUILTIN_ROLE_IDS } from "../../src/resources/roles.ts";
import { outputOf } from "../sdk/support.ts";
import { base64, type Client, type Json } from "../support/client.ts";
import { assertError, assertInvalid, MAIN, ok } from "../support/expect.ts";
import { sharedSuite } from "../support/suite.ts";

const UPDATE = "/api/v1/functions/update";
const CHANGE = {
  displayName: "new name",
  description: "new text",
  functionType: "FUNCTION_TYPE_CODE_MODE",
  outboundNetworkAllowlist: ["example.com"],
  provisionedConcurrency: 3,
  processReuse: "PROCESS_REUSE_SEQUENTIAL",
  scopedRoleIds: [BUILTIN_ROLE_IDS["functions:invoker"]],
};

function pick(fn: Json): Json {
  return Object.fromEntries(Object.keys(CHANGE).map((key) => [key, fn[key]]));
}

const ORIGINAL = {
  displayName: "old name",
  description: "",
  functionType: "FUNCTION_TYPE_ANY",
  outboundNetworkAllowlist: [],
  provisionedConcurrency: 0,
  processReuse: "PROCESS_REUSE_NONE",
  scopedRoleIds: [],
};

/** Updates a new function with {@link CHANGE} under a mask; answers what became of it. */
async function updated(client: Client, updateMask?: unknown): Promise<Json> {
  const { function: { id } } = await client.createFunction("old name");
  const answer = ok(await client.update(id, { ...CHANGE }, updateMask));
  assert.deepEqual(Object.keys(answer), ["function"]);
  assert.deepEqual(ok(await client.get(`/api/v1/functions/${id}`)), answer);
  assert.ok(answer.function.updatedAt >= answer.function.createdAt);
  return pick(answer.function);
}

sharedSuite("update: the mask", {
  "names fields in camelCase, snake_case or as a FieldMask object": async ({ client }) => {
    const { displayName, scopedRoleIds } = CHANGE;
    const expected = { ...ORIGINAL, displayName, scopedRoleIds };
    const masks = [
      "displayName,scopedRoleIds",
      "display_name,scoped_role_ids",
      " displayName , scoped_role_ids,displayName,",
      { paths: ["displayName", "scopedRoleIds"] },
      { paths: ["display_name", "scoped_role_ids"] },
    ];
    for (const mask of masks) assert.deepEqual(await updated(client, mask), expected);
  },

  "an absent, null or empty mask means the fields that the request carries": async ({ client }) => {
    for (const mask of [undefined, null, "", {}, { paths: [] }, { paths: null }]) {
      assert.deepEqual(await updated(client, mask), CHANGE);
    }
    const { function: { id } } = await client.createFunction("old name");
    const { function: fn } = ok(await client.update(id, { description: "only" }));
    assert.deepEqual(pick(fn), { ...ORIGINAL, description: "only" });
  },

  "* means every field, and clears what the request does not carry": async ({ client }) => {
    assert.deepEqual(await updated(client, "*"), CHANGE);
    const { function: { id } } = await client.createFunction("old name", { "main.ts": MAIN });
    ok(await client.update(id, { ...CHANGE, publishedCommitId: "HEAD" }));
    const { function: fn } = ok(await client.update(id, { displayName: "kept" }, "*"));
    assert.deepEqual(pick(fn), { ...ORIGINAL, displayName: "kept" });
    assert.equal("publishedCommitId" in fn, false);
    assertInvalid(await client.update(id, {}, "*"), "function.displayName");
  },

  "a masked field that is absent is cleared": async ({ client }) => {
    const { function: { id } } = await client.createFunction("old name");
    ok(await client.update(id, { ...CHANGE }));
    const updateMask = "description,outboundNetworkAllowlist,provisionedConcurrency";
    const { function: fn } = ok(await client.update(id, {}, updateMask));
    assert.deepEqual(pick(fn), {
      ...CHANGE,
      description: "",
      outboundNetworkAllowlist: [],
      provisionedConcurrency: 0,
    });
  },

  "an unknown or read-only path is rejected and changes nothing": async ({ client }) => {
    const { function: { id } } = await client.createFunction("old name");
    const paths = ["nope", "id", "head", "isDraft", "useSpn", "createdAt", "__proto__", "a.b"];
    for (const path of paths) {
      const rejected = await client.update(id, { ...CHANGE }, `displayName,${path}`);
      assertInvalid(rejected, "updateMask", new RegExp(`"${path}" cannot be updated`));
    }
    for (const [path, likely] of [["tennant", "tenant"], ["tenant.access", "tenant"]] as const) {
      const rejected = await client.update(id, { ...CHANGE }, path);
      const message = new RegExp(`"${path}" cannot be updated; .*; did you mean ${likely}\\?$`);
      assertError(rejected, "INVALID_FIELD", message);
    }
    for (const updateMask of [1, ["displayName"], { paths: "displayName" }, { paths: [1] }]) {
      assertError(await client.update(id, { ...CHANGE }, updateMask), "INVALID_FIELD");
    }
    const { function: fn } = ok(await client.get(`/api/v1/functions/${id}`));
    assert.deepEqual(pick(fn), ORIGINAL);
  },

  "values out of range are rejected with their path": async ({ client }) => {
    const { function: { id } } = await client.createFunction("old name");
    const cases: [Json, string][] = [
      [{ displayName: "" }, "function.displayName"],
      [{ provisionedConcurrency: -1 }, "function.provisionedConcurrency"],
      [{ provisionedConcurrency: 101 }, "function.provisionedConcurrency"],
      [{ provisionedConcurrency: 1.5 }, "function.provisionedConcurrency"],
      [{ outboundNetworkAllowlist: [""] }, "function.outboundNetworkAllowlist[0]"],
      [{ outboundNetworkAllowlist: ["a", 1] }, "function.outboundNetworkAllowlist[1]"],
      [{ outboundNetworkAllowlist: Array(257).fill("a") }, "function.outboundNetworkAllowlist"],
      [{ processReuse: "shared" }, "function.processReuse"],
      [{ scopedRoleIds: "role" }, "function.scopedRoleIds"],
      [{ scopedRoleIds: ["reader", "owner"] }, "function.scopedRoleIds[1]"],
      [{ scopedRoleIds: ["__proto__"] }, "function.scopedRoleIds[0]"],
      [{ functionType: "ANY" }, "function.functionType"],
    ];
    for (const [change, field] of cases) {
      assertInvalid(await client.update(id, { ...change }), field);
    }
    for (const body of [{}, { function: {} }, { function: { id: "" } }]) {
      const field = "function" in body ? "function.id" : "function";
      assertInvalid(await client.post(UPDATE, body), field);
    }
    assertError(await client.update("nope", { displayName: "x" }), "FUNCTION_NOT_FOUND");
  },
});

async function answers(client: Client, id: string): Promise<string> {
  return (await outputOf(client, id)).version;
}

const version = (name: string) => `export default () => ({ version: ${JSON.stringify(name)} });\n`;

sharedSuite("update: publishing", {
  "publishing, rolling back and taking back": async ({ client }) => {
    const { function: { id }, commit: first } = await client.createFunction("p", {
      "main.ts": version("1"),
    });
    const { function: draft } = ok(await client.get(`/api/v1/functions/${id}`));
    assert.equal(draft.isDraft, true);
    const { function: published } = ok(await client.publish(id, first.id));
    assert.deepEqual([published.isDraft, published.publishedCommitId], [false, first.id]);

    const second = ok(await client.commit(id, { "main.ts": version("2") })).commit;
    assert.equal(await answers(client, id), "1");
    const { function: moved } = ok(await client.publish(id, second.id));
    assert.deepEqual([moved.publishedCommitId, moved.head], [second.id, second.id]);
    assert.equal(await answers(client, id), "2");

    const { function: back } = ok(await client.publish(id, first.id));
    assert.deepEqual([back.publishedCommitId, back.head], [first.id, second.id]);
    assert.equal(await answers(client, id), "1");

    const { function: none } = ok(await client.publish(id, ""));
    assert.equal("publishedCommitId" in none, false);
    assert.equal(none.isDraft, false);
    assertError(await client.invoke(id), "NO_PUBLISHED_COMMIT");
  },

  "a commit of another function, an open or an unknown one cannot be published": async (
    { client },
  ) => {
    const { function: fn } = await client.createFunction("p", { "main.ts": MAIN });
    const { commit: foreign } = await client.createFunction("q", { "main.ts": MAIN });
    const { commitId: open } = ok(
      await client.post(`/api/v1/functions/${fn.id}/commits`, { filenames: ["main.ts"] }),
    );
    for (const id of [foreign.id, "nope", "0".repeat(27)]) {
      assertError(await client.publish(fn.id, id), "COMMIT_NOT_FOUND");
    }
    assertError(await client.publish(fn.id, "refs/tags/nope"), "TAG_NOT_FOUND");
    assertError(await client.publish(fn.id, open), "COMMIT_NOT_FINALIZED");
    assert.deepEqual(ok(await client.get(`/api/v1/functions/${fn.id}`)).function, fn);
  },

  "content makes a new head, whatever the mask says": async ({ client }) => {
    for (const updateMask of [undefined, "description", "publishedCommitId"]) {
      const { function: fn, commit: first } = await client.createFunction("c", {
        "main.ts": version("1"),
      });
      const { function: changed, commit } = ok(
        await client.post(UPDATE, {
          function: { id: fn.id, description: "text", publishedCommitId: first.id },
          updateMask,
          content: { "main.ts": base64(version("2")) },
          commitMessage: "second",
        }),
      );
      assert.equal(changed.head, commit.id);
      assert.notEqual(commit.id, first.id);
      assert.equal(commit.message, "second");
      assert.equal(changed.description, updateMask === "publishedCommitId" ? "" : "text");
      const published = updateMask === "description" ? undefined : first.id;
      assert.equal(changed.publishedCommitId, published);
      assert.equal(ok(await client.get(`/api/v1/functions/${fn.id}/commits`)).list.length, 2);
    }
  },

  "a request cannot publish the commit that it makes": async ({ client }) => {
    const { function: fn, commit: first } = await client.createFunction("c", {
      "main.ts": version("1"),
    });
    const content = { "main.ts": base64(version("2")) };
    const { function: changed } = ok(
      await client.post(UPDATE, {
        function: { id: fn.id, publishedCommitId: "HEAD" },
        updateMask: "publishedCommitId",
        content,
      }),
    );
    assert.equal(changed.publishedCommitId, first.id);
    assert.notEqual(changed.head, first.id);

    const { function: empty } = await client.createFunction("without code");
    const rejected = await client.post(UPDATE, {
      function: { id: empty.id, publishedCommitId: "HEAD" },
      updateMask: "publishedCommitId",
      content,
    });
    assertError(rejected, "COMMIT_NOT_FOUND");
    assert.deepEqual(ok(await client.get(`/api/v1/functions/${empty.id}/commits`)).list, []);
  },

  "content that does not build changes nothing": async ({ client }) => {
    const { function: fn } = await client.createFunction("c", { "main.ts": MAIN });
    const rejected = await client.post(UPDATE, {
      function: { id: fn.id, displayName: "changed" },
      content: { "main.ts": base64("export default (") },
    });
    assertError(rejected, "BUILD_FAILED", /main\.ts:1:/);
    assert.deepEqual(ok(await client.get(`/api/v1/functions/${fn.id}`)).function, fn);
  },
});
