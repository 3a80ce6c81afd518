/** The names of fields in requests: two spellings, and maps and JSON that are data. */
import assert from "node:assert/strict";
import { z } from "@hono/zod-openapi";
import { messageReader } from "../../src/api/messages/of_schema.ts";
import { snakeCase } from "../../src/shared/field_names.ts";
import { outputOf } from "../sdk/support.ts";
import { base64, type Json, unbase64 } from "../support/client.ts";
import { assertError, assertInvalid, MAIN, ok } from "../support/expect.ts";
import { sharedSuite } from "../support/suite.ts";
import { assertBoth, described } from "./operations.ts";

const FUNCTIONS = "/api/v1/functions";
const UPDATE = `${FUNCTIONS}/update`;
const VOLUMES = "/api/v1/vfs/volumes";
const version = (name: string) => `export default () => ({ version: ${JSON.stringify(name)} });\n`;

/** A field of a request: its path as errors write it, and how a value gets there. */
interface FieldPath {
  readonly path: string;
  readonly name: string;
  /** The body with `message` as the message that has the field; names of the fields above are in snake_case. */
  readonly around: (message: Json) => Json;
}

/** Every field of a schema, at every depth. */
function fieldsOf(
  schema: Json,
  follow: (schema: Json) => Json,
  above = "",
  around: FieldPath["around"] = (message) => message,
): FieldPath[] {
  const { properties = {}, items, anyOf = [], oneOf = [], allOf = [] } = follow(schema);
  const inside = Object.entries<Json>(properties).flatMap(([name, member]) => [
    { path: `${above}${above && "."}${name}`, name, around },
    ...fieldsOf(
      member,
      follow,
      `${above}${above && "."}${name}`,
      (message) => around({ [snakeCase(name)]: message }),
    ),
  ]);
  const entries = items === undefined
    ? []
    : fieldsOf(items, follow, `${above}[0]`, (message) => around([message]));
  const parts = [...anyOf, ...oneOf, ...allOf].flatMap((part: Json) =>
    fieldsOf(part, follow, above, around)
  );
  return [...inside, ...entries, ...parts];
}

sharedSuite("names of fields", {
  "snake_case selects the commit and the volume of an invocation": async ({ client }) => {
    const id = await client.deploy(version("published"));
    const { commit } = ok(await client.commit(id, { "main.ts": version("head") }));
    const { volume } = ok(await client.post(VOLUMES, { display_name: "v", quota_bytes: "4096" }));
    assert.deepEqual([volume.displayName, volume.quotaBytes], ["v", "4096"]);
    const body = { commit_id: commit.id, vfs_id: volume.id };
    const { json, invocationId } = ok(await client.post(`${FUNCTIONS}/${id}/invoke`, body));
    assert.deepEqual(JSON.parse(unbase64(json)), { version: "head" });
    const { commitId, vfsId } = await client.invocation(id, invocationId);
    assert.deepEqual([commitId, vfsId], [commit.id, volume.id]);
  },

  "snake_case sets fields of messages in messages, and names the paths of masks": async (
    { client },
  ) => {
    const { function: fn, commit } = ok(
      await client.post(FUNCTIONS, {
        display_name: "snake",
        initial_content: { "main.ts": base64(MAIN), "a_b.txt": base64("text") },
        commit_message: "first",
        retry_policy: { max_attempts: 7, initial_backoff: "2s" },
        outbound_network_allowlist: ["example.com"],
        memory_mib: null,
      }),
    );
    assert.deepEqual([fn.displayName, commit.message], ["snake", "first"]);
    assert.deepEqual(fn.retryPolicy, { maxAttempts: 7, initialBackoff: "2s" });
    assert.deepEqual(fn.outboundNetworkAllowlist, ["example.com"]);
    const { files } = ok(await client.get(`${FUNCTIONS}/${fn.id}/commits/HEAD`));
    assert.deepEqual(Object.keys(files).sort(), ["a_b.txt", "main.ts"]);
    const update = {
      function: { id: fn.id, published_commit_id: commit.id, description: "not in the mask" },
    };
    for (const update_mask of ["published_commit_id", { paths: ["published_commit_id"] }]) {
      const { function: changed } = ok(await client.post(UPDATE, { ...update, update_mask }));
      assert.deepEqual([changed.publishedCommitId, changed.description], [commit.id, ""]);
    }
  },

  "snake_case reaches the entries of a list": async ({ client }) => {
    const { function: { id } } = await client.createFunction("list");
    const triggers = `${FUNCTIONS}/${id}/triggers`;
    const webhook = {
      event_id_header: "X-Id",
      header: { name: "X-S", encoding: "SIGNATURE_ENCODING_BASE64" },
    };
    const { list: [made] } = ok(
      await client.post(`${triggers}/apply`, {
        changes: [{ trigger: { display_name: "w", webhook } }],
      }),
    );
    assert.equal(made.webhook.eventIdHeader, "X-Id");
    const { list: [changed] } = ok(
      await client.post(`${triggers}/apply`, {
        changes: [{
          id: made.id,
          update_mask: "webhook.event_id_header",
          trigger: { display_name: "not in the mask", webhook: { event_id_header: "X-Other" } },
        }],
      }),
    );
    assert.deepEqual([changed.displayName, changed.webhook.eventIdHeader], ["w", "X-Other"]);
    const change = { trigger: { display_name: "not made", schedule: { cron_spec: "@daily" } } };
    ok(await client.post(`${triggers}/apply`, { changes: [change], validate_only: true }));
    assert.equal(ok(await client.get(triggers)).list.length, 1);
  },

  "keys of maps and of free JSON are data": async ({ client }) => {
    const { function: { id } } = await client.createFunction("data");
    const variables = { my_key: "1", myKey: "2", commit_id: "3" };
    const { function: fn } = ok(
      await client.post(UPDATE, {
        function: { id, variables, secret: { api_key: "a", apiKey: "b", none: null } },
        update_mask: "variables,secret.api_key,secret.apiKey",
      }),
    );
    assert.deepEqual(fn.variables, variables);
    assert.deepEqual(fn.secret, { api_key: "", apiKey: "" });
    const kept = { variables: { A: "" }, description: "CATCH_UP_UNSPECIFIED" };
    const { function: after } = ok(await client.update(id, { ...kept }));
    assert.deepEqual([after.variables, after.description], [kept.variables, kept.description]);
    const input = {
      cron_spec: null,
      cronSpec: [null, { a_b: null, aB: 1 }],
      schedule: { input: null, catch_up: 1, catchUp: 2 },
    };
    const { trigger } = ok(
      await client.post(`${FUNCTIONS}/${id}/triggers`, {
        trigger: { display_name: "t", schedule: { cron_spec: "@daily", timezone: null, input } },
      }),
    );
    assert.deepEqual(trigger.schedule.input, input);
    const echo = await client.deploy("export default (input) => input;");
    assert.deepEqual(await outputOf(client, echo, input), input);
  },

  "a field in both spellings is rejected, also if one is null": async ({ client }) => {
    const id = await client.deploy(MAIN);
    const invoke = (body: string) => client.post(`${FUNCTIONS}/${id}/invoke`, body);
    const bodies = [
      '{"commitId": "HEAD", "commit_id": "HEAD"}',
      '{"commit_id": "HEAD", "commitId": "HEAD"}',
      '{"commitId": null, "commit_id": "HEAD"}',
      '{"commit_id": null, "commitId": "HEAD"}',
      '{"commit_id": null, "commitId": null}',
    ];
    for (const body of bodies) {
      assertBoth(await invoke(body), "commitId", "commitId and as commit_id");
    }
    const answer = await client.update(id, {
      retry_policy: { maxAttempts: 2, max_attempts: 3 },
      vfsId: "",
      vfs_id: "",
    });
    assertInvalid(answer, ["function.retryPolicy.maxAttempts", "function.vfsId"]);
  },

  "every field of every request takes both spellings": async ({ client }) => {
    const { operations, follow } = await described(client);
    let count = 0;
    for (const { method, path, query, body } of operations) {
      for (const { path: field, name, around } of fieldsOf(body, follow)) {
        const alias = snakeCase(name);
        if (alias === name) continue;
        const both = around({ [name]: null, [alias]: null });
        assertBoth(await client.call(method, path, both), field, `${name} and as ${alias}`);
        count++;
      }
      for (const name of query) {
        const alias = name.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
        if (alias === name) continue;
        const answer = await client.call(method, `${path}?${name}=1&${alias}=1`);
        assertBoth(answer, name, `${name} and as ${alias}`);
        count++;
      }
    }
    assert.ok(count > 150, `${count} fields`);
  },

  "parameters of a query take both spellings": async ({ client }) => {
    const { function: { id } } = await client.createFunction("query");
    for (const name of ["idPrefix", "id_prefix"]) {
      const { list } = ok(await client.get(`${FUNCTIONS}/${id}/commits?${name}=zzz&pageSize=10`));
      assert.deepEqual(list, []);
      assertInvalid(await client.get(`${FUNCTIONS}/${id}/commits?${name}=-`), "id_prefix");
    }
  },

  "hostile names change nothing but themselves": async ({ client }) => {
    const { function: { id } } = await client.createFunction("hostile");
    const hostile = '"__proto__": {"display_name": "p"}, "constructor": {"a_b": 1}, "_": 1, "": 2';
    const { function: fn } = ok(
      await client.post(UPDATE, `{${hostile}, "function": {"id": "${id}", ${hostile}}}`),
    );
    assert.equal(fn.displayName, "hostile");
    const { function: made } = ok(
      await client.post(UPDATE, `{"function": {"id": "${id}", "variables": {"__proto__": "v"}}}`),
    );
    assert.deepEqual(Object.entries(made.variables), [["__proto__", "v"]]);
    const spelt = await client.post(FUNCTIONS, { display__name: "x", Display_name: "x" });
    assertInvalid(spelt, "displayName");
    const apply = `${FUNCTIONS}/${id}/triggers/apply`;
    for (const change of ['{"updateMask": "", "update_mask": ""}', '{"x": 1, "y": 2}']) {
      const answer = await client.post(
        apply,
        `{"changes": [${Array(10_000).fill(change).join(",")}]}`,
      );
      const { details } = answer.body;
      assert.deepEqual([answer.status, details[0].fieldViolations.length], [400, 100]);
    }
    for (const name of ["x", "filter", "function_ids"]) {
      const deep = `{"${name}":${'{"a":['.repeat(60)}${"]}".repeat(60)}}`;
      assertError(await client.post("/api/v1/search/invocations", deep), "BODY_NOT_JSON");
    }
  },
});

sharedSuite("lists and maps", {
  "have a limit of entries together, and an error names a hundred violations": async (
    { client },
  ) => {
    const { function: { id } } = await client.createFunction("lists");
    const search = (count: number) =>
      client.post("/api/v1/search/functions", { functionTypes: Array(count).fill(1) });
    const wrong = await search(20_000);
    assert.deepEqual([wrong.status, wrong.body.details[0].fieldViolations.length], [400, 100]);
    const many = await search(100_000);
    assertInvalid(
      many,
      "functionTypes",
      /must have at most 20,000 entries; it has 100,000 entries/,
    );
    const variables = Object.fromEntries(Array.from({ length: 15_000 }, (_, n) => [`v${n}`, 1]));
    const together = await client.post(UPDATE, {
      function: { id, variables },
      content: variables,
    });
    assertInvalid(together, "content");
  },
});

Deno.test("an operation whose schema hides its fields cannot be defined", () => {
  const message = z.object({ commitId: z.string() });
  const hidden = [
    z.lazy(() => message),
    z.intersection(message, message),
    z.tuple([message]),
    z.union([message, z.object({ other: z.string() })]),
    z.preprocess((value) => value, message),
    z.map(z.string(), message),
  ];
  for (const field of hidden) {
    assert.throws(() => messageReader(z.object({ field }), "ignored"), TypeError);
  }
  for (const name of ["commit_Id", "_id", "Commit", "a__b"]) {
    assert.throws(() => messageReader(z.object({ [name]: z.string() }), "ignored"), TypeError);
  }
});
