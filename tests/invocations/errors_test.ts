import assert from "node:assert/strict";
import type { Client, Files } from "../support/client.ts";
import { settings } from "../retries/support.ts";
import { instancesWithWaiting, oneGone } from "../support/processes.ts";
import { serverSuite, type Stage } from "../support/suite.ts";

const FLAGS = [
  ...["--memory", "64MiB"],
  ...["--max-input", "64KiB", "--max-output", "64KiB"],
  // Large enough that an invocation takes an instance that waited before it.
  ...["--pool-size", "4"],
];

/**
 * Invokes a new function that must fail; returns `CODE: message` as it is recorded, after its
 * process is gone and the server has served another invocation.
 */
async function failing(stage: Stage, main: string, files: Files = {}): Promise<string> {
  const { client, server } = stage;
  const id = await client.deploy(main, files);
  const waiting = await instancesWithWaiting(client, server.pid);
  const error = await failingInvocation(stage, id);
  await oneGone(waiting);
  const hello = await client.invoke(await aliveFunction(client));
  assert.ok(hello.body.json, "the server serves on");
  return error;
}

/** The error of an invocation for each expression that a function may return. */
async function failingOutputs(stage: Stage, values: readonly string[]): Promise<string[]> {
  const id = await stage.client.deploy(
    `const values = [${values.map((value) => `() => { return ${value}; }`).join(",\n")}];
export default ({ n }: { n: number }) => values[n]?.();`,
  );
  const errors: string[] = [];
  for (const n of values.keys()) errors.push(await failingInvocation(stage, id, { n }));
  return errors;
}

async function failingInvocation(
  { client }: Stage,
  id: string,
  input: unknown = {},
): Promise<string> {
  const { status, headers, body } = await client.invoke(id, input);
  assert.equal(status, 200, JSON.stringify(body));
  assert.deepEqual(Object.keys(body), ["invocationId"], "a failed invocation has no json");
  assert.equal(headers.get("invocation-status"), "FUNCTION_INVOCATION_STATUS_ERROR");
  const record = await client.invocation(id, body.invocationId);
  assert.equal(record.status, "FUNCTION_INVOCATION_STATUS_ERROR");
  assert.ok(!("output" in record));
  return record.error;
}

const alive = new WeakMap<Client, string>();

async function aliveFunction(client: Client): Promise<string> {
  const known = alive.get(client);
  if (known !== undefined) return known;
  const id = await client.deploy("export default () => ({ alive: true });");
  await settings(client, id, { timeout: "60s" });
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
    [
      '\nexport default () => Deno.env.get("STAGE");',
      /^UNCAUGHT: NotCapable: .* access to "STAGE", which .*; functions\.getConfig\(\) and the env of its fetch have its variables/,
    ],
    ["\nexport default 17;", /^UNCAUGHT: TypeError: main\.ts has no default export/],
    ['\nexport default () => { throw "text"; };', /^UNCAUGHT: .*not an error was thrown: "text"$/],
    [
      "\nexport default () => { throw undefined; };",
      /^UNCAUGHT: .*not an error was thrown: undefined/,
    ],
    ["\nexport default () => Promise.reject({ a: 1 });", /^UNCAUGHT: .*not an error .*\{"a":1\}$/],
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
  const timeout =
    "TIMEOUT: the invocation ran longer than its limit of 500 ms (--invocation-timeout)";
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
  assert.deepEqual(
    await failingOutputs(stage, cases.map(([value]) => value)),
    cases.map(([, name]) => `BAD_OUTPUT: the function returned ${name}, not a JSON object`),
  );
  const cyclic = await failing(
    stage,
    "export default () => { const a = {}; a.a = a; return a; };",
  );
  assert.match(cyclic, /^BAD_OUTPUT: .*cannot be turned into JSON.*circular/s);
  const big = await failing(stage, "export default () => ({ n: 10n });");
  assert.equal(big, "BAD_OUTPUT: output.n is a bigint, which JSON cannot represent");
  const deep = await failing(
    stage,
    "export default () => { let a = {}; for (let i = 0; i < 1001; i++) a = { a }; return a; };",
  );
  assert.match(deep, /^BAD_OUTPUT: .*nested deeper than 1,000 levels/);
  const disguised = await failing(stage, "export default () => ({ toJSON: () => [] });");
  assert.match(disguised, /^BAD_OUTPUT: /);
}

/** Outputs of which JSON would keep nothing, or something else. */
async function lostOutputs(stage: Stage): Promise<void> {
  const whole: readonly (readonly [value: string, name: string])[] = [
    ["new Map([[1, 2]])", "a Map"],
    ["new Response('text')", "a Response"],
    ["new Error('text')", "an Error"],
    ["new Uint8Array(3)", "a Uint8Array"],
    ["new (class Point { #x = 1; get x() { return this.#x; } })()", "a Point"],
  ];
  assert.deepEqual(
    await failingOutputs(stage, whole.map(([value]) => value)),
    whole.map(([, name]) => `BAD_OUTPUT: the function returned ${name}, not a JSON object`),
  );
  const parts: readonly (readonly [value: string, violation: string])[] = [
    ["({ items: [1, {}, null, { when: new Map() }] })", "output.items[3].when is a Map"],
    ["({ set: new Set([1]) })", "output.set is a Set"],
    ["({ 'a b': { '1': /x/ } })", 'output["a b"]["1"] is a RegExp'],
    ["({ user: Promise.resolve(1) })", "output.user is a Promise"],
    ["({ bytes: new Uint8Array([1]) })", "output.bytes is a Uint8Array"],
    ["({ a: { toJSON: () => ({ b: new Headers() }) } })", "output.a.b is a Headers"],
    ["({ e: new RangeError('x') })", "output.e is a RangeError"],
    ["({ list: [{}, [new Date(0), new WeakMap()]] })", "output.list[1][1] is a WeakMap"],
    ["({ m: new (class extends Map {})() })", "output.m is a Map"],
  ];
  assert.deepEqual(
    await failingOutputs(stage, parts.map(([value]) => value)),
    parts.map(([, violation]) => `BAD_OUTPUT: ${violation}, which JSON cannot represent`),
  );
}

/** Outputs that JSON represents, among them empty objects and what has a toJSON of its own. */
async function keptOutputs({ client }: Stage): Promise<void> {
  const id = await client.deploy(`
import { Buffer } from "node:buffer";
class Money { constructor(readonly amount: number) {} }
class Secret { #x = 1; toJSON() { return { x: this.#x }; } }
class Nothing { toJSON() { return {}; } }
export default () => {
  const shared = { empty: {} };
  const output: any = {
    empty: {}, none: null, list: [{}, []], date: new Date(0), url: new URL("http://a.example/"),
    money: new Money(3), secret: new Secret(), nothing: new Nothing(), bare: Object.create(null),
    buffer: Buffer.from("a"), text: "{}", boxed: [new String(""), new Number(0), new Boolean(false)],
    first: shared, second: shared, inherits: Object.create({ a: 1 }), absent: undefined, method: () => 1,
    zero: { "0": 1 }, answer: { rawResponse: new Response("") },
  };
  return output;
};`);
  const { body } = await client.invoke(id);
  const record = await client.invocation(id, body.invocationId);
  assert.equal(record.error, undefined);
  assert.deepEqual(record.output, {
    empty: {},
    none: null,
    list: [{}, []],
    date: "1970-01-01T00:00:00.000Z",
    url: "http://a.example/",
    money: { amount: 3 },
    secret: { x: 1 },
    nothing: {},
    bare: {},
    buffer: { type: "Buffer", data: [97] },
    text: "{}",
    boxed: ["", 0, false],
    first: { empty: {} },
    second: { empty: {} },
    inherits: {},
    zero: { "0": 1 },
    answer: { rawResponse: {} },
  });
  const reader = await client.deploy(
    `export default () => ({ empty: {}, get read() { console.log(new Error("seen").stack); return 1; } });`,
  );
  const { body: { invocationId } } = await client.invoke(reader);
  const logs = await client.get(`/api/v1/functions/${reader}/invocations/${invocationId}/logs`);
  const stacks = logs.body.list.map(({ message }: { message: string }) => message);
  assert.equal(stacks.length, 2, "the output is read again in search of what JSON loses");
  for (const stack of stacks) assert.doesNotMatch(stack, SERVER_PATH);
}

/** The errors that an uncaught one names, each with its stack. */
async function uncaughtCauses(stage: Stage): Promise<void> {
  const chain = await failing(
    stage,
    `
function inner(): never {
  throw new TypeError("inner");
}
export default () => {
  try {
    inner();
  } catch (cause) {
    throw new Error("outer", { cause: new RangeError("between", { cause }) });
  }
};`,
  );
  assert.match(
    chain,
    /^UNCAUGHT: Error: outer\n {4}at .*main\.ts:9:11\)?\ncause: RangeError: between\n {4}at .*main\.ts:9:39\)?\ncause\.cause: TypeError: inner\n {4}at inner \(main\.ts:3:9\)\n/,
  );
  const any = await failing(
    stage,
    `
const fails = async (text: string) => {
  await Promise.resolve();
  throw new Error(text);
};
export default () => Promise.any([fails("one"), fails("two"), Promise.reject({ code: 3 })]);`,
  );
  assert.match(
    any,
    /^UNCAUGHT: AggregateError: All promises were rejected\nerrors\[0\]: Error: one\n {4}at fails \(main\.ts:4:9\)\n(?: {4}at .*\n)*errors\[1\]: Error: two\n {4}at fails \(main\.ts:4:9\)\n(?: {4}at .*\n)*errors\[2\]: \{"code":3\}$/,
  );
  const hostile = await failing(
    stage,
    `
export default () => {
  const error: any = new Error("hostile");
  error.cause = error;
  error.errors = new Proxy([], { get() { throw new Error("trap"); } });
  for (const key of ["0", "length", "path", "related"]) {
    Object.defineProperty(Object.prototype, key, { set() { throw new Error("setter"); }, configurable: true });
  }
  throw error;
};`,
  );
  assert.match(hostile, /^UNCAUGHT: Error: hostile\n {4}at [^\n]*$/);
  const many = await failing(
    stage,
    `export default () => {
      throw new AggregateError(Array.from({ length: 1000 }, (_, i) => new Error("x".repeat(1e5) + i)), "many");
    };`,
  );
  assert.match(many, /^UNCAUGHT: AggregateError: many\n/);
  assert.match(many, /\nerrors\[0\]: Error: x{1000}/);
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
  "UNCAUGHT: with the causes and members of the error": uncaughtCauses,
  "OUT_OF_MEMORY: with its limit": outOfMemory,
  "EXITED: for an exit, and for a promise that never settles": exits,
  "BAD_OUTPUT: for all that is not a JSON object": badOutputs,
  "BAD_OUTPUT: with the class and the path of what JSON loses": lostOutputs,
  "SUCCESS: with what JSON represents": keptOutputs,
  "OUTPUT_TOO_LARGE: from the first byte over the limit": largeOutputs,
});

serverSuite(
  "a function that does not end",
  { flags: [...FLAGS, "--invocation-timeout", "500ms", "--max-timeout", "60s"] },
  {
    "TIMEOUT: with its limit": outOfTime,
  },
);
