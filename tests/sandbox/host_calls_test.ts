import assert from "node:assert/strict";
import { type Host, HostCallError } from "../../src/sandbox/mod.ts";
import { failure, output, run, sandboxSuite } from "./harness.ts";

const MIB = 1024 * 1024;

const step = sandboxSuite("host calls", { memoryBytes: 256 * MIB });

/** Calls the server as the SDK does. `answer.done` is false for an error. */
const ASK = `const ask = async (method, params, bytes) => {
  const { done, json, bytes: back } = await meta.invoked.call(JSON.stringify({ method, params }), bytes);
  return { done, value: JSON.parse(json), bytes: back };
};`;

/** Replies with the request. The methods `fail`, `break` and `wait` do what they say. */
const ECHO: Host = {
  async call({ method, params, bytes, signal }) {
    if (method === "fail") throw new HostCallError("NotFound", "not found", { path: "/a" });
    if (method === "break") throw new Error("a secret of the server");
    if (method === "wait") {
      await new Promise<void>((resolve) =>
        signal.addEventListener("abort", () => resolve(), { once: true })
      );
    }
    return { value: { method, params }, bytes: bytes.map((byte) => byte + 1) };
  },
};

step("a function calls the server and gets a reply", async (sandboxes) => {
  const body = `${ASK}
  const main = async () => {
    const echo = await ask("echo", { a: ["é", null] }, new Uint8Array([1, 2]));
    const failed = await ask("fail", {});
    const broken = await ask("break", {});
    return { echo: { ...echo, bytes: [...echo.bytes] }, failed: failed.value, broken: broken.value, done: [failed.done, broken.done] };
  };`;
  assert.deepEqual(await output(sandboxes, body, { host: ECHO }), {
    echo: { done: true, value: { method: "echo", params: { a: ["é", null] } }, bytes: [2, 3] },
    failed: { code: "NotFound", message: "not found", details: { path: "/a" } },
    broken: { code: "INTERNAL", message: "the server failed; see its log" },
    done: [false, false],
  });
});

step(
  "many concurrent calls, large and small, each get their own reply",
  async (sandboxes) => {
    let running = 0, most = 0;
    const host: Host = {
      async call(question) {
        most = Math.max(most, ++running);
        const reply = await ECHO.call(question);
        running--;
        return reply;
      },
    };
    const body = `${ASK}
  const main = async () => {
    const sizes = Array.from({ length: 100 }, (_, i) => i % 10 === 0 ? 3 * ${MIB} : i);
    const answers = await Promise.all(sizes.map((size, i) => ask("echo", i, new Uint8Array(size).fill(i))));
    return { right: answers.every(({ value, bytes }, i) =>
      value.params === i && bytes.length === sizes[i] && bytes.every((byte) => byte === i + 1)) };
  };`;
    assert.deepEqual(await output(sandboxes, body, { host }), { right: true });
    assert.ok(most <= 16, `${most} calls ran at once`);
  },
);

/** Time enough for the host calls before the function blocks, also on a busy machine. */
const BLOCKED_TIMEOUT_MS = 6_000;

step("calls in progress when the function ends are awaited", async (sandboxes) => {
  let settled = 0;
  const host: Host = {
    async call(question) {
      const reply = await ECHO.call(question);
      await new Promise((resolve) => setTimeout(resolve, 20));
      settled++;
      return reply;
    },
  };
  const endings = {
    success: "return { a: 1 };",
    "UNCAUGHT: Error": 'throw new Error("x");',
    // Blocks without processor time.
    "TIMEOUT: ": "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);",
    "EXITED: ": "Deno.exit(3);",
  };
  for (const [ending, code] of Object.entries(endings)) {
    settled = 0;
    const { outcome } = await run(
      sandboxes,
      `${ASK}\nconst main = async () => { ask("wait"); ask("echo"); await ask("echo"); ${code} };`,
      ending === "TIMEOUT: " ? { host, timeoutMs: BLOCKED_TIMEOUT_MS } : { host },
    );
    const result = outcome.kind === "success" ? "success" : `${outcome.code}: ${outcome.message}`;
    assert.ok(result.startsWith(ending), result);
    assert.equal(settled, 3, ending);
  }
});

step("a function that waits for the server is not stalled", async (sandboxes) => {
  const host: Host = {
    async call() {
      await new Promise((resolve) => setTimeout(resolve, 50));
      return {};
    },
  };
  const waits = `${ASK}\nconst main = async () => ({ answer: (await ask("later")).value });`;
  assert.deepEqual(await output(sandboxes, waits, { host }), { answer: null });
  // After the reply nothing keeps it alive.
  const stalls =
    `${ASK}\nconst main = async () => { await ask("later"); await new Promise(() => {}); };`;
  assert.match(await failure(sandboxes, stalls, { host }), /^EXITED: the promise .* never settled/);
});

step(
  "a malformed call throws in the function, without a path of the server",
  async (sandboxes) => {
    const deep = `'{"method":"echo","params":' + "[".repeat(5000) + "]".repeat(5000) + "}"`;
    const many = `'{"method":"echo","params":[' + "{},".repeat(100_000) + "{}]}"`;
    const cases: Record<string, string | RegExp> = {
      [`call("5")`]: "the host call is not a JSON object",
      [`call("{")`]: "the host call is not a JSON object",
      [`call("{}")`]: "the host call has no method",
      [`call(${deep})`]: "the host call is nested deeper than 1,000 levels",
      [`call(${many})`]:
        "the host call has more than 100,000 values: entries of lists and fields of objects",
      [`call(5)`]: "the JSON of a host call must be a string",
      [`call("{}", "x")`]: "the bytes of a host call must be a Uint8Array",
      [`call("{}", new Uint8Array(17 * ${MIB}))`]:
        /^the host call has \d+ bytes, its limit is 16777216 bytes$/,
    };
    for (const [call, result] of Object.entries(cases)) {
      const { message, stack } = await output(
        sandboxes,
        `const main = async () => {
        try {
          const { json } = await meta.invoked.${call};
          return { message: JSON.parse(json).message, stack: "" };
        } catch (error) {
          return { message: error.message, stack: error.stack };
        }
      };`,
        { host: ECHO },
      );
      if (typeof result === "string") assert.equal(message, result, call);
      else assert.match(String(message), result, call);
      assert.doesNotMatch(String(stack), /runtime/, call);
    }
  },
);

step(
  "a function that changes built-ins or reads its replies harms itself only",
  async (sandboxes) => {
    const poisons = [
      `Array.prototype.push = () => { throw 1; }; Array.prototype.shift = () => { throw 1; };`,
      `Object.defineProperty(Object.prototype, "1", { set() { throw 1; }, get() { return { answer() {} }; } });`,
      `Uint8Array.prototype.set = () => {}; Uint8Array.prototype.subarray = () => 5; Uint8Array.prototype.slice = () => 5;`,
      `TextEncoder.prototype.encode = () => 5; TextDecoder.prototype.decode = () => "{}";`,
      `Object.getPrototypeOf(Uint8Array).prototype.__proto__ = null;`,
      `Map.prototype.get = () => 5; Map.prototype.set = () => 5;`,
    ];
    for (const poison of poisons) {
      const body = `const parse = JSON.parse;
    async function main() {
      const asked = meta.invoked.call('{"method":"echo","params":{"a":1}}');
      ${poison}
      const { done, json } = await asked;
      const second = await meta.invoked.call('{"method":"echo","params":2}');
      return { done, first: parse(json), second: parse(second.json) };
    }`;
      assert.deepEqual(await output(sandboxes, body, { host: ECHO }), {
        done: true,
        first: { method: "echo", params: { a: 1 } },
        second: { method: "echo", params: 2 },
      }, poison);
    }
    const thief = `${ASK}
  async function main() {
    const fs = await import("node:fs");
    const asked = ask("echo", {});
    fs.readSync(0, new Uint8Array(5));
    return (await asked).value;
  }`;
    const { outcome } = await run(sandboxes, thief, { host: ECHO, timeoutMs: 1500 });
    assert.equal(outcome.kind, "error");
    assert.deepEqual(
      await output(sandboxes, `${ASK}\nconst main = async () => (await ask("echo", 1)).value;`, {
        host: ECHO,
      }),
      { method: "echo", params: 1 },
    );
  },
);

step("stdin is empty for every way to read it", async (sandboxes) => {
  const body = `async function main() {
    const chunks = [];
    for await (const chunk of Deno.stdin.readable) chunks.push(chunk);
    for await (const chunk of process.stdin) chunks.push(chunk);
    return { chunks, read: await Deno.stdin.read(new Uint8Array(1)), sync: Deno.stdin.readSync(new Uint8Array(1)) };
  }`;
  assert.deepEqual(await output(sandboxes, body), { chunks: [], read: null, sync: null });
});
