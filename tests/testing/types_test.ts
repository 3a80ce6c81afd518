/** The types of commits: checked in the background, reported beside the commit, without blocking anything. */
import assert from "node:assert/strict";
import type { Json } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { MAIN, ok } from "../support/expect.ts";
import { allGone, argumentsOf, descendantsOf, signalUnlessEnded } from "../support/processes.ts";
import { TestServer } from "../support/server.ts";
import { runSteps, sharedSuite, type Steps } from "../support/suite.ts";
import { CHECK_PATIENCE_MS, checked } from "./support.ts";

/** Checks are slow on a busy machine. */
const CHECKED = { env: { INVOKED_CHECK_TYPES: "true", INVOKED_BUILD_TIMEOUT: "10m" } };
const WRONG = `import { length } from "./lib/length.ts";
export default (): { n: string } => ({ n: length });
`;
const LENGTH = "export const length: number = 'three';\n";

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

const STEPS: Steps = {
  "each error with its position and code, in every file and the tests": async ({ client }) => {
    const id = await client.deploy(WRONG, {
      "lib/length.ts": LENGTH,
      "main.test.ts":
        `import { test } from "@c1/test";\ntest("x", ({ equal }) => { equal(1); });\n`,
    });
    assert.deepEqual(await checked(client, id), {
      state: "TYPE_CHECK_STATE_CHECKED",
      diagnostics: [
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
    });
    assert.equal(ok(await client.invoke(id)).json, btoa('{"n":"three"}'));
  },

  "a default export that can never work": async ({ client }) => {
    const id = await client.deploy("\nexport default { a: 1 };");
    const message = "The default export is not a function, and has no fetch";
    assert.deepEqual((await checked(client, id)).diagnostics, [
      { path: "main.ts", line: 2, column: 1, message },
    ]);
  },

  "an output that is no JSON object, where its type says that it is one": async ({ client }) => {
    const values = ["[1]", "new Map()", "new Date()", "Promise.resolve({})", "() => ({})", "null"];
    const { function: { id } } = await client.createFunction("outputs");
    const lines = values.map((value) => `(): JSONObject => (${value}),`);
    const main = [
      'import type { JSONObject } from "@c1/functions-sdk";',
      "export const values = [",
      ...lines,
      "];",
      "export default () => ({});",
    ];
    const { commit } = ok(await client.commit(id, { "main.ts": main.join("\n") }));
    const { diagnostics } = await checked(client, id, commit.id);
    assert.deepEqual(
      diagnostics.map(({ code, line }: Json) => [code, line]),
      values.map((_, index) => ["TS2322", index + 3]),
    );
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
};

Deno.test("types: checked", async (t) => {
  await using server = await TestServer.start(CHECKED);
  await runSteps(t, server, STEPS);
  const client = await server.client();
  await t.step("a check whose compiler was killed is repeated", async () => {
    const id = await client.deploy(MAIN);
    await killChecker(server);
    assert.equal((await checked(client, id)).state, "TYPE_CHECK_STATE_CHECKED");
  });
  await t.step("a check whose compiler is killed each time ends with a reason", async () => {
    const id = await client.deploy(MAIN);
    for (let attempt = 0; attempt < 3; attempt++) await killChecker(server);
    const { state, diagnostics, reason } = await checked(client, id);
    assert.deepEqual(
      [state, diagnostics, reason],
      ["TYPE_CHECK_STATE_NOT_CHECKED", [], "CHECKER_FAILED"],
    );
  });
  await t.step("what a stop left unchecked is checked after the next start", async () => {
    const id = await (await server.client()).deploy(WRONG, { "lib/length.ts": LENGTH });
    await server.stop("SIGKILL");
    await using again = await TestServer.start({ ...CHECKED, dataDir: server.dataDir });
    const { diagnostics } = await checked(await again.client(), id);
    assert.equal(diagnostics.length, 2);
    const stopping = await again.stop("SIGTERM");
    assert.equal(stopping.code, 0);
  });
});

sharedSuite("types: not checked", {
  "where the operator turned it off": async ({ client }) => {
    const id = await client.deploy(MAIN);
    const { typeCheck } = ok(await client.get(`/api/v1/functions/${id}/commits/HEAD`));
    assert.deepEqual(typeCheck, { state: "TYPE_CHECK_STATE_NOT_CHECKED", diagnostics: [] });
  },
});
