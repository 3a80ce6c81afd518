/** What a run of tests reports, through the API. */
import assert from "node:assert/strict";
import { sharedSuite } from "../support/suite.ts";
import type { Json } from "../support/client.ts";
import { assertError, ok } from "../support/expect.ts";
import { answerOf, MAIN, outline, resultsOf, runTests, withTests } from "./support.ts";

/** Options of tests that a function's author writes. */
const [SKIP, ONLY] = ["skip", "only"].map((option) => `{ ${option}: true }`);

const BOTH = `import { test, type TestContext } from "@c1/test";

test("at the top", ({ equal, ok }) => {
  equal(1 + 1, 2);
  ok("yes", "has a value");
});

export default async function registerTests({ handler }: TestContext) {
  await Promise.resolve();
  test("of the handler", async ({ equal }) => {
    const { n } = await handler({ n: 1 });
    console.log("n is", n);
    equal(n, 3, "adds two");
    equal(n, 2);
  });
  test("fails", (t) => t.fail());
}
`;

sharedSuite("tests: results", {
  "every assertion of every test, its position, and what was logged": async ({ client }) => {
    const { result, results } = await answerOf(client, BOTH);
    assert.deepEqual(results, [
      {
        name: "at the top",
        status: "FUNCTION_TEST_RESULT_STATUS_OK",
        assertions: [
          {
            description: "should be equal",
            operator: "===",
            expected: "2",
            actual: "2",
            at: "main.test.ts:4:3",
            pass: true,
          },
          {
            description: "has a value",
            operator: "ok",
            expected: "truthy",
            actual: "yes",
            at: "main.test.ts:5:3",
            pass: true,
          },
        ],
        logs: [],
      },
      {
        name: "of the handler",
        status: "FUNCTION_TEST_RESULT_STATUS_FAIL",
        assertions: [
          {
            description: "adds two",
            operator: "===",
            expected: "3",
            actual: "2",
            at: "main.test.ts:13:5",
            pass: false,
          },
          {
            description: "should be equal",
            operator: "===",
            expected: "2",
            actual: "2",
            at: "main.test.ts:14:5",
            pass: true,
          },
        ],
        logs: [{ level: "info", source: "console", log: "n is 2" }],
      },
      {
        name: "fails",
        status: "FUNCTION_TEST_RESULT_STATUS_FAIL",
        assertions: [
          {
            description: "should not be reached",
            operator: "fail",
            expected: "not reached",
            actual: "reached",
            at: "main.test.ts:16:26",
            pass: false,
          },
        ],
        logs: [],
      },
    ]);
    assert.deepEqual(result, results[1]);
  },

  "equal is strict, and values are shown as text": async ({ client }) => {
    const [{ assertions }] = await resultsOf(
      client,
      `import { test } from "@c1/test";
      test("values", ({ equal, ok }) => {
        const cycle: Record<string, unknown> = {};
        cycle.self = cycle;
        for (const value of ["a", 1, 1n, null, undefined, Symbol("s"), { a: [1] }, cycle, () => 0]) {
          equal(value, value);
        }
        equal({ a: 1 }, { a: 1 });
        equal(NaN, NaN);
        equal("1", 1);
        ok("x".repeat(10_000));
      });`,
    );
    const shown = assertions.map((a: { actual: string; pass: boolean }) => [a.actual, a.pass]);
    assert.deepEqual(shown, [
      ["a", true],
      ["1", true],
      ["1", true],
      ["null", true],
      ["undefined", true],
      ["Symbol(s)", true],
      ['{"a":[1]}', true],
      ["[object Object]", true],
      ["[Function ]", true],
      ['{"a":1}', false],
      ["NaN", false],
      ["1", false],
      [`${"x".repeat(4096)}...`, true],
    ]);
  },

  "deepEqual compares every part, and shows the lines that differ": async ({ client }) => {
    const [{ assertions }] = await resultsOf(
      client,
      `import { test } from "@c1/test";
      test("values", ({ deepEqual }) => {
        deepEqual({ a: [1, new Map([["x", new Date(0)]])] }, { a: [1, new Map([["x", new Date(0)]])] });
        deepEqual({ a: 1, b: [1, 2, 3], c: 3 }, { c: 3, b: [1, 4, 3], a: 1 });
        deepEqual("one\\ntwo", "one\\n2");
        const numbers = (changed: number) => Array.from({ length: 50_000 }, (_, i) => i === 20_000 ? changed : i);
        deepEqual(numbers(1), numbers(2));
        deepEqual({ a: undefined }, {});
        deepEqual([1], [1], "described");
      });`,
    );
    assert.deepEqual(assertions.map(({ pass }: Json) => pass), [
      true,
      false,
      false,
      false,
      false,
      true,
    ]);
    const [, nested, text, long] = assertions.map(({ diff }: Json) => diff);
    assert.equal(
      nested,
      "+ actual, - expected\n  {\n    a: 1,\n    b: [\n      1,\n+     2,\n-     4,\n      3\n    ],\n    c: 3\n  }",
    );
    assert.equal(text, "+ actual, - expected\n  one\n+ two\n- 2");
    assert.match(long, /^ {4}19999,\n\+ {3}1,\n- {3}2,\n {4}20001,$/m);
    assert.ok(!("diff" in assertions[0]));
    assert.equal(assertions[5].description, "described");
  },

  "throws and rejects compare what is thrown with their matcher": async ({ client }) => {
    const [{ assertions, error }] = await resultsOf(
      client,
      `import { test } from "@c1/test";
      class Lost extends TypeError { code = 7; }
      const lose = () => { throw new Lost("no luck"); };
      const matchers = [undefined, TypeError, Lost, "luck", /^TypeError: no/, { code: 7, message: /no/ },
        (error: unknown) => error instanceof Lost, RangeError, "other", /other/, { code: 8 }, () => false];
      test("matchers", async ({ throws, rejects, equal }) => {
        for (const matcher of matchers) throws(lose, matcher);
        throws(() => {});
        throws(async () => { await Promise.reject(new Error("later")); });
        equal(await rejects(async () => lose(), Lost), true);
        await rejects(Promise.resolve(1));
        await rejects(lose, "luck");
        rejects(new Promise((_, reject) => setTimeout(() => reject(new Error("late")), 100)), "late");
      });`,
    );
    assert.equal(error, undefined);
    const passed = assertions.map(({ operator, pass }: Json) => `${operator} ${pass}`);
    const times = (count: number, text: string) => Array.from({ length: count }, () => text);
    assert.deepEqual(passed, [
      ...times(7, "throws true"),
      ...times(7, "throws false"),
      ...["rejects true", "=== true", "rejects false", "rejects true", "rejects true"],
    ]);
    const { expected, actual } = assertions[7];
    assert.deepEqual([expected, actual], ["an error of class RangeError", "TypeError: no luck"]);
    assert.equal(assertions[12].actual, "no error");
    assert.equal(assertions.at(-1).at, "main.test.ts:13:9");
  },

  "skip, only, and the first result where nothing fails": async ({ client }) => {
    const answer = await answerOf(
      client,
      `import { test } from "@c1/test";
      const never = () => { throw new Error("ran"); };
      test("plain", never);
      test("skipped", never, ${SKIP});
      test("chosen", ({ ok }) => { ok(true); }, ${ONLY});
      test("both", never, { ...${ONLY}, ...${SKIP} });`,
    );
    assert.deepEqual(outline(answer.results), [
      "plain | SKIPPED",
      "skipped | SKIPPED",
      "chosen | OK",
      "both | SKIPPED",
    ]);
    assert.equal(answer.result.name, "plain");
  },

  "what a test throws is reported apart from its assertions, with the author's lines": async (
    { client },
  ) => {
    const results = await resultsOf(
      client,
      `import { test } from "@c1/test";
import { broken } from "./lib/broken.ts";
test("throws", ({ ok }) => { ok(1); broken(); });
test("rejects", () => Promise.reject({ a: 1 }));
test("goes on", ({ ok }) => { ok(1); });`,
      {
        "lib/broken.ts":
          "export function broken(): never {\n  throw new RangeError('too far');\n}\n",
      },
    );
    assert.deepEqual(outline(results), [
      "throws | FAIL | UNCAUGHT: RangeError: too far\n" +
      "    at broken (lib/broken.ts:2:9)\n    at eval (main.test.ts:3:37)",
      'rejects | FAIL | UNCAUGHT: a value that is not an error was thrown: {"a":1}',
      "goes on | OK",
    ]);
    assert.deepEqual(results.map(({ assertions }) => assertions.length), [1, 0, 1]);
  },

  "an assertion of a helper has the position of the call in the test": async ({ client }) => {
    const [{ assertions }] = await resultsOf(
      client,
      `import { test } from "@c1/test";
import { check } from "./check.ts";
test("helper", (t) => {
  check(t);
});`,
      {
        "check.ts": `import type { Assert } from "@c1/test";
          export const check = ({ ok }: Assert) => ok(true);`,
      },
    );
    assert.equal(assertions[0].at, "main.test.ts:4:3");
  },

  "the commit can be named, and must be the function's": async ({ client }) => {
    const test = (n: number) =>
      `import { test } from "@c1/test"; test("${n}", ({ ok }) => { ok(1); });`;
    const id = await withTests(client, test(1));
    const { commit } = ok(await client.commit(id, { "main.ts": MAIN, "main.test.ts": test(2) }));
    const names = async (commitId: string) =>
      outline(ok(await runTests(client, id, { commitId })).results);
    assert.deepEqual(await names(""), ["1 | OK"]);
    assert.deepEqual(await names("HEAD"), ["2 | OK"]);
    assert.deepEqual(await names(commit.id), ["2 | OK"]);
    const other = await withTests(client, test(3));
    assertError(await runTests(client, other, { commitId: commit.id }), "COMMIT_NOT_FOUND");
  },

  "a commit without main.test.ts has no tests; one that adds none fails": async ({ client }) => {
    const id = await client.deploy(MAIN);
    assertError(await runTests(client, id), "NO_TESTS", /has no main\.test\.ts/);
    const { function: draft } = await client.createFunction("draft", { "main.ts": MAIN });
    assertError(await runTests(client, draft.id), "NO_PUBLISHED_COMMIT");
    assert.deepEqual(outline(await resultsOf(client, "export {};")), [
      "main.test.ts | FAIL | NO_TESTS: main.test.ts adds no test",
    ]);
  },

  "a module that does not load fails, with what it logged": async ({ client }) => {
    const [result] = await resultsOf(client, `console.log("early"); throw new Error("at once");`);
    assert.equal(result.status, "FUNCTION_TEST_RESULT_STATUS_FAIL");
    assert.match(
      result.error,
      /^UNCAUGHT: Error: at once\n {4}at main\.test\.ts \(main\.test\.ts:1:\d+\)/,
    );
    assert.deepEqual(result.logs, [{ level: "info", source: "console", log: "early" }]);
  },

  "tests that do not build leave the function as it is": async ({ client }) => {
    const id = await withTests(client, `import { test } from "@c1/test";\nconst a = ;`);
    assert.equal((await client.invoke(id, { n: 1 })).status, 200);
    assertError(await runTests(client, id), "BUILD_FAILED", {
      message: /main\.test\.ts:2:11: SyntaxError/,
      fields: ["main.test.ts"],
    });
  },

  "a run is no invocation": async ({ client }) => {
    const id = await withTests(client, BOTH);
    ok(await runTests(client, id));
    ok(await runTests(client, id));
    assert.deepEqual(ok(await client.get(`/api/v1/functions/${id}/invocations`)).list, []);
  },

  "secrets of the run reach the tests and are masked in what is reported": async ({ client }) => {
    const id = await withTests(
      client,
      `import { test } from "@c1/test";
      import { functions } from "@c1/functions-sdk";
      test("secret", ({ equal, deepEqual }) => {
        const { TOKEN = "" } = functions.getConfig().secrets;
        equal(TOKEN, "correct horse battery", TOKEN);
        console.log(TOKEN);
        equal("x".repeat(4090) + TOKEN, "");
        deepEqual({ TOKEN }, {});
        throw new Error(TOKEN);
      });`,
    );
    const secrets = { TOKEN: "correct horse battery" };
    const { results: [{ assertions, error, logs }] } = ok(await runTests(client, id, { secrets }));
    assert.equal(assertions[0].pass, true);
    assert.equal(assertions[0].actual, "***");
    assert.equal(logs[0].log, "***");
    assert.match(error, /^UNCAUGHT: Error: \*\*\*/);
    assert.ok(!JSON.stringify([assertions, error, logs]).includes("correc"));
  },
});
