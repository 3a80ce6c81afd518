import assert from "node:assert/strict";
import type { Client, Files } from "../support/client.ts";
import { instancesOf, oneGone } from "../support/processes.ts";
import { serverSuite, type Stage } from "../support/suite.ts";

const FLAGS = [
  ...["--memory", "64MiB"],
  ...["--max-input", "64KiB", "--max-output", "64KiB"],
];

/**
 * Invokes a new function that must fail; answers `WORD: message` as the record tells it, after its
 * process is gone and the server has served another call.
 */
async function failing(
  { client, server }: Stage,
  main: string,
  files: Files = {},
): Promise<string> {
  const id = await client.deploy(main, files);
  const waiting = await instancesOf(server.pid);
  const { status, headers, body } = await client.invoke(id);
  assert.equal(status, 200, JSON.stringify(body));
  assert.deepEqual(Object.keys(body), ["invocationId"], "a failed call has no json");
  assert.equal(headers.get("invocation-status"), "FUNCTION_INVOCATION_STATUS_ERROR");
  const record = await client.invocation(id, body.invocationId);
  assert.equal(record.status, "FUNCTION_INVOCATION_STATUS_ERROR");
  assert.ok(!("output" in record));
  await oneGone(waiting);
  const hello = await client.invoke(await aliveFunction(client));
  assert.ok(hello.body.json, "the server serves on");
  return record.error;
}

const alive = new WeakMap<Client, string>();

async function aliveFunction(client: Client): Promise<string> {
  const id = alive.get(client) ?? await client.deploy("export default () => ({ alive: true });");
  alive.set(client, id);
  return id;
}

const SERVER_PATH = new RegExp(
  `file:|bootstrap|ext:|node_modules|${new URL("../..", import.meta.url).pathname}`,
);

async function uncaught(stage: Stage): Promise<void> {
  const deep = await failing(
    stage,
    `
import { check } from "./lib/check.ts";

export default function main(input: Record<string, unknown>) {
  return check(input);
}
`,
    {
      "lib/check.ts": `interface Nothing {}
export function check(_: Nothing): Nothing {
  throw new RangeError("too far\\nby two lines");
}
`,
    },
  );
  assert.match(
    deep,
    /^UNCAUGHT: RangeError: too far\nby two lines\n {4}at check \(lib\/check\.ts:3:\d+\)\n {4}at .*main.* \(main\.ts:5:10\)/,
  );
  assert.doesNotMatch(deep, SERVER_PATH);

  const custom = await failing(
    stage,
    `
class PaymentError extends Error { override name = "PaymentError"; }
export default async () => {
  await Promise.resolve();
  throw new PaymentError("card declined");
};`,
  );
  assert.match(custom, /^UNCAUGHT: PaymentError: card declined\n.*main\.ts:5:\d+/s);
}

async function uncaughtElsewhere(stage: Stage): Promise<void> {
  const cases: readonly (readonly [string, RegExp])[] = [
    [
      '\nthrow new Error("at load");\nexport default () => ({});',
      /^UNCAUGHT: Error: at load\n.*main\.ts:2:7/s,
    ],
    ["\nexport const notDefault = 1;", /^UNCAUGHT: TypeError: main\.ts has no default export/],
    ["\nexport default 17;", /^UNCAUGHT: TypeError: main\.ts has no default export/],
    ['\nexport default () => { throw "text"; };', /^UNCAUGHT: .*no error was thrown: "text"$/],
    ["\nexport default () => { throw undefined; };", /^UNCAUGHT: .*no error was thrown: undefined/],
    ["\nexport default () => Promise.reject({ a: 1 });", /^UNCAUGHT: .*no error .*\{"a":1\}$/],
    [
      '\nexport default () => {\nsetTimeout(() => { throw new Error("later"); });\n' +
      "return new Promise(() => {}); };",
      /^UNCAUGHT: Error: later\n.*main\.ts:3:\d+/s,
    ],
    [
      '\nexport default () => {\nPromise.reject(new Error("unhandled"));\n' +
      "return new Promise((r) => setTimeout(r, 500)); };",
      /^UNCAUGHT: Error: unhandled\n.*main\.ts:3:\d+/s,
    ],
    [
      '\nexport default () => Deno.readTextFile("/etc/passwd");',
      /^UNCAUGHT: (NotCapable|PermissionDenied): /,
    ],
  ];
  for (const [main, expected] of cases) {
    const error = await failing(stage, main);
    assert.match(error, expected);
    assert.doesNotMatch(error, SERVER_PATH);
  }
}

async function outOfTime(stage: Stage): Promise<void> {
  const timeout = "TIMEOUT: the invocation ran longer than its limit of 2 s (--invocation-timeout)";
  for (
    const main of [
      "export default () => { for (;;); };",
      "export default () => { setInterval(() => {}, 9); return new Promise(() => {}); };",
      "for (;;); export default () => ({});",
    ]
  ) assert.equal(await failing(stage, main), timeout, main);
}

async function outOfMemory(stage: Stage): Promise<void> {
  const memory =
    "OUT_OF_MEMORY: the function needed more memory than its limit of 64 MiB (--memory)";
  for (
    const main of [
      'const a = []; export default () => { for (;;) a.push({ n: a.length, s: "x" + a.length }); };',
      "const a = []; export default () => { for (;;) a.push(new ArrayBuffer(8e6)); };",
      "const a = []; export default () => { for (;;) a.push(new Uint8Array(8e6).fill(1)); };",
    ]
  ) assert.equal(await failing(stage, main), memory, main);
}

async function exits(stage: Stage): Promise<void> {
  const cases: readonly (readonly [string, RegExp])[] = [
    ["export default () => Deno.exit(3);", /^EXITED: .*exit code 3$/],
    ["export default () => Deno.exit(0);", /^EXITED: .*exit code 0$/],
    ["Deno.exit(5); export default () => ({});", /^EXITED: .*exit code 5$/],
    ['import process from "node:process"; export default () => process.exit(4);', /exit code 4$/],
    ["export default () => new Promise(() => {});", /^EXITED: the promise .* never settled/],
  ];
  for (const [main, expected] of cases) assert.match(await failing(stage, main), expected);
}

async function badOutputs(stage: Stage): Promise<void> {
  const cases = [
    ["undefined", "undefined"],
    ["null", "null"],
    ["[1]", "an array"],
    ['"text"', "a string"],
    ["17", "a number"],
    ["true", "a boolean"],
    ["10n", "a bigint"],
    ["() => {}", "a function"],
    ["Symbol()", "a symbol"],
    ["Promise.resolve([])", "an array"],
  ] as const;
  for (const [value, name] of cases) {
    const error = await failing(stage, `export default () => { return ${value}; };`);
    assert.equal(error, `BAD_OUTPUT: the function returned ${name}, not a JSON object`);
  }
  const cyclic = await failing(
    stage,
    "export default () => { const a = {}; a.a = a; return a; };",
  );
  assert.match(cyclic, /^BAD_OUTPUT: .*cannot be turned into JSON.*circular/s);
  const big = await failing(stage, "export default () => ({ n: 10n });");
  assert.match(big, /^BAD_OUTPUT: .*cannot be turned into JSON.*BigInt/s);
  const deep = await failing(
    stage,
    "export default () => { let a = {}; for (let i = 0; i < 1001; i++) a = { a }; return a; };",
  );
  assert.match(deep, /^BAD_OUTPUT: .*nested deeper than 1,000 levels/);
  const disguised = await failing(stage, "export default () => ({ toJSON: () => [] });");
  assert.match(disguised, /^BAD_OUTPUT: /);
}

async function largeOutputs(stage: Stage): Promise<void> {
  const { client } = stage;
  const returning = (letters: number) => `export default () => ({ a: "x".repeat(${letters}) });`;
  const limit = 64 * 1024;
  assert.match(
    await failing(stage, returning(limit - 7)),
    /^OUTPUT_TOO_LARGE: the output has 65,537 bytes, its limit is 64 KiB \(--max-output\)$/,
  );
  const id = await client.deploy(returning(limit - 8));
  const { body } = await client.invoke(id);
  const record = await client.invocation(id, body.invocationId);
  assert.equal(record.status, "FUNCTION_INVOCATION_STATUS_SUCCESS", record.error);
  assert.equal(JSON.stringify(record.output).length, limit);
}

serverSuite("a function that fails", { flags: FLAGS }, {
  "UNCAUGHT: with name, message and the author's lines": uncaught,
  "UNCAUGHT: wherever it was thrown, whatever it is": uncaughtElsewhere,
  "OUT_OF_MEMORY: with its limit": outOfMemory,
  "EXITED: for an exit, and for a promise that never settles": exits,
  "BAD_OUTPUT: for all that is no JSON object": badOutputs,
  "OUTPUT_TOO_LARGE: from the first byte over the limit": largeOutputs,
});

serverSuite("a function that does not end", { flags: [...FLAGS, "--invocation-timeout", "2s"] }, {
  "TIMEOUT: with its limit": outOfTime,
});
