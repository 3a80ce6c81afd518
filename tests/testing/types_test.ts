/** The types of commits: checked in the background, reported beside the commit, without blocking anything. */
import assert from "node:assert/strict";
import type { Client, Json } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { MAIN, ok } from "../support/expect.ts";
import { allGone, argumentsOf, descendantsOf, signalUnlessEnded } from "../support/processes.ts";
import { TestServer } from "../support/server.ts";
import { serverSuite, sharedSuite } from "../support/suite.ts";
import { HONO, WORKERS_APPS } from "../endpoints/workers_apps.ts";
import { CHECK_PATIENCE_MS, checked } from "./support.ts";

/** Checks are slow on a busy machine. */
const CHECKED = { env: { INVOKED_CHECK_TYPES: "true", INVOKED_BUILD_TIMEOUT: "10m" } };
const WRONG = `import { length } from "./lib/length.ts";
export default (): { n: string } => ({ n: length });
`;
const LENGTH = "export const length: number = 'three';\n";

const OUTPUTS = "lib/outputs.ts";
const NO_OUTPUTS = ["[1]", "new Map()", "new Date()", "Promise.resolve({})", "() => ({})", "null"];

/** A function with errors in each file; in {@link OUTPUTS}, one a line from the third on. */
let wrong: Promise<string> | undefined;

function deployWrong(client: Client): Promise<string> {
  const outputs = [
    'import type { JSONObject } from "@c1/functions-sdk";',
    "export const values = [",
    ...NO_OUTPUTS.map((value) => `(): JSONObject => (${value}),`),
    "];",
  ];
  return client.deploy(WRONG, {
    "lib/length.ts": `${LENGTH}import "./outputs.ts";\n`,
    [OUTPUTS]: outputs.join("\n"),
    "main.test.ts": `import { test } from "@c1/test";\ntest("x", ({ equal }) => { equal(1); });\n`,
  });
}

/** Waits for the compiler of a type check, kills it, and waits for its end. */
async function killChecker({ pid: server }: TestServer): Promise<void> {
  const pid = await eventually(
    async () => {
      for (const descendant of descendantsOf(server)) {
        const [program = "", command] = await argumentsOf(descendant);
        if (program.endsWith("deno") && command === "check") return descendant;
      }
    },
    "a type check",
    CHECK_PATIENCE_MS,
  );
  signalUnlessEnded(pid, "SIGKILL");
  await allGone([pid]);
}

serverSuite("types: checked", CHECKED, {
  "each error with its position and code, in every file and the tests": async ({ client }) => {
    const id = await (wrong ??= deployWrong(client));
    const { state, diagnostics } = await checked(client, id);
    assert.deepEqual([state, diagnostics.filter(({ path }: Json) => path !== OUTPUTS)], [
      "TYPE_CHECK_STATE_CHECKED",
      [
        {
          path: "lib/length.ts",
          line: 1,
          column: 14,
          message: "Type 'string' is not assignable to type 'number'.",
          code: "TS2322",
        },
        {
          path: "main.test.ts",
          line: 2,
          column: 28,
          message: "Expected 2-3 arguments, but got 1.",
          code: "TS2554",
        },
        {
          path: "main.ts",
          line: 2,
          column: 40,
          message: "Type 'number' is not assignable to type 'string'.",
          code: "TS2322",
        },
      ],
    ]);
    assert.equal(ok(await client.invoke(id)).json, btoa('{"n":"three"}'));
  },

  "an output that is no JSON object, where its type says that it is one": async ({ client }) => {
    const { diagnostics } = await checked(client, await (wrong ??= deployWrong(client)));
    assert.deepEqual(
      diagnostics.filter(({ path }: Json) => path === OUTPUTS)
        .map(({ code, line }: Json) => [code, line]),
      NO_OUTPUTS.map((_, index) => ["TS2322", index + 3]),
    );
  },

  "a default export that can never work": async ({ client }) => {
    const id = await client.deploy("\nexport default { a: 1 };");
    const message = "The default export is not a function, and has no fetch";
    assert.deepEqual((await checked(client, id)).diagnostics, [
      { path: "main.ts", line: 2, column: 1, message },
    ]);
  },

  "none of apps of Workers with Hono": async ({ client }) => {
    const apps = Object.fromEntries(WORKERS_APPS.map((code, n) => [`${n}.ts`, code]));
    const main = `export { default } from "./0.ts"; import "./1.ts"; import "./2.ts";`;
    const id = await client.deploy(main, { ...apps, ...HONO });
    assert.deepEqual((await checked(client, id)).diagnostics, []);
  },

  "finalizing does not wait for it": async ({ client }) => {
    const { function: fn } = await client.createFunction("types");
    const finalized = ok(
      await client.commit(fn.id, {
        "main.ts": `import type { JSONObject } from "@c1/functions-sdk";
          export default (input: JSONObject): JSONObject => input;`,
        "main.test.ts": `import { test, type TestContext } from "@c1/test";
          export default ({ handler }: TestContext) =>
            test("x", async ({ equal, rejects }) => {
              equal((await handler({ a: 1 })).a, 1);
              await rejects(handler({}));
            });`,
      }),
    );
    assert.deepEqual(finalized.typeCheck, { state: "TYPE_CHECK_STATE_PENDING", diagnostics: [] });
    assert.deepEqual(await checked(client, fn.id, finalized.commit.id), {
      state: "TYPE_CHECK_STATE_CHECKED",
      diagnostics: [],
    });
  },

  "a check whose compiler was killed is repeated": async ({ server, client }) => {
    const id = await client.deploy(MAIN);
    await killChecker(server);
    assert.equal((await checked(client, id)).state, "TYPE_CHECK_STATE_CHECKED");
  },

  "a check whose compiler is killed each time ends with a reason": async ({ server, client }) => {
    const id = await client.deploy(MAIN);
    for (let attempt = 0; attempt < 3; attempt++) await killChecker(server);
    const { state, diagnostics, reason } = await checked(client, id);
    assert.deepEqual(
      [state, diagnostics, reason],
      ["TYPE_CHECK_STATE_NOT_CHECKED", [], "CHECKER_FAILED"],
    );
  },
}, {
  "what a stop left unchecked is checked after the next start": async ({ server, client }) => {
    const id = await client.deploy(WRONG, { "lib/length.ts": LENGTH });
    await server.stop("SIGKILL");
    await using again = await TestServer.start({ ...CHECKED, dataDir: server.dataDir });
    const { diagnostics } = await checked(await again.client(), id);
    assert.equal(diagnostics.length, 2);
    assert.equal((await again.stop("SIGTERM")).code, 0);
  },
});

sharedSuite("types: not checked", {
  "where the operator turned it off": async ({ client }) => {
    const id = await client.deploy(MAIN);
    const { typeCheck } = ok(await client.get(`/api/v1/functions/${id}/commits/HEAD`));
    assert.deepEqual(typeCheck, { state: "TYPE_CHECK_STATE_NOT_CHECKED", diagnostics: [] });
  },
});
