import assert from "node:assert/strict";
import { OPERATIONS } from "../../src/api/mod.ts";
import type { Field } from "../../src/resources/field.ts";
import { FUNCTION_SETTINGS } from "../../src/resources/functions.ts";
import { BUILTIN_ROLE_IDS } from "../../src/resources/roles.ts";
import { base64, type Client, type Json, unbase64 } from "../support/client.ts";
import { assertError, assertInvalid, MAIN, ok, RFC3339_UTC } from "../support/expect.ts";
import { sharedSuite } from "../support/suite.ts";

const FUNCTIONS = "/api/v1/functions";
const SEARCH = "/api/v1/search/functions";

/** Content whose base64 has padding, `+` and `/`. */
const CONTENT = `${MAIN}// ~~~??>>\u{1F600}`;

async function stored(client: Client, encoded: string): Promise<string> {
  const { function: { id } } = ok(
    await client.post(FUNCTIONS, {
      displayName: "b",
      initialContent: { "main.ts": base64(MAIN), "data.txt": encoded },
    }),
  );
  return ok(await client.get(`${FUNCTIONS}/${id}/commits/HEAD`)).files["data.txt"];
}

sharedSuite("conventions", {
  "null means absent, at every depth": async ({ client }) => {
    const { function: fn, commit } = ok(
      await client.post(FUNCTIONS, {
        displayName: "n",
        description: null,
        functionType: null,
        initialContent: null,
        commitMessage: null,
      }),
    );
    assert.equal(commit, undefined);
    assert.deepEqual([fn.description, fn.functionType], ["", "FUNCTION_TYPE_ANY"]);
    ok(await client.post(SEARCH, { query: null, functionTypes: null, pageSize: null }));
    const { function: changed } = ok(
      await client.post(`${FUNCTIONS}/update`, {
        function: { id: fn.id, displayName: null, description: "d", secret: null },
        content: null,
      }),
    );
    assert.deepEqual([changed.displayName, changed.description], ["n", "d"]);
    assertInvalid(await client.post(FUNCTIONS, { displayName: null }), "displayName");
    assertInvalid(await client.post(SEARCH, { functionTypes: [null] }), "functionTypes[0]");
  },

  "unknown fields are ignored": async ({ client }) => {
    const unknown = { fromTheFuture: { deep: [1, null] }, "": 1, constructor: 2 };
    const { function: fn } = ok(await client.post(FUNCTIONS, { displayName: "u", ...unknown }));
    const { function: changed } = ok(
      await client.post(`${FUNCTIONS}/update`, {
        function: { id: fn.id, description: "d", ...unknown },
        ...unknown,
      }),
    );
    assert.deepEqual({ ...fn, description: "d", updatedAt: changed.updatedAt }, changed);
    ok(await client.get(`${FUNCTIONS}?nope=1&page_size=10`));
    const proto = '{"displayName": "p", "__proto__": {"description": "polluted"}}';
    assert.equal(ok(await client.post(FUNCTIONS, proto)).function.description, "");
  },

  "settings that C1 does not have reject unknown fields": async ({ client }) => {
    const { function: fn } = await client.createFunction("s");
    const triggers = `${FUNCTIONS}/${fn.id}/triggers`;
    const groups = Object.entries<Field>(FUNCTION_SETTINGS)
      .filter(([, { kind, isOfC1 }]) => kind === "group" && !isOfC1).map(([name]) => name);
    assert.ok(groups.length >= 6, groups.join());
    const requests: readonly (readonly [field: string, path: string, body: Json])[] = [
      ...groups.map((name) =>
        [
          `function.${name}`,
          `${FUNCTIONS}/update`,
          { function: { id: fn.id, [name]: { misspelt: 1 } }, updateMask: name },
        ] as const
      ),
      ...["schedule", "webhook", "http", "webhook.github", "webhook.jwt", "http.cors"].map(
        (path) => {
          const settings = path.split(".").reduceRight<Json>(
            (inner, name) => ({ [name]: inner }),
            { misspelt: 1 },
          );
          const trigger = { displayName: "t", ...settings };
          return [`trigger.${path}`, triggers, { trigger }] as const;
        },
      ),
      ["role", "/api/v1/iam/roles", { role: { displayName: "r", permissions: [], misspelt: 1 } }],
    ];
    for (const [field, path, body] of requests) {
      assertInvalid(
        await client.post(path, body),
        `${field}.misspelt`,
        /is not a field of this setting, which rejects unknown ones/,
      );
    }
    // Clients send back what they were answered.
    const webhook = {
      github: { secret: "a-secret-of-sixteen" },
      allowSourceCidrs: ["192.0.2.0/24"],
    };
    const { trigger } = ok(await client.post(triggers, { trigger: { displayName: "w", webhook } }));
    assert.ok(trigger.webhook.listenerId);
    ok(await client.call("PATCH", `${triggers}/${trigger.id}`, { trigger, updateMask: "webhook" }));
    const role = { displayName: "from an answer", permissions: [] };
    const { role: made } = ok(await client.post("/api/v1/iam/roles", { role }));
    ok(await client.post("/api/v1/iam/roles", { role: made }));
  },

  "an empty, missing or null body means {}": async ({ client }) => {
    // Other tests make functions on this server meanwhile, but do not call this function.
    const { function: { id } } = await client.createFunction("e");
    const search = `${FUNCTIONS}/${id}/invocations/search`;
    const expected = ok(await client.post(search, {}));
    for (const body of [undefined, "", "null", " {} "]) {
      assert.deepEqual(ok(await client.post(search, body)), expected);
      ok(await client.post(SEARCH, body));
    }
    const plain = await client.call("POST", search, "{}", { "content-type": "text/plain" });
    assert.deepEqual(ok(plain), expected);
  },

  "a body that is not a JSON object is rejected": async ({ client }) => {
    for (const body of ["{", "{'a': 1}", "hello", "{}{}", Uint8Array.of(0x7b, 0xff, 0x7d)]) {
      assertError(await client.post(SEARCH, body), "BODY_NOT_JSON");
    }
    for (const body of ["[]", '"text"', "1", "true"]) {
      assertInvalid(await client.post(SEARCH, body), "body");
    }
    const deep = `{"x":${"[".repeat(1_000)}${"]".repeat(1_000)}}`;
    assertError(await client.post(SEARCH, deep), "BODY_NOT_JSON");
    const many = await client.post(SEARCH, `{"x":[${"0,".repeat(200_000)}0]}`);
    assertError(many, "BODY_NOT_JSON");
    assert.match(many.body.message, /more than 200,000 values: fields and entries of lists$/);
    ok(await client.post(SEARCH, `{"x":[${"0,".repeat(199_000)}0]}`));
  },

  "a field of the wrong type is named by its path": async ({ client }) => {
    const { function: { id } } = await client.createFunction("w");
    const cases: [string, Json, string][] = [
      [FUNCTIONS, { displayName: ["x"] }, "displayName"],
      [FUNCTIONS, { displayName: "x", description: 1 }, "description"],
      [FUNCTIONS, { displayName: "x", functionType: 1.5 }, "functionType"],
      [FUNCTIONS, { displayName: "x", initialContent: [] }, "initialContent"],
      [FUNCTIONS, { displayName: "x", initialContent: "x" }, "initialContent"],
      [FUNCTIONS, { displayName: "x", initialContent: { "main.ts": 1 } }, "initialContent.main.ts"],
      [SEARCH, { query: {} }, "query"],
      [SEARCH, { functionTypes: "FUNCTION_TYPE_ANY" }, "functionTypes"],
      [`${FUNCTIONS}/${id}/commits`, { filenames: "main.ts" }, "filenames"],
      [`${FUNCTIONS}/${id}/commits`, { filenames: ["main.ts", 1] }, "filenames[1]"],
      [`${FUNCTIONS}/${id}/tags`, { name: 1, commitId: "x" }, "name"],
      [`${FUNCTIONS}/update`, { function: [] }, "function"],
      [`${FUNCTIONS}/update`, { function: { id: 1 } }, "function.id"],
      [`${FUNCTIONS}/update`, { function: { id, secret: { A: [] } } }, "function.secret.A"],
      [`${FUNCTIONS}/update`, { function: { id }, content: { "main.ts": {} } }, "content.main.ts"],
    ];
    for (const [path, body, field] of cases) assertInvalid(await client.post(path, body), field);
  },

  "a violation of a field names its rule and its value, but no secret": async ({ client }) => {
    const { function: { id } } = await client.createFunction("f");
    const update = (settings: Json) => client.update(id, { ...settings });
    const trigger = (settings: Json) =>
      client.post(`${FUNCTIONS}/${id}/triggers`, { trigger: { displayName: "t", ...settings } });
    const cron = (schedule: Json) => trigger({ schedule: { cronSpec: "@daily", ...schedule } });
    const secret = "s".repeat(70_000);
    const cases: [Promise<{ body: Json }>, string][] = [
      [client.post(SEARCH, []), "body: must be an object; it is an array"],
      [client.post(FUNCTIONS, {}), "displayName: is missing"],
      [client.post(FUNCTIONS, { displayName: "" }), "displayName: must not be empty"],
      [client.post(FUNCTIONS, { displayName: 1 }), "displayName: must be a string; it is a number"],
      [
        client.post(FUNCTIONS, { displayName: "x".repeat(3000) }),
        "displayName: must have at most 256 characters; it has 3,000 characters",
      ],
      [
        update({ processReuse: "SHARED" }),
        "function.processReuse: must be one of PROCESS_REUSE_UNSPECIFIED, PROCESS_REUSE_NONE, " +
        'PROCESS_REUSE_SEQUENTIAL; it is "SHARED"',
      ],
      [update({ memoryMib: 1.5 }), "function.memoryMib: must be a 32-bit integer; it is 1.5"],
      [update({ memoryMib: -1 }), "function.memoryMib: must not be negative; it is -1"],
      [
        update({ provisionedConcurrency: 1e5 }),
        "function.provisionedConcurrency: 100,000 is not between 0 and 100",
      ],
      [
        update({ timeout: "1m" }),
        'function.timeout: must be a number of seconds such as "30s" or "1.5s", with at most 3 decimals; it is "1m"',
      ],
      [
        update({ variables: { A: "v".repeat(70_000) } }),
        "function.variables: must have at most 64 KiB; it has 70,001 B, names and values together",
      ],
      [
        update({ secret: { A: secret } }),
        "function.secret.A: must have at most 64 KiB; it has 70 kB",
      ],
      [update({ secret: { A: [secret] } }), "function.secret.A: must be a string; it is an array"],
      [
        client.post(`${FUNCTIONS}/${id}/invocations/search`, { since: "yesterday" }),
        'since: must be an RFC 3339 time such as 2026-01-31T12:00:00Z; it is "yesterday"',
      ],
      [
        client.post(`${FUNCTIONS}/${id}/circuit_breaker/clear`, {}),
        "decision: is missing; it must be one of PAUSED_EXECUTION_DECISION_UNSPECIFIED, " +
        "PAUSED_EXECUTION_DECISION_RUN, PAUSED_EXECUTION_DECISION_CANCEL",
      ],
      [
        client.post("/api/v1/iam/personal_clients", { displayName: "c", expires: "1s" }),
        "expires: 1 s is not between 60 s and 180 d",
      ],
      [
        cron({ overlap: "X" }),
        "trigger.schedule.overlap: must be one of OVERLAP_UNSPECIFIED, OVERLAP_ALLOW, OVERLAP_SKIP, " +
        'OVERLAP_QUEUE; it is "X"',
      ],
      [
        cron({ cronSpec: "x".repeat(2000) }),
        "trigger.schedule.cronSpec: must have at most 256 characters; it has 2,000 characters",
      ],
      [
        trigger({ webhook: { hmac: {}, maxBytes: 2 ** 30 } }),
        "trigger.webhook.maxBytes: 1 GiB exceed the limit of 1 MiB (--max-webhook)",
      ],
      [
        trigger({ webhook: { hmac: {}, allowSourceCidrs: ["x"] } }),
        'trigger.webhook.allowSourceCidrs[0]: must be a network such as 192.0.2.0/24 or 2001:db8::/32; it is "x"',
      ],
      [
        trigger({ webhook: { github: { secret } } }),
        "trigger.webhook.github.secret: must have at most 1,024 characters; it has 70,000 characters",
      ],
    ];
    for (const [answer, message] of cases) assert.equal((await answer).body.message, message);
  },

  "integers may come as strings, and go as numbers": async ({ client }) => {
    const { function: { id } } = await client.createFunction("i");
    for (const [given, expected] of [["7", 7], [8, 8], ["0", 0]]) {
      const { function: fn } = ok(await client.update(id, { provisionedConcurrency: given }));
      assert.equal(fn.provisionedConcurrency, expected);
    }
    for (const provisionedConcurrency of ["x", "", "1.5", "0x1", {}]) {
      const answer = await client.update(id, { provisionedConcurrency });
      assertInvalid(answer, "function.provisionedConcurrency");
    }
  },

  "bytes are accepted in every form of base64, and answered in the standard one": async (
    { client },
  ) => {
    const standard = base64(CONTENT);
    assert.match(standard, /[+/].*=$/);
    const url = standard.replaceAll("+", "-").replaceAll("/", "_");
    for (const form of [standard, url, standard.replace(/=+$/, ""), url.replace(/=+$/, "")]) {
      const answered = await stored(client, form);
      assert.equal(answered, standard);
      assert.equal(unbase64(answered), CONTENT);
    }
    for (const bad of ["?", "YQ=", "YQ===", "Y", "YQ==YQ==", "Y Q=", "+-AA", "=", "YQ\n=="]) {
      const answer = await client.post(FUNCTIONS, {
        displayName: "b",
        initialContent: { "main.ts": bad },
      });
      assertInvalid(answer, "initialContent.main.ts", /base64/);
    }
  },

  "text comes back as it was sent": async ({ client }) => {
    for (const text of ["ä\u{1F600}漢字", "\u2028\u202e", '"\\\n\t', "<script>"]) {
      const { function: { id } } = ok(
        await client.post(FUNCTIONS, { displayName: text, description: text }),
      );
      const { function: fn } = ok(await client.get(`${FUNCTIONS}/${id}`));
      assert.deepEqual([fn.displayName, fn.description], [text, text]);
    }
    for (const field of ["displayName", "description", "commitMessage"]) {
      assertInvalid(await client.post(FUNCTIONS, { displayName: "x", [field]: "a\u0000b" }), field);
    }
  },

  "ids are ordered by time, and times are RFC 3339 in UTC": async ({ client }) => {
    const created: Json[] = [];
    for (let n = 0; n < 20; n++) created.push((await client.createFunction("o")).function);
    const ids = created.map(({ id }) => id);
    assert.deepEqual(ids.toSorted(), ids);
    assert.equal(new Set(ids).size, 20);
    for (const { createdAt } of created) assert.match(createdAt, RFC3339_UTC);
  },

  "introspection names the caller": async ({ server, client }) => {
    const { principleId, userId, permissions, ...rest } = ok(
      await client.get("/api/v1/auth/introspect"),
    );
    assert.match(principleId, /^[0-9A-Za-z]{27}$/);
    assert.equal(userId, principleId);
    const needed = OPERATIONS.filter(({ requires }) => requires !== undefined)
      .map(({ operationId }) => `permission/${operationId}`);
    assert.deepEqual(permissions, needed.toSorted());
    assert.deepEqual(rest, {
      tenantId: new URL(server.url).hostname,
      roles: [BUILTIN_ROLE_IDS["system:owner"]],
      features: [],
      deviceClientId: "",
      disabledModules: [],
    });
  },
});
