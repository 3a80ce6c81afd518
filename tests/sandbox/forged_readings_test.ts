/**
 * Scripts that lie about what they read while they load, and where. A lie costs the script its template, or gives it one
 * that it should not have; nothing else.
 */
import assert from "node:assert/strict";
import { FrameKind } from "../../src/runtime/wire.ts";
import { makeNonce } from "../../src/sandbox/instance/frames.ts";
import { type Preloaded, PreloadOutput } from "../../src/sandbox/instance/output_readers.ts";
import { recordedOf } from "../../src/sandbox/instance/recorded.ts";
import { CallSites } from "../../src/sandbox/tree/call_sites.ts";
import { StackMap } from "../../src/shared/stack.ts";
import { random, SEED } from "../support/seed.ts";
import {
  AVAILABLE_MODES,
  fromTemplate,
  output,
  report,
  run,
  sandboxSuite,
  scriptOf,
} from "./harness.ts";

const step = sandboxSuite("forged readings", { poolSize: 2, cpuTimeMs: 60_000 });

const BUSY = "const began = performance.now(); while (performance.now() - began < 2);";
const REVIEWED_FRAME = "    at lodash (invoked:bundle.js:2:1)";

/** What a script changes before it reads the clock. None of it hides the reading. */
const POISON: Readonly<Record<string, string>> = {
  "JSON": `JSON.stringify = () => "{}"; JSON.parse = () => ({});`,
  "toJSON": `Object.prototype.toJSON = String.prototype.toJSON = () => "forged";`,
  "strings": `for (const key of ["slice", "indexOf", "lastIndexOf", "startsWith"]) {
      String.prototype[key] = () => ""; }`,
  "functions": `Function.prototype.call = Function.prototype.apply = () => { throw 1; };
    Reflect.apply = Reflect.defineProperty = Object.defineProperty = () => { throw 1; };`,
  "properties": `const polluted = Object.assign(Object.create(null), { get: () => 1, set() {} });
    for (const key of ["get", "set", "value", "writable", "stack", "complete", "0"]) {
      Reflect.defineProperty(Object.prototype, key, polluted); }`,
  "array setters":
    `Object.defineProperty(Array.prototype, "0", { set() { throw 1; }, get: () => "forged" });`,
  "the limit of stacks": "Error.stackTraceLimit = 0;",
  "prepared stacks": `Error.prepareStackTrace = () => ${JSON.stringify(REVIEWED_FRAME)};`,
  "throwing stacks": "Error.prepareStackTrace = () => { throw new Error('no stack'); };",
  "accessors of errors": `for (const key of ["prepareStackTrace", "stackTraceLimit"]) {
      Object.defineProperty(Error, key, { configurable: true, get() { throw 1; }, set() { throw 1; } }); }`,
  "captured stacks": "Error.captureStackTrace = () => {};",
  "encoders": `TextEncoder.prototype.encode = () => new Uint8Array(0);`,
  "clocks": `performance.now = Performance.prototype.now = () => NaN;`,
  "timers": `globalThis.clearTimeout = () => {}; clearInterval = null;`,
};

step("a reading is found whatever its script has changed", async (sandboxes) => {
  for (const [name, poison] of Object.entries(POISON)) {
    const body = `${BUSY} ${poison}
      const key = Date.now(); const main = () => ({ key: typeof key });`;
    const { start, readings } = await report(sandboxes, body);
    assert.deepEqual({ name, start }, { name, start: "each invocation" });
    const position = readings[0]?.position ?? "";
    assert.match(position, /^(?:bundle\.js:[3-5]|the runtime)$/, `${name}: ${position}`);
    assert.deepEqual(readings, [{ position, called: "Date.now" }], name);
  }
});

/** Scripts that hide their reading, or give it another position. */
const LIES: Readonly<Record<string, string>> = {
  "frozen stacks": `Object.defineProperty(Error, "prepareStackTrace", { value: () => ${
    JSON.stringify(REVIEWED_FRAME)
  } }); Object.freeze(Error); const key = Date.now();`,
  "names with frames":
    `const forged = { ["x (invoked:bundle.js:1:1)\\n${REVIEWED_FRAME}"]() { return Date.now(); } };
    const key = Object.values(forged)[0]();`,
  "long names": `const key = { ["x (".repeat(1e5)]() { return Date.now(); } };
    for (const read of Object.values(key)) read();`,
  "module comments": `const text = \`
// npm:lodash@4.18.1/lodash.js
\`; const key = (() => Date.now())();`,
  "evaluated code": `const key = (0, eval)("Date.now()\\n//# sourceURL=invoked:bundle.js");`,
  "code of the runtime": `const key = (0, eval)("Date.now()\\n//# sourceURL=node:function");`,
  "many call sites": `const key = (0, eval)("[" + "Date.now(),".repeat(20_000) + "]").length;`,
  "many readings": `let key = 0; while (key < 1e5) { Math.random(); key++; }`,
};

step("a lie costs its own template and nothing else", async (sandboxes) => {
  const honest = `${BUSY} const main = () => ({});`;
  for (const [name, lie] of Object.entries(LIES)) {
    const body = `${BUSY} ${lie} const main = () => ({ name: ${JSON.stringify(name)} });`;
    const { start, readings } = await report(sandboxes, body);
    assert.ok(readings.length <= 20, name);
    for (const { position, called, functionName = "" } of readings) {
      assert.ok(position.length <= 1000 && functionName.length <= 100, name);
      assert.match(called, /^(?:Date\.now|Math\.random)$/);
    }
    sandboxes.provision([{ key: body, script: scriptOf(body), count: 1 }]);
    if (start === "template") await fromTemplate(sandboxes, body);
    assert.deepEqual(await output(sandboxes, body), { name });
    assert.equal((await report(sandboxes, honest)).start, "template");
  }
  for (const name of ["many call sites", "many readings", "long names", "module comments"]) {
    const body = `${BUSY} ${LIES[name]} const main = () => ({ name: ${JSON.stringify(name)} });`;
    assert.equal((await report(sandboxes, body)).start, "each invocation", name);
    assert.equal((await run(sandboxes, body)).process, "root", name);
  }
}, AVAILABLE_MODES.slice(0, 1));

/** Every line is in a file of the function. */
const OWN_MAP = JSON.stringify({
  version: 3,
  sources: ["main.ts"],
  names: [],
  mappings: `;AAAA${";AACA".repeat(20)}`,
});

step("a file of the function is never on the reviewed list", async (sandboxes) => {
  const script = (top: string) =>
    scriptOf(`${BUSY}\n// npm:lodash@4.18.1/lodash.js\n${top} const main = () => ({});`);
  const top = "const key = (() => Date.now())();";
  const { readings } = await report(sandboxes, "own", { script: script(top), sourceMap: OWN_MAP });
  assert.deepEqual(readings, [{ position: "main.ts:3", called: "Date.now" }]);
  // By the map and by the comment.
  const sourceMap = OWN_MAP.replace("main.ts", "npm:lodash@4.18.1/lodash.js");
  const listed = await report(sandboxes, "listed", { script: script(top), sourceMap });
  assert.deepEqual(listed.readings, []);
  assert.equal(listed.start, "template");
  // Beyond the limit of a record nobody knows what else is read.
  const many = script("for (let n = 0; n < 2000; n++) (() => Date.now())();");
  assert.equal((await report(sandboxes, "many", { script: many, sourceMap })).readings.length, 1);
  for (
    const [name, renamed] of Object.entries({
      other: "npm:other@4.18.1/lodash.js",
      none: "(source of a package)",
    })
  ) {
    const found = await report(sandboxes, name, {
      script: script(top),
      sourceMap: OWN_MAP.replace("main.ts", renamed),
    });
    assert.equal(found.start, name === "none" ? "template" : "each invocation", name);
  }
});

/** A frame of a template. */
function frameOf(nonce: Uint8Array, kind: number, body: Uint8Array, length = body.length) {
  const head = new Uint8Array(nonce.length + 5);
  head.set(nonce);
  head[nonce.length] = kind;
  new DataView(head.buffer).setUint32(nonce.length + 1, length);
  return new Uint8Array([...head, ...body]);
}

const encode = (text: string) => new TextEncoder().encode(text);

Deno.test("a template that writes what no template writes is given up", () => {
  const valid = encode('{"complete":true,"micros":1,"uses":["Date.now",""]}');
  const loaded = new Uint8Array(5);
  const { READINGS, LOADED, NEEDS_INVOCATION, RESULT } = FrameKind;
  const cases: readonly (readonly [kind: number, body: Uint8Array, length?: number])[][] = [
    [[LOADED, loaded]],
    [[NEEDS_INVOCATION, new Uint8Array(0)]],
    [[READINGS, encode("[]")]],
    [[READINGS, encode('{"complete":true,"micros":1,"uses":[1]}')]],
    [[READINGS, encode('{"complete":true,"micros":1,"uses":["\\u001b[2J","x"]}')]],
    [[READINGS, encode(JSON.stringify({ uses: Array(1000).fill("a") }))]],
    [[READINGS, new Uint8Array(0), 0xffffffff]],
    [[READINGS, valid], [RESULT, new Uint8Array(0)]],
    [[READINGS, valid], [0x7f, new Uint8Array(0)]],
  ];
  for (const frames of cases) {
    const nonce = makeNonce();
    let settled: Preloaded | undefined;
    const reader = new PreloadOutput(nonce, (preloaded) => settled ??= preloaded);
    reader.read("stderr", nonce);
    for (const [kind, body, length] of frames) {
      reader.read("stdout", frameOf(nonce, kind, body, length));
    }
    assert.equal(settled?.error, "it breaks the protocol of its process", JSON.stringify(frames));
  }
});

Deno.test(`no record or stack makes the server fail (seed ${SEED})`, async () => {
  const map = await StackMap.open(() => Promise.resolve(OWN_MAP));
  const below = random(SEED);
  const calls = new CallSites(scriptOf("// npm:lodash@4.18.1/lodash.js\n"), map);
  const parts = [
    "    at ",
    "invoked:bundle.js",
    ":1:1",
    ":99999999999:1",
    " (",
    ")",
    "\n",
    "npm:",
    "a",
    "\\0",
  ];
  const pick = () => parts[below(parts.length)] ?? "";
  for (let n = 0; n < 2000; n++) {
    const text = Array.from({ length: 1 + below(40) }, pick).join("");
    const { position } = calls.of(text);
    assert.ok(position.length > 0 && position.length <= 1000);
    recordedOf(encode(text));
    recordedOf(encode(JSON.stringify({ complete: n % 2 === 0, micros: text, uses: [text, text] })));
    recordedOf(crypto.getRandomValues(new Uint8Array(n % 64)));
  }
});
