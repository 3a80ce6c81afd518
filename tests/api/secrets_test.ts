import assert from "node:assert/strict";
import { atOnce } from "../support/at_once.ts";
import type { Client, Json } from "../support/client.ts";
import { assertError, assertInvalid, ok } from "../support/expect.ts";
import { sharedSuite } from "../support/suite.ts";

async function put(client: Client, id: string, secret: Json, updateMask?: string): Promise<Json> {
  return await client.update(id, { secret }, updateMask);
}

async function newFunction(client: Client, secret: Json = {}): Promise<string> {
  const { function: { id } } = await client.createFunction("with secrets");
  ok(await put(client, id, secret, "secret"));
  return id;
}

async function names(client: Client, id: string): Promise<Json> {
  return ok(await client.get(`/api/v1/functions/${id}`)).function.secret;
}

/** Whether any file below the directory holds the text. Files of instances come and go meanwhile. */
async function anyFileHolds(directory: string, text: string): Promise<boolean> {
  const { code, stderr } = await new Deno.Command("grep", {
    args: ["-r", "--quiet", "--text", "--fixed-strings", text, directory],
  }).output();
  const violations = new TextDecoder().decode(stderr).split("\n")
    .filter((line) => line !== "" && !line.endsWith("No such file or directory"));
  assert.deepEqual(violations, []);
  return code === 0;
}

sharedSuite("secrets of a function", {
  "values never leave the server, in answers or at rest": async ({ server, client }) => {
    const name = `secretive ${crypto.randomUUID()}`;
    const value = `hunter2-${crypto.randomUUID()}`;
    const { function: { id } } = await client.createFunction(name);
    const answers = [
      await put(client, id, { TOKEN: value }, "secret"),
      await client.get(`/api/v1/functions/${id}`),
      await client.get("/api/v1/functions?page_size=100"),
      await client.post("/api/v1/search/functions", { query: name }),
      await client.update(id, { description: "x" }),
    ];
    for (const answer of answers) {
      const text = JSON.stringify(ok(answer));
      assert.equal(text.includes(value), false);
      assert.equal(text.includes('"secret":{"TOKEN":""}'), true, text);
    }
    assert.equal(await anyFileHolds(server.dataDir, value), false);
    assert.equal(await anyFileHolds(server.dataDir, name), true);
  },

  "the map is the new set: a value replaces, an empty one keeps, a missing name goes": async (
    { client },
  ) => {
    const id = await newFunction(client, { A: "1", B: "2", C: "3" });
    assert.deepEqual(await names(client, id), { A: "", B: "", C: "" });
    ok(await put(client, id, { A: "", B: "changed", D: "4" }, "secret"));
    assert.deepEqual(await names(client, id), { A: "", B: "", D: "" });
    ok(await put(client, id, { D: "" }));
    assert.deepEqual(await names(client, id), { D: "" });
    ok(await put(client, id, undefined, "secret"));
    assert.deepEqual(await names(client, id), {});
  },

  "a name in the mask changes alone, also beside another": async ({ client }) => {
    const id = await newFunction(client, { A: "1", B: "2" });
    const set = (name: string) => put(client, id, { [name]: "x" }, `secret.${name}`);
    for (const answer of await Promise.all(["C", "d.e", "F_G"].map(set))) ok(answer);
    ok(await put(client, id, {}, "secret.A"));
    ok(await put(client, id, { B: "", Z: "not in the mask" }, "secret.B"));
    assert.deepEqual(await names(client, id), { B: "", C: "", "d.e": "", F_G: "" });
    const rejected = await put(client, id, { Y: "" }, "secret.Y,secret.C");
    const fields = ["function.secret.Y"];
    assertInvalid(rejected, fields);
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`N${index}`, "x"]));
    ok(await put(client, id, many, "secret"));
    const over = { fields: ["function.secret"], message: /at most 100 names/ };
    assertError(await set("N100"), "INVALID_FIELD", over);
    ok(await put(client, id, { ALONE: "x" }, "secret.N1,secret"));
    assert.deepEqual(await names(client, id), { ALONE: "" });
  },

  "an update without secret in its mask leaves them": async ({ client }) => {
    const id = await newFunction(client, { A: "1" });
    ok(await client.update(id, { description: "x" }));
    ok(await client.update(id, { secret: {} }, "description"));
    assert.deepEqual(await names(client, id), { A: "" });
  },

  "a new name without a value is rejected, and the request has no effect": async (
    { client },
  ) => {
    const id = await newFunction(client, { A: "1", B: "2" });
    const change = { description: "changed", secret: { A: "new", C: "" } };
    assertInvalid(await client.update(id, change), "function.secret.C");
    const { function: fn } = ok(await client.get(`/api/v1/functions/${id}`));
    assert.deepEqual([fn.secret, fn.description], [{ A: "", B: "" }, ""]);
  },

  "a rejected update does not harm others that are written with it": async ({ client }) => {
    const ids = await atOnce(10, () => newFunction(client));
    const answers = await Promise.all(
      ids.map((id, i) => put(client, id, { A: i % 2 === 0 ? "value" : "" }, "secret")),
    );
    assert.deepEqual(answers.map(({ status }) => status), ids.map((_, i) => i % 2 ? 400 : 200));
    for (const [i, id] of ids.entries()) {
      assert.deepEqual(await names(client, id), i % 2 === 0 ? { A: "" } : {});
    }
  },

  "bad names and values are rejected with their path": async ({ client }) => {
    const id = await newFunction(client);
    const cases: [Json, string][] = [
      [{ "": "x" }, "function.secret"],
      [{ "1A": "x" }, "function.secret.1A"],
      [{ "a b": "x" }, "function.secret.a b"],
      [{ ["A".repeat(129)]: "x" }, `function.secret.${"A".repeat(129)}`],
      [{ A: 1 }, "function.secret.A"],
      [{ A: "x".repeat(64 * 1024 + 1) }, "function.secret.A"],
      [
        Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`A${i}`, "x"])),
        "function.secret",
      ],
      [["A"], "function.secret"],
      ["A", "function.secret"],
    ];
    for (const [secret, field] of cases) {
      const { status, body } = await put(client, id, secret, "secret");
      assert.equal(status, 400);
      const [{ fieldViolations }] = body.details;
      assert.ok(fieldViolations[0].field.startsWith(field), JSON.stringify(fieldViolations));
    }
    assert.deepEqual(await names(client, id), {});
  },

  "a name may be what JavaScript holds special": async ({ client }) => {
    const secret = JSON.parse('{"__proto__": "x", "constructor": "y", "toString": "z"}');
    const id = await newFunction(client, secret);
    const stored = await names(client, id);
    assert.deepEqual(Object.keys(stored).sort(), ["__proto__", "constructor", "toString"]);
  },
});
