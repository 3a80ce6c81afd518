/** Tests that do not end, tests that end everything, and the limits of a run. */
import assert from "node:assert/strict";
import { settings } from "../retries/support.ts";
import { eventually } from "../support/eventually.ts";
import { serverSuite, sharedSuite } from "../support/suite.ts";
import { assertError, ok } from "../support/expect.ts";
import type { Answer, Client, Json } from "../support/client.ts";
import { outline, resultsOf, runTests, withTests } from "./support.ts";

const IMPORT = `import { test } from "@c1/test";\n`;
const FINE = `test("fine", ({ ok }) => { ok(1); });\n`;

/** Runs tests as soon as a slot is free: those who look whether it is free take it for a moment themselves. */
async function admitted(client: Client, id: string): Promise<Answer<Json>> {
  return await eventually(async () => {
    const answer = await runTests(client, id);
    return answer.status === 429 ? undefined : answer;
  }, "a slot for the run");
}

/** As {@link admitted}, by a caller who goes away. */
async function heldUntil(client: Client, id: string, signal: AbortSignal): Promise<void> {
  await eventually(async () => {
    const { status, body } = await fetch(new URL(`/api/v1/functions/${id}/test`, client.url), {
      method: "POST",
      headers: { authorization: `Bearer ${client.token}` },
      signal,
    });
    await body?.cancel();
    return status === 429 ? undefined : status;
  }, "a slot for the run");
}

/** Blocks without processor time. */
const BLOCK = "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);";

serverSuite("tests: what ends a process", { flags: ["--test-timeout", "3s"] }, {
  "each test that does not end is cut off, and the others run": async ({ client }) => {
    const results = await resultsOf(
      client,
      `${IMPORT}
      test("loops", ({ ok }) => { console.log("in"); ok(1); for (;;); });
      test("waits", async () => { await new Promise((done) => setTimeout(done, 1e6)); });
      test("stalls", async ({ fail }) => { fail("seen"); await new Promise(() => {}); });
      test("exits", () => { Deno.exit(0); });
      test("leaves a rejection", async () => {
        Promise.reject(new Error("nobody waits"));
        await new Promise((done) => setTimeout(done, 300));
      });
      test("hogs", () => { const all: unknown[] = []; for (;;) all.push(new Array(1e6).fill(1.5)); });
      ${FINE}`,
    );
    const reported = outline(results).map((line) => line.split("\n")[0]);
    const limit = "TIMEOUT: the test ran longer than its limit of 3 s (--test-timeout)";
    assert.deepEqual(reported.slice(0, 5), [
      `loops | FAIL | ${limit}`,
      `waits | FAIL | ${limit}`,
      "stalls | FAIL | EXITED: the promise of the function never settled and nothing was left that could settle it",
      "exits | FAIL | EXITED: the process of the function ended before its answer, with exit code 0",
      "leaves a rejection | FAIL | UNCAUGHT: Error: nobody waits",
    ]);
    assert.match(reported[5] ?? "", /^hogs \| FAIL \| (?:OUT_OF_MEMORY|TIMEOUT): /);
    assert.equal(reported[6], "fine | OK");
    const [loops, , stalls] = results;
    assert.equal(loops.assertions.length, 1);
    assert.deepEqual(loops.logs, [{ level: "info", source: "console", log: "in" }]);
    assert.deepEqual(stalls.assertions.map((a: Json) => a.description), ["seen"]);
  },

  "what a test leaves behind is not there for the next process": async ({ client }) => {
    const results = await resultsOf(
      client,
      `${IMPORT}
      const shared = globalThis as { left?: number };
      test("one", () => { shared.left = 1; ${BLOCK} });
      test("two", ({ equal }) => { equal(shared.left, undefined); });`,
    );
    assert.equal(results[1].status, "FUNCTION_TEST_RESULT_STATUS_OK");
  },

  "a late failure counts against the test that left it": async ({ client }) => {
    const results = await resultsOf(
      client,
      `${IMPORT}
      test("forgets to await", ({ ok }) => { setTimeout(() => ok(1), 50); });
      test("waits", () => new Promise<void>((done) => setTimeout(done, 200)));`,
    );
    assert.deepEqual(outline(results), [
      "forgets to await | FAIL | EXITED: an assertion was made after the test had ended: await what makes it",
      "waits | OK",
    ]);
  },

  "tests that differ from load to load end the run": async ({ client }) => {
    const results = await resultsOf(
      client,
      `${IMPORT}
      test("first", () => { ${BLOCK} });
      test("at " + crypto.randomUUID(), () => {});`,
    );
    assert.match(results[1].error, /^EXITED: main\.test\.ts adds other tests each time/);
  },
});

serverSuite(
  "tests: limits of a run",
  {
    flags: [
      ...["--max-tests", "3", "--max-assertions", "20"],
      ...["--max-output", "64KiB", "--max-log", "1KiB"],
    ],
  },
  {
    "all tests share the time of one invocation": async ({ client }) => {
      const id = await withTests(client, `${IMPORT}test("long", () => { ${BLOCK} });\n${FINE}`);
      await settings(client, id, { timeout: "3s" });
      const { results } = ok(await runTests(client, id));
      const reported =
        "TIMEOUT: the tests ran longer together than their limit of 3 s (--invocation-timeout)";
      assert.deepEqual(outline(results), [
        `long | FAIL | ${reported}`,
        `fine | FAIL | ${reported}`,
      ]);
    },

    "the number of tests": async ({ client }) => {
      const [result] = await resultsOf(
        client,
        `${IMPORT}for (let i = 0; i < 4; i++) test("t", () => {});`,
      );
      assert.match(
        result.error,
        /^UNCAUGHT: HostError: main\.test\.ts adds 4 tests, more than the limit of 3 \(--max-tests\)/,
      );
    },

    "the number of assertions": async ({ client }) => {
      const results = await resultsOf(
        client,
        `${IMPORT}test("many", async ({ ok }) => {
          for (let i = 0; i < 1000; i++) { ok(i + 1); if (i % 10 === 0) await new Promise((r) => setTimeout(r)); }
        });\n${FINE}`,
      );
      const reported =
        "OUTPUT_TOO_LARGE: the tests make more assertions than their limit of 20 (--max-assertions)";
      assert.deepEqual(outline(results), [
        `many | FAIL | ${reported}`,
        `fine | FAIL | ${reported}`,
      ]);
      assert.equal(results[0].assertions.length, 20);
    },

    "the size of the results": async ({ client }) => {
      const results = await resultsOf(
        client,
        `${IMPORT}test("large", async ({ equal }) => {
          for (let i = 0; i < 20; i++) equal("x".repeat(5000), "y");
        });\n${FINE}`,
      );
      const reported =
        "OUTPUT_TOO_LARGE: the results hold more than the limit of 64 KiB (--max-output)";
      assert.deepEqual(outline(results), [
        `large | FAIL | ${reported}`,
        `fine | FAIL | ${reported}`,
      ]);
    },

    "the log, over all processes": async ({ client }) => {
      const results = await resultsOf(
        client,
        `${IMPORT}const say = () => { for (let i = 0; i < 8; i++) console.log("x".repeat(100)); };
        test("a", () => { say(); Deno.exit(1); });
        test("b", say);`,
      );
      const [a, b] = results.map(({ logs }: Json) => logs);
      assert.equal(a.length, 8);
      assert.deepEqual(b.at(-1), {
        level: "warn",
        source: "system",
        log: "log truncated: limit of 1 KiB reached (--max-log)",
      });
      assert.ok(b.length < 8);
    },
  },
);

const SLOTS = [
  ...["--drain-timeout", "2s", "--pool-size", "1", "--max-running", "1", "--max-queued", "0"],
  ...["--test-timeout", "60s"],
];
serverSuite("tests: slots", { flags: SLOTS }, {
  "a run takes a slot, and gives it back when its caller goes away": async ({ client }) => {
    const slow = await withTests(client, `${IMPORT}test("slow", () => { ${BLOCK} });`);
    const gone = new AbortController();
    const left = heldUntil(client, slow, gone.signal).then(() => "answered", () => "gone");
    const other = await withTests(client, IMPORT + FINE);
    await eventually(async () => {
      const { status } = await client.invoke(other);
      return status === 429 ? true : undefined;
    }, "the slot of the run");
    assertError(await runTests(client, other), "QUEUE_FULL");
    gone.abort();
    assert.equal(await left, "gone");
    const results = await eventually(async () => {
      const { status, body } = await runTests(client, other);
      return status === 200 ? body.results : undefined;
    }, "a free slot");
    assert.deepEqual(outline(results), ["fine | OK"]);
  },
}, {
  "a run that a stop cuts off is reported as interrupted": async ({ server, client }) => {
    const id = await withTests(
      client,
      `${IMPORT}test("long", () => new Promise<void>((done) => setTimeout(done, 1e6)));\n${FINE}`,
    );
    const running = admitted(client, id);
    await eventually(
      async () => (await client.invoke(id)).status === 429 ? true : undefined,
      "the slot of the run",
    );
    server.signal("SIGTERM");
    const reported = "INTERRUPTED: the server stopped while it ran";
    assert.deepEqual(outline(ok(await running).results), [
      `long | FAIL | ${reported}`,
      `fine | FAIL | ${reported}`,
    ]);
    assert.equal((await server.status).code, 0);
  },
});

serverSuite(
  "tests: waiting",
  { flags: ["--pool-size", "1", "--max-running", "1", "--queue-timeout", "200ms"] },
  {
    "a run whose turn does not come is given up": async ({ client }) => {
      const busy = await client.deploy(
        "export default () => new Promise((done) => setTimeout(done, 1e6));",
      );
      const fine = await withTests(client, IMPORT + FINE);
      ok(await runTests(client, fine));
      const { invocationId } = ok(await client.invoke(busy, {}, { prefer: "respond-async" }));
      await eventually(async () => {
        const { status } = await client.invocation(busy, invocationId);
        return status.endsWith("_RUNNING") || undefined;
      }, "the slot of the invocation");
      assertError(
        await runTests(client, fine),
        "QUEUE_TIMEOUT",
        /^The tests did not start: queued for longer than the limit of 200 ms/,
      );
      ok(await client.post(`/api/v1/functions/${busy}/invocations/${invocationId}/cancel`));
      assert.deepEqual(outline(ok(await admitted(client, fine)).results), ["fine | OK"]);
    },
  },
);

sharedSuite("tests: hostile ones", {
  "calls of the server that no test makes end in errors, and leave other runs alone": async (
    { client },
  ) => {
    const hostile = `${IMPORT}
      const call = async (method: string, params: unknown) => {
        const { invoked } = import.meta as unknown as
          { invoked: { call(json: string): Promise<{ done: boolean; json: string }> } };
        const { done, json } = await invoked.call(JSON.stringify({ method, params }));
        return done ? "done" : JSON.parse(json).code;
      };
      const assertion = { operator: "o", pass: true, expected: "", actual: "", description: "", stack: "" };
      test("forges", async ({ equal }) => {
        equal(await call("test.begin", { test: 1 }), "FAILED_PRECONDITION");
        equal(await call("test.begin", { test: 7 }), "NOT_FOUND");
        equal(await call("test.begin", { test: -1 }), "INVALID_ARGUMENT");
        equal(await call("test.begin", { test: "__proto__" }), "INVALID_ARGUMENT");
        equal(await call("test.end", { test: 1 }), "FAILED_PRECONDITION");
        equal(await call("test.assertion", { ...assertion, test: 1e9 }), "NOT_FOUND");
        equal(await call("test.assertion", { ...assertion, test: 0, pass: "yes" }), "INVALID_ARGUMENT");
        const stack = "\\n at x".repeat(10_000);
        equal(await call("test.assertion", { ...assertion, test: 0, stack }), "INVALID_ARGUMENT");
        equal(await call("test.plan", { tests: null }), "INVALID_ARGUMENT");
        equal(await call("test.plan", null), "INVALID_ARGUMENT");
        equal(await call("test.toString", {}), "UNIMPLEMENTED");
        equal(await call("toString", {}), "UNIMPLEMENTED");
      });
      test("other", ({ ok }) => { ok(1); });`;
    const id = await withTests(client, hostile);
    const fine = await withTests(client, IMPORT + FINE);
    const [forged, alone] = await Promise.all([runTests(client, id), runTests(client, fine)]);
    const [first, second] = ok(forged).results;
    assert.deepEqual(first.assertions.filter(({ pass }: Json) => !pass), []);
    assert.deepEqual(outline([first, second]), ["forges | OK", "other | OK"]);
    assert.deepEqual(outline(ok(alone).results), ["fine | OK"]);
  },

  "an ordinary invocation has no methods of test runs": async ({ client }) => {
    const id = await client.deploy(`import { test } from "@c1/test";
      test("nobody runs this", () => {});
      export default async () => {
        const { invoked } = import.meta as unknown as
          { invoked: { call(json: string): Promise<{ json: string }> } };
        const { json } = await invoked.call('{"method": "test.plan", "params": {"tests": []}}');
        return JSON.parse(json);
      };`);
    const { invocationId } = ok(await client.invoke(id));
    const { output } = await client.invocation(id, invocationId);
    assert.equal(output.code, "UNIMPLEMENTED");
  },

  "a poisoned language changes results of its own run alone": async ({ client }) => {
    const results = await resultsOf(
      client,
      `${IMPORT}
      test("poisons", () => {
        JSON.stringify = () => "{";
        Promise.all = () => new Promise(() => {});
      });
      ${FINE}`,
    );
    assert.equal(results.length, 2);
    assert.equal(outline(results)[1], "fine | OK");
  },
});
