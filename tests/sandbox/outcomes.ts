/** How an invocation ends, and what its caller learns of it. */
import assert from "node:assert/strict";
import { failure, output, run, scriptOf } from "./harness.ts";
import { step } from "./shared_pool.ts";

step("the returned object is the output", async (sandboxes) => {
  assert.deepEqual(
    await output(sandboxes, "async function main(i) { return { got: i.a, l: [1, 'é😀'] }; }", {
      input: { a: { b: null } },
    }),
    { got: { b: null }, l: [1, "é😀"] },
  );
  const large = "const main = (i) => ({ n: i.s.length, s: i.s });";
  const s = "ü".repeat(100_000);
  assert.deepEqual(await output(sandboxes, large, { input: { s } }), { n: 100_000, s });
});

step("BAD_OUTPUT names what was returned instead of a JSON object", async (sandboxes) => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ["null", /^BAD_OUTPUT: the function returned null/],
    ["undefined", /returned undefined/],
    ["[1]", /returned an array/],
    ["'x'", /returned a string/],
    ["5", /returned a number/],
    ["10n", /returned a bigint/],
    ["() => 1", /returned a function/],
    ["({ a: 1n })", /output\.a is a bigint, which JSON cannot represent/],
    ["(() => { const a = {}; a.a = a; return a; })()", /circular/],
    ["({ toJSON() { return [1]; } })", /toJSON gives something else/],
    ["({ toJSON() {} })", /toJSON gives something else/],
    ["({ toJSON() { throw new Error('no'); } })", /Error: no/],
    [
      "JSON.parse('{\"a\":' + '['.repeat(5000) + ']'.repeat(5000) + '}')",
      /deeper than 1,000 levels/,
    ],
  ];
  for (const [value, expected] of cases) {
    const message = await failure(sandboxes, `const main = () => (${value});`);
    assert.match(message, /^BAD_OUTPUT: /, value);
    assert.match(message, expected, value);
  }
});

step("a key named __proto__ does not change prototypes", async (sandboxes) => {
  const { outcome } = await run(
    sandboxes,
    `const main = () => JSON.parse('{"__proto__":{"polluted":true}}');`,
  );
  assert.deepEqual(outcome, { kind: "success", outputJson: '{"__proto__":{"polluted":true}}' });
  assert.equal(({} as Record<string, unknown>).polluted, undefined);
});

step("OUTPUT_TOO_LARGE names the size, the limit and the flag", async (sandboxes) => {
  assert.equal(
    await failure(sandboxes, "const main = () => ({ s: 'x'.repeat(300000) });"),
    "OUTPUT_TOO_LARGE: the output has 300,008 bytes, its limit is 256 KiB (--max-output)",
  );
});

step("a thrown value is UNCAUGHT, wherever it is thrown", async (sandboxes) => {
  const cases: readonly (readonly [string, RegExp])[] = [
    [
      "function main() { throw new TypeError('bad'); }",
      /^UNCAUGHT: TypeError: bad\n {4}at main \(/,
    ],
    ["async function main() { await 0; throw new Error('bad'); }", /^UNCAUGHT: Error: bad\n/],
    ["throw new Error('at module level'); function main() {}", /Error: at module level\n/],
    [
      "function main() { Promise.reject(new Error('lost')); return new Promise((r) => setTimeout(r, 3000)); }",
      /Error: lost\n/,
    ],
    [
      "function main() { setTimeout(() => { throw new Error('later'); }, 1); return new Promise((r) => setTimeout(r, 3000)); }",
      /Error: later\n/,
    ],
    [
      "function main() { queueMicrotask(() => { throw new Error('micro'); }); return new Promise((r) => setTimeout(r, 3000)); }",
      /Error: micro\n/,
    ],
    ["function main() { throw 'text'; }", /a value that is not an error was thrown: "text"$/],
    ["function main() { throw null; }", /thrown: null$/],
    ["function main() { throw Symbol('s'); }", /thrown: Symbol\(s\)$/],
    ["function main() { throw { code: 7 }; }", /thrown: \{"code":7\}$/],
    ["function main() { throw Object.create(null); }", /thrown: \{\}$/],
    [
      "function main() { throw new Proxy({}, { get() { throw 1; } }); }",
      /not an error was thrown: /,
    ],
    [
      "function main() { const e = new Error('m'); Object.defineProperty(e, 'stack', { get() { throw 1; } }); throw e; }",
      /Error: m$/,
    ],
    ["const main = 5;", /TypeError: main.ts has no default export that is a function$/],
    [
      "function main() { return (function f() { return f() + 1; })(); }",
      /RangeError: Maximum call stack/,
    ],
  ];
  for (const [body, expected] of cases) {
    const message = await failure(sandboxes, body);
    assert.match(message, /^UNCAUGHT: /, body);
    assert.match(message, expected, body);
    assert.doesNotMatch(message, /file:|ext:|bootstrap/, body);
  }
});

step("stacks are mapped to the author's lines", async (sandboxes) => {
  // Line 3 of the bundle, column 26, comes from lib/util.ts line 7, column 3.
  const sourceMap = JSON.stringify({
    version: 3,
    names: [],
    sources: ["main.ts", "lib/util.ts"],
    mappings: ";AAAA;yBCME",
  });
  const message = await failure(
    sandboxes,
    "function main() { boom(); }\nfunction boom() { throw  new Error('here'); }",
    { sourceMap },
  );
  assert.match(
    message,
    /^UNCAUGHT: Error: here\n {4}at boom \(lib\/util\.ts:7:3\)\n {4}at main \(main\.ts:1:1\)$/,
  );
});

step("time, memory and exits end an invocation with their codes", async (sandboxes) => {
  assert.equal(
    await failure(sandboxes, "function main() { for (;;); }", { timeoutMs: 200 }),
    "TIMEOUT: the invocation ran longer than its limit of 200 ms (timeout of the function)",
  );
  assert.match(
    await failure(
      sandboxes,
      "function main() { setInterval(() => {}, 9); return new Promise(() => {}); }",
      { timeoutMs: 1000 },
    ),
    /^TIMEOUT: .* limit of 1 s /,
  );
  const memory =
    "OUT_OF_MEMORY: the function needed more memory than its limit of 96 MiB (--memory)";
  const eaters = [
    "const a = []; for (;;) a.push({ x: a.length, s: 'abc' + a.length });",
    "const a = []; for (let i = 0; i < 400; i++) a.push(new Uint8Array(1e7).fill(1));",
    "new WebAssembly.Memory({ initial: 60000 });",
  ];
  for (const eater of eaters) {
    assert.equal(
      await failure(sandboxes, `function main() { ${eater} return {}; }`),
      memory,
      eater,
    );
  }
  assert.match(
    await failure(sandboxes, "function main() { Deno.exit(3); }"),
    /^EXITED: .*exit code 3$/,
  );
  assert.match(
    await failure(sandboxes, "function main() { process.exit(4); }"),
    /^EXITED: .*exit code 4$/,
  );
  assert.match(
    await failure(sandboxes, "function main() { Deno.exit(0); }"),
    /^EXITED: .*exit code 0$/,
  );
  assert.match(
    await failure(sandboxes, "function main() { return new Promise(() => {}); }"),
    /^EXITED: the promise of the function never settled/,
  );
  assert.deepEqual(await output(sandboxes, "const main = () => ({ still: 'serving' });"), {
    still: "serving",
  });
});

step("an abort kills at once and reports its reason", async (sandboxes) => {
  for (const code of ["CANCELLED", "INTERRUPTED"] as const) {
    const controller = new AbortController();
    const message = await failure(sandboxes, "function main() { console.log('up'); for (;;); }", {
      signal: controller.signal,
      onLog: () => controller.abort(code),
    });
    assert.match(message, new RegExp(`^${code}: `));
    const early = AbortSignal.abort(code);
    assert.match(
      await failure(sandboxes, "const main = () => ({});", { signal: early }),
      new RegExp(`^${code}: `),
    );
  }
});

step(
  "an invocation that is cancelled while its instance is forked is not written",
  async (sandboxes) => {
    let readings = 0;
    const controller = new AbortController();
    const rejected = () => Promise.reject(new Error("not made"));
    const running = sandboxes.run({
      script: scriptOf("const main = () => ({});"),
      functionKey: "cancelled",
      get inputJson() {
        readings++;
        return "{}";
      },
      outboundAllowlist: [],
      config: { secrets: {} },
      limits: {},
    }, { host: { call: rejected }, stackMap: rejected, onLog() {}, signal: controller.signal });
    controller.abort("CANCELLED");
    const outcome = await running;
    assert.equal(outcome.kind === "error" && outcome.code, "CANCELLED");
    assert.equal(readings, 0);
    assert.deepEqual(await output(sandboxes, "const main = () => ({ ok: 1 });"), { ok: 1 });
  },
);
