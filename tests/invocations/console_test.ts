/** Every method of `console` with every kind of argument. */
import assert from "node:assert/strict";
import type { Client } from "../support/client.ts";
import { serverSuite, type Stage } from "../support/suite.ts";

/** Arguments of every kind, as the function makes them. */
const ARGUMENTS = `
const cycle: any = { name: "cycle" }; cycle.self = cycle;
const revoked = Proxy.revocable({}, {}); revoked.revoke();
class Point { #x = 1; y = 2; get z() { return this.#x; } }
const ARGUMENTS: Record<string, unknown[]> = {
  none: [], undefined: [undefined], null: [null], boolean: [false], number: [-0], nan: [NaN],
  bigint: [10n], string: ["text"], empty: [""], lines: ["one\\ntwo\\n"], symbol: [Symbol("s")],
  format: ["%s %d %i %f %j %o %O %c %%", "a", 1, 2, 3.5, { a: 1 }, [1], {}, "color: red"],
  lone: ["\\ud800"], nul: ["\\0"], long: ["x".repeat(1000)],
  function: [() => 1], class: [Point], instance: [new Point()], object: [{ a: { b: { c: [{}] } } }],
  bare: [Object.create(null)], cycle: [cycle], array: [[1, , 3]], rows: [[{ a: 1 }, { b: 2 }], ["a"]],
  map: [new Map([["k", 1]])], set: [new Set([1])], weak: [new WeakMap(), new WeakSet()],
  date: [new Date(0), new Date(NaN)], regexp: [/a/g], error: [new Error("e", { cause: new TypeError("c") })],
  aggregate: [new AggregateError([new Error("a"), "b"], "all")], promise: [Promise.resolve(1)],
  proxy: [new Proxy({ a: 1 }, {})], revoked: [revoked.proxy], bytes: [new Uint8Array(3), new ArrayBuffer(2)],
  boxed: [new String("s"), new Number(1)], generator: [(function* () {})()], url: [new URL("http://a.example/")],
  response: [new Response("r"), new Headers([["a", "b"]]), new Blob(["b"])], globals: [globalThis.Deno, console],
  getter: [{ get a() { throw new Error("read"); } }],
  text: [{ toString() { throw new Error("to text"); } }], tag: [{ get [Symbol.toStringTag]() { throw new Error("tag"); } }],
  inspect: [{ [Symbol.for("Deno.customInspect")]() { throw new Error("inspect"); } }],
};`;

/** What user code of an argument may throw through a method, as from the console of Node. */
const OWN_ERRORS =
  /^Error: (?:read|to text|tag|inspect)$|revoked|Symbol|object to primitive|'properties' argument/;

const EVERY = `${ARGUMENTS}
export default () => {
  const methods = Object.keys(console).filter((key) => typeof (console as any)[key] === "function");
  const thrown: string[] = [];
  for (const method of methods) {
    for (const [name, values] of Object.entries(ARGUMENTS)) {
      try {
        (console as any)[method](...values);
      } catch (error) {
        thrown.push(method + " " + name + ": " + error);
      }
    }
  }
  for (let n = 0; n < 200; n++) console.groupEnd();
  console.log("still here");
  return { methods, thrown };
};`;

interface Line {
  readonly level: string;
  readonly source: string;
  readonly message: string;
}

async function linesOf(client: Client, id: string, invocationId: string): Promise<Line[]> {
  const lines: Line[] = [];
  let token = "";
  do {
    const query = new URLSearchParams({ page_size: "100", page_token: token });
    const path = `/api/v1/functions/${id}/invocations/${invocationId}/logs?${query}`;
    const { body } = await client.get(path);
    lines.push(...body.list);
    token = body.nextPageToken;
  } while (token !== "");
  return lines;
}

/** Deploys and calls a function; returns the record and its lines. */
async function called(client: Client, main: string) {
  const id = await client.deploy(main);
  const { body } = await client.invoke(id);
  const record = await client.invocation(id, body.invocationId);
  return { record, lines: await linesOf(client, id, body.invocationId) };
}

async function everyMethod({ client }: Stage): Promise<void> {
  const { record, lines } = await called(client, EVERY);
  assert.equal(record.error, undefined);
  const { methods, thrown } = record.output;
  for (const method of ["log", "trace", "clear", "table", "dir", "timeLog", "group"]) {
    assert.ok(methods.includes(method), method);
  }
  for (const error of thrown) assert.match(error.replace(/^\w+ \w+: /, ""), OWN_ERRORS);
  assert.deepEqual([...new Set(lines.map(({ source }) => source))], ["console"]);
  assert.equal(lines.at(-1)?.message, "still here");
  // deno-lint-ignore no-control-regex -- what a terminal would obey
  for (const { message } of lines) assert.doesNotMatch(message, /\u001b/);
}

async function trace({ client }: Stage): Promise<void> {
  const { record, lines } = await called(
    client,
    `
export default () => {
  console.trace("here %d", 1, { a: 1 });
  console.trace();
  console.clear();
  Error.prepareStackTrace = (() => ({ toString() { throw new Error("no text"); } })) as never;
  console.trace("odd");
  console.log("after");
  return {};
};`,
  );
  assert.equal(record.error, undefined);
  assert.deepEqual(lines.map(({ level }) => level), ["error", "error", "error", "info"]);
  assert.match(lines[0]?.message ?? "", /^Trace: here 1 \{ a: 1 \}\n {4}at \S/);
  assert.match(lines[1]?.message ?? "", /^Trace\n {4}at \S/);
  assert.equal(lines[3]?.message, "after");
}

async function ofNode({ client }: Stage): Promise<void> {
  const { record, lines } = await called(
    client,
    `import nodeConsole, { clear } from "node:console";
export default () => {
  nodeConsole.clear();
  clear();
  nodeConsole.log("from node");
  return {};
};`,
  );
  assert.equal(record.error, undefined);
  assert.deepEqual(lines.map(({ message }) => message), ["from node"]);
}

serverSuite("console", { flags: ["--max-log", "4MiB"] }, {
  "takes every kind of argument in every method": everyMethod,
  "trace prints its message with the stack, and clear prints nothing": trace,
  "node:console clears nothing": ofNode,
});
