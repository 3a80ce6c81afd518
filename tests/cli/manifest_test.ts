/** What the commands need of `invoked.json`, and its JSON Schema. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { readManifest } from "../../src/cli/folder/manifest.ts";
import { Client } from "../support/client.ts";
import { makeTempDir } from "../support/invoked.ts";
import { sharedServer } from "../support/shared_server.ts";
import { assertFails, Author } from "./support.ts";

Deno.test("a command needs no more of invoked.json than it uses", async (t) => {
  await using author = await Author.startShared("partial");
  const write = (fields: object) => author.write("invoked.json", JSON.stringify(fields));
  await author.ok(["deploy", "--publish"]);
  const { id } = await author.json("show");
  const wrong = { memoryMib: "lots", timeout: 5, triggers: [], roles: 7, unknown: true };

  await t.step("those about the function need its name", async () => {
    await write({ name: "partial", ...wrong });
    await author.ok(["invoke"]);
    assert.match(await author.ok(["logs"]), /greeting/);
    assert.equal((await author.json("history")).length, 1);
    await author.ok(["settings", "list", "."]);
    await write({ ...wrong, name: 7 });
    await author.fails(["history"], 2, /json: name: must be a string; it is a number$/m);
  });
  await t.step("or its id alone", async () => {
    await write({ ...wrong, name: 7, id });
    await author.ok(["history"]);
    await write({ name: "partial", id: 7 });
    await author.fails(["history"], 2, /json: id: must be a string; it is a number$/m);
  });
  await t.step("an invocation needs its volume, too, unless a flag names one", async () => {
    await write({ ...wrong, name: "partial", volume: 1 });
    await author.fails(["invoke"], 2, /json: volume: must be a string; it is a number$/m);
    await author.fails(["invoke", "--volume", "none"], 1, /Volume "none" not found/);
  });
  await t.step("a comparison needs root, tests and triggers", async () => {
    await write({ name: "partial", ...wrong, triggers: undefined });
    assert.match((await author.run(["diff"])).stderr, /^No differences$/m);
    await write({ name: "partial", ...wrong });
    await author.fails(["diff"], 2, /json: triggers: must be an object/);
    await write({ name: "partial", ...wrong, triggers: undefined, root: 1 });
    await author.fails(["diff"], 2, /json: root: must be a string/);
  });
  await t.step("a deploy needs all", async () => {
    await write({ name: "partial", ...wrong });
    const run = await author.run(["deploy"]);
    assertFails(run, 2, /invoked\.json: /);
    for (const name of Object.keys(wrong)) assert.match(run.stderr, new RegExp(`${name}\\b`));
  });
  await t.step("the page of a field is named", async () => {
    await write({ name: "partial", tenant: { acess: "READ" } });
    const misspelt = await author.run(["deploy"]);
    assertFails(
      misspelt,
      2,
      /tenant: has no "acess", .*did you mean access\?/,
      /docs\/tenants\.md/,
    );
    await write({ name: "partial", tenant: { access: "READ" } });
    await author.fails(["check"], 2, /json: tenant\.id: is missing$/m, /tenants\.md/);
    await write({ name: "partial", timeout: 5 });
    await author.fails(["deploy"], 2, /timeout/, /docs\/first-function\.md/);
  });
  await t.step("a local server needs no id and no destinations", async () => {
    await author.write(
      "main.test.ts",
      `import { test } from "@c1/test";\nexport default () => test("passes", () => {});\n`,
    );
    await write({ name: "partial", id: 7, onSuccess: "x", onFailure: 1 });
    assert.match(await author.ok(["test"]), /^ok +passes$/m);
    await author.fails(["test", "--remote"], 2, /json: id: must be a string/);
    await write({ name: "partial", memoryMib: "lots" });
    await author.fails(["test"], 2, /json: memoryMib: must be a whole number/);
  });
});

const ACCEPTED: readonly object[] = [
  { $schema: "x", id: "x", root: "../..", triggers: {}, tests: {} },
  { description: "", allowlist: ["a.test:443"], roles: [], volume: "v", variables: { A: "1" } },
  { timeout: "0", cpuTimeout: "1,500 ms", retention: "30d", memoryMib: 0, maxConcurrency: 7 },
  {
    processReuse: "PROCESS_REUSE_NONE",
    circuitBreakerPeriod: "CIRCUIT_BREAKER_PERIOD_UNSPECIFIED",
    evaluation: "EVALUATION_UNSPECIFIED",
  },
  { retryPolicy: { maxAttempts: 3, initialBackoff: "1s", retryOn: ["TIMEOUT"] }, onSuccess: {} },
  {
    triggers: {
      a: { schedule: { cronSpec: "@daily", catchUp: "CATCH_UP_ALL" }, volume: "v" },
      b: { webhook: { github: {}, maxBytes: 5 }, paused: true },
      c: { http: { slug: "x", cors: { maxAge: "600s" } } },
    },
  },
  { tenant: { id: "acme", access: "WRITE", operations: ["apps.*"] } },
  { onFailure: { url: "https://a.test" }, debounce: { key: "/a", delay: "5 min" }, rateLimit: {} },
];
/** Each by the field that is wrong. */
const REJECTED: readonly (readonly [field: string, manifest: object])[] = [
  ["name", { name: " " }],
  ["unknown", { unknown: 1 }],
  ["functionType", { functionType: "FUNCTION_TYPE_ANY" }],
  ["root", { root: "sub" }],
  ["volume", { volume: "" }],
  ["timeout", { timeout: "30" }],
  ["timeout", { timeout: 30 }],
  ["memoryMib", { memoryMib: -1 }],
  ["memoryMib", { memoryMib: 1.5 }],
  ["processReuse", { processReuse: "PROCESS_REUSE_UNSPECIFIED" }],
  ["evaluation", { evaluation: "SHARED" }],
  ["variables", { variables: { A: 1 } }],
  ["retryPolicy", { retryPolicy: { attempts: 3 } }],
  ["tenant", { tenant: { id: "acme", operations: [] } }],
  ["tenant", { tenant: { id: "acme", operation: ["apps.*"] } }],
  ["onSuccess", { onSuccess: { url: "https://a.test", secret: "whsec_" } }],
  ["debounce", { debounce: { delay: 5 } }],
  ["triggers", { triggers: { a: { paused: true } } }],
  ["triggers", { triggers: { a: { schedule: {}, http: { slug: "x" } } } }],
  ["triggers", { triggers: { a: { schedule: { cron: "@daily" } } } }],
  ["triggers", { triggers: { a: { webhook: { github: { secret: "x" } } } } }],
];

Deno.test("the JSON Schema of invoked.json accepts and rejects what the command line does", async (t) => {
  await using directory = await makeTempDir();
  const { url } = await sharedServer();
  const served = await new Client(url, undefined).get("/invoked.schema.json");
  assert.equal(served.status, 200);
  const isValid = new Ajv2020({ allErrors: true }).compile(served.body);
  const accepts = async (fields: object) => {
    const manifest = { name: "x", ...fields };
    await Deno.writeTextFile(join(directory.path, "invoked.json"), JSON.stringify(manifest));
    const violation = await readManifest(directory.path).then(() => "", ({ message }) => message);
    const violations = isValid(manifest) ? [] : isValid.errors ?? [];
    return { violation, violations: JSON.stringify(violations) };
  };
  await t.step("accepted", async () => {
    for (const fields of ACCEPTED) {
      assert.deepEqual(
        await accepts(fields),
        { violation: "", violations: "[]" },
        JSON.stringify(fields),
      );
    }
  });
  await t.step("rejected at the same field", async () => {
    for (const [field, fields] of REJECTED) {
      const { violation, violations } = await accepts(fields);
      assert.match(violation, new RegExp(`\\b${field}\\b`), JSON.stringify(fields));
      assert.match(violations, new RegExp(`\\b${field}\\b`), JSON.stringify(fields));
    }
  });
  await t.step("a new function names it, as its folder has it", async () => {
    await using author = await Author.startShared("described");
    const read = async (path: string) =>
      JSON.parse(await Deno.readTextFile(join(author.folder, path)));
    const { $schema } = await read("invoked.json");
    assert.deepEqual(await read($schema), served.body);
    await author.ok(["deploy"]);
  });
});
