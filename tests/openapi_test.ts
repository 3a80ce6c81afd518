import assert from "node:assert/strict";
import { Client, type Json } from "./support/client.ts";
import { assertError, ok } from "./support/expect.ts";
import { readText } from "./support/repository.ts";
import { sharedSuite } from "./support/suite.ts";

interface Operation {
  readonly method: string;
  readonly path: string;
  readonly spec: Json;
}

function operations(document: Json): Operation[] {
  return Object.entries<Json>(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, spec]) => ({ method, path, spec }))
  );
}

/** Every value under a key, anywhere. */
function everywhere(value: Json, key: string): unknown[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) => [
    ...name === key ? [member] : [],
    ...everywhere(member, key),
  ]);
}

sharedSuite("OpenAPI document", {
  "is OpenAPI 3.1 and needs no token": async ({ client }) => {
    const document = ok(await new Client(client.url, undefined).get("/openapi.json"));
    assert.match(document.openapi, /^3\.1\.\d$/);
    assert.deepEqual([document.info.title, typeof document.info.version], ["invoked", "string"]);
    for (const reference of everywhere(document, "$ref")) {
      const [, , kind = "", name = ""] = String(reference).split("/");
      assert.ok(document.components[kind]?.[name], `${reference} leads nowhere`);
    }
    for (const { method, path, spec } of operations(document)) {
      const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      const declared = (spec.parameters ?? []).filter((p: Json) => p.in === "path");
      assert.deepEqual(declared.map((p: Json) => p.name).sort(), named.sort(), path);
      assert.ok(declared.every((p: Json) => p.required), path);
      assert.ok(Object.keys(spec.responses).length > 0 && spec.summary, `${method} ${path}`);
    }
  },

  "is the committed document, whose changes a review shows": async ({ client }) => {
    const partsOf = ({ paths, components }: Json): Json => ({ ...paths, ...components.schemas });
    const served = partsOf(ok(await client.get("/openapi.json")));
    const committed = partsOf(JSON.parse(await readText("docs/openapi.json")));
    assert.deepEqual(Object.keys(served).toSorted(), Object.keys(committed).toSorted());
    for (const [name, part] of Object.entries(committed)) {
      assert.deepEqual(served[name], part, name);
    }
  },

  "has the tags of C1's document, and requires no field of C1's": async ({ client }) => {
    const document = ok(await client.get("/openapi.json"));
    const tags = Map.groupBy(operations(document), ({ spec }) => spec.tags.join());
    const namesOf = (tag: string) =>
      (tags.get(tag) ?? []).map(({ spec }) => spec.operationId)
        .filter((id: string) => id.startsWith("c1."))
        .map((id: string) => id.split(".").slice(-2).join(".")).sort();
    const service = (names: string) => names.split(" ").map((name) => `FunctionsService.${name}`);
    assert.deepEqual(namesOf("Function"), [
      "FunctionsSearch.Search",
      ...service(
        "CreateFunction DeleteFunction GetFunction Invoke ListFunctions Test UpdateFunction",
      ),
    ]);
    assert.deepEqual(
      namesOf("Function Commit"),
      service("CreateFinalCommit CreateInitialCommit GetCommitContent GetLockFile ListCommits"),
    );
    assert.deepEqual(namesOf("Function Tag"), service("CreateTag ListTags"));
    assert.deepEqual(namesOf("Function Invocation"), [
      "FunctionsInvocationSearchService.Search",
      "FunctionsInvocationService.Get",
      "FunctionsInvocationService.List",
    ]);
    assert.deepEqual(namesOf("Auth"), ["Auth.Introspect"]);
    assert.equal(namesOf("Personal Client").length, 5);
    const ofC1 = [
      ...operations(document).filter(({ spec }) => spec.operationId.startsWith("c1.")),
      ...Object.entries(document.components.schemas).filter(([name]) => name.startsWith("c1.")),
    ];
    const lists = everywhere(ofC1, "required").filter(Array.isArray);
    assert.deepEqual(lists, []);
  },

  "lists have their page fields": async ({ client }) => {
    const { paths } = ok(await client.get("/openapi.json"));
    for (
      const [list, ...more] of [
        [""],
        ["/{function_id}/commits", "id_prefix"],
        ["/{function_id}/publishes"],
        ["/{function_id}/invocations", "parent_invocation_id", "view"],
        ["/{function_id}/dead_letters", "error_word", "query"],
      ] as const
    ) {
      const { parameters, responses } = paths[`/api/v1/functions${list}`].get;
      const names = parameters.filter((p: Json) => p.in === "query").map((p: Json) => p.name);
      assert.deepEqual(names, ["page_size", "page_token", ...more]);
      const { properties } = responses[200].content["application/json"].schema;
      assert.deepEqual(Object.keys(properties), ["list", "nextPageToken"]);
    }
  },

  "every operation under /api answers 401 without a token": async ({ client }) => {
    const anonymous = new Client(client.url, undefined);
    const guarded = operations(ok(await client.get("/openapi.json")))
      .filter(({ path }) => path.startsWith("/api/") && !path.startsWith("/api/v1/webhooks/"));
    assert.ok(guarded.length > 15);
    for (const { method, path, spec } of guarded) {
      assert.ok(spec.security.length > 0, path);
      const answer = await anonymous.call(method.toUpperCase(), path.replace(/\{\w+\}/g, "x"));
      assertError(answer, "TOKEN_MISSING");
    }
  },
});
