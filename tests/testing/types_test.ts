/** The types of commits: checked in the background, reported beside the commit, without blocking anything. */
import assert from "node:assert/strict";
import type { Client, Json } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { MAIN, ok } from "../support/expect.ts";
import { allGone, argumentsOf, descendantsOf, signalUnlessEnded } from "../support/processes.ts";
import { TestServer } from "../support/server.ts";
import { runSteps, sharedSuite, type Steps } from "../support/suite.ts";

/** A check takes seconds of processor time, and as long as it takes on a busy machine. */
const CHECKED = { env: { INVOKED_CHECK_TYPES: "true", INVOKED_BUILD_TIMEOUT: "10m" } };
const CHECK_PATIENCE_MS = 600_000;

const WRONG = `import { length } from "./lib/length.ts";
export default (): { n: string } => ({ n: length });
`;
const LENGTH = "export const length: number = 'three';\n";

/** The report on a commit once its types were checked. */
async function checked(client: Client, functionId: string, reference = "HEAD"): Promise<Json> {
  const read = async () => {
    const { typeCheck } = ok(
      await client.get(`/api/v1/functions/${functionId}/commits/${reference}`),
    );
    return typeCheck.state === "TYPE_CHECK_STATE_PENDING" ? undefined : typeCheck;
  };
  return await eventually(read, "the types of the commit", CHECK_PATIENCE_MS);
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

const STEPS: Steps = {
  "each fault with its position and code, in every file and the tests": async ({ client }) => {
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

  "a default export that can never work, and none that may": async ({ client }) => {
    // Each begins in line 2.
    const cases: readonly (readonly [main: string, message?: string])[] = [
      [
        "export const main = () => ({});",
        "The module exports neither a default function nor fetch",
      ],
      ["export default { a: 1 };", "The default export is not a function, and has no fetch"],
      [
        "export default (): Map<string, number> | Response => new Map();",
        "The default export returns a Map or a Response, not a JSON object",
      ],
      [
        "export default (name = '', _: number[] = []) => ({ name });",
        "The default export takes a string, not a JSON object",
      ],
      [
        "export default (rows: string[] | bigint) => ({ rows: String(rows) });",
        "The default export takes a bigint or an array, not a JSON object",
      ],
      [`export default (_: unknown) => ({});
        export const others = [(..._: unknown[]) => ({}), (_?: { a: 1 } | string) => ({})];`],
      [`interface Sum { sum: number }
        export default async ({ of }: { of: number[] }): Promise<Sum> => ({ sum: of.length });`],
      [`class Point { #x = 1; toJSON() { return { x: this.#x }; } }
        export default (input: { a?: number }) => { if (input.a) return new Point(); };`],
      ["export const fetch = () => 'x';", "fetch returns something else than a Response"],
      ["export default { fetch: 1 };", "fetch is not a function"],
      ["export default { fetch: (request: Request) => new Response(request.body) };"],
      [`import type { FetchHandler } from "@c1/functions-sdk";
        export const fetch: FetchHandler = (_, { waitUntil, deadline }) => {
          waitUntil(Promise.resolve());
          return new Response(deadline);
        };`],
    ];
    const { function: { id } } = await client.createFunction("entry");
    const commits: string[] = [];
    for (const [main] of cases) {
      commits.push(ok(await client.commit(id, { "main.ts": `\n${main}` })).commit.id);
    }
    for (const [index, [main, message]] of cases.entries()) {
      const { diagnostics } = await checked(client, id, commits[index]);
      const position = /default|fetch/.test(main) ? { line: 2, column: 1 } : {};
      const expected = message === undefined ? [] : [{ path: "main.ts", ...position, message }];
      assert.deepEqual(diagnostics, expected, main);
    }
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
