/** A template observes uses of anything that differs between invocations, and changes nothing else in its script. */
import assert from "node:assert/strict";
import { fromTemplate, output, run, sandboxSuite, scriptOf } from "./harness.ts";

const step = sandboxSuite("observed scripts", { poolSize: 2, cpuTimeMs: 60_000 });

/** Scripts that are not fit for a template. Each is evaluated in every invocation. */
const UNSUITABLE: Readonly<Record<string, string>> = {
  "reads secrets": "const { key } = meta.invoked.secrets;",
  "asks the server": `const { json: key } = await meta.invoked.call('{"method":"echo"}');`,
  "prints": `console.log("loading"); const key = 1;`,
  "writes to stderr": `Deno.stderr.writeSync(new TextEncoder().encode("raw\\n")); const key = 1;`,
  "connects":
    `const key = await fetch("http://127.0.0.1:8123/").then(() => 1, (error) => error.name);`,
  "draws Math.random": "const key = Math.random();",
  "draws crypto.getRandomValues": "const [key] = crypto.getRandomValues(new Uint8Array(8));",
  "draws crypto.randomUUID": "const key = crypto.randomUUID();",
  "draws node:crypto": `const key = (await import("node:crypto")).randomBytes(4).toString("hex");`,
  "makes a key":
    `const key = await crypto.subtle.generateKey({ name: "HMAC", hash: "SHA-256" }, true, ["sign"]);`,
  "reads Date.now": "const key = Date.now();",
  "makes a Date": "const key = new Date();",
  "reads performance.now": "const key = performance.now();",
  "reads Temporal.Now": "const key = String(Temporal.Now.instant());",
  "reads process.hrtime": "const key = process.hrtime()[0];",
  "reads process.hrtime.bigint": "const key = String(process.hrtime.bigint());",
  "reads process.uptime": "const key = process.uptime();",
  "reads process.cpuUsage": "const key = process.cpuUsage().user;",
  "reads process.resourceUsage": "const key = process.resourceUsage().maxRSS;",
  "reads process.memoryUsage.rss": "const key = process.memoryUsage.rss();",
  "reads Deno.memoryUsage": "const key = Deno.memoryUsage().rss;",
  "sets a timer": "const key = 1; setTimeout(() => {}, 1e6).unref?.();",
  "sets a timer of node:timers":
    `const timers = await import("node:timers"); const key = timers.setTimeout(() => {}, 1e6).unref();`,
  "sets an immediate of require": `const { createRequire } = await import("node:module");
    const key = createRequire("file:///main.js")("timers").setImmediate(() => {});`,
  "waits with node:timers/promises":
    `const key = await (await import("node:timers/promises")).setTimeout(1, "key");`,
  "waits with timers.promises":
    `const key = await (await import("node:timers")).promises.setTimeout(1, "key");`,
  "waits with a scheduler":
    `const key = await (await import("node:timers/promises")).scheduler.wait(1);`,
  "waits with promisify":
    `const key = await (await import("node:util")).promisify(setTimeout)(1, "key");`,
  "makes a signal with a timeout": "const key = AbortSignal.timeout(60_000);",
  "waits with Atomics":
    "const key = Atomics.waitAsync(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000);",
  "draws prng": `const key = (await import("node:crypto")).default.prng(4).toString("hex");`,
  "makes an ECDH key":
    `const key = (await import("node:crypto")).createECDH("prime256v1").generateKeys("hex");`,
  "makes a Diffie-Hellman key":
    `const key = (await import("node:crypto")).getDiffieHellman("modp14").generateKeys("hex");`,
  "makes a key with promisify": `const nodeCrypto = await import("node:crypto");
    const { promisify } = await import("node:util");
    const key = await promisify(nodeCrypto.generateKeyPair)("ed25519");`,
  "encrypts with padding": `const nodeCrypto = await import("node:crypto");
    let key = 1; try { nodeCrypto.publicEncrypt("no key", Buffer.from("a")); } catch {}`,
  "signs": `const nodeCrypto = await import("node:crypto");
    let key = 1; try { nodeCrypto.sign("sha256", Buffer.from("a"), "no key"); } catch {}`,
  "signs with an object": `const nodeCrypto = await import("node:crypto");
    let key = 1; try { nodeCrypto.createSign("sha256").update("a").sign("no key"); } catch {}`,
  "makes a file": `const key = new File([], "a").lastModified;`,
  "fetches data": `const key = await (await fetch("data:,key")).text();`,
  "opens a WebSocket": `const key = new WebSocket("ws://127.0.0.1:8123/"); key.onerror = () => {};`,
  "opens an EventSource": `const key = new EventSource("http://127.0.0.1:8123/"); key.close();`,
  "connects a socket": `const key = (await import("node:net")).connect(8123, "127.0.0.1");
    key.on("error", () => {});`,
  "connects with TLS": `const key = (await import("node:tls")).connect(8123, "127.0.0.1");
    key.on("error", () => {});`,
  "connects with HTTP/2":
    `const key = (await import("node:http2")).connect("http://127.0.0.1:8123");
    key.on("error", () => {});`,
  "makes a realm": `const key = (await import("node:vm")).runInNewContext("Math.random()");`,
  "makes a context": `const key = (await import("node:vm")).default.createContext();`,
  "runs a script in a realm":
    `const key = new (await import("node:vm")).Script("Date.now()").runInNewContext();`,
  "reads cpuUsage of node:process": `const key = (await import("node:process")).cpuUsage().user;`,
  "reads resourceUsage of node:process":
    `const key = (await import("node:process")).resourceUsage().maxRSS;`,
  "makes a mark": `const key = new PerformanceMark("a").startTime;`,
  "reads performance.timeOrigin": "const key = performance.timeOrigin;",
  "formats the time of now": "const key = new Intl.DateTimeFormat().format();",
  "formats an undefined time": "const key = new Intl.DateTimeFormat().format(undefined);",
  "formats parts of now": "const key = new Intl.DateTimeFormat().formatToParts();",
  "hashes in a thread": `const key = await crypto.subtle.digest("SHA-256", new Uint8Array(1));`,
};

step("a script that uses what differs between invocations has no template", async (sandboxes) => {
  const host = { call: () => Promise.resolve({ value: "heard" }) };
  const last = "const main = () => ({});";
  const bodies = Object.values(UNSUITABLE).map((top) =>
    `${top} const main = () => ({ key: typeof key });`
  );
  sandboxes.provision(
    [...bodies, last].map((key) => ({ key, script: scriptOf(key), count: 1 })),
  );
  // Those before it have been evaluated then.
  await fromTemplate(sandboxes, last);
  for (const [name, top] of Object.entries(UNSUITABLE)) {
    const body = `${top} const main = () => ({ key: typeof key });`;
    const options = { secrets: { key: "a value" }, host };
    const { outcome, process } = await run(sandboxes, body, options);
    assert.deepEqual([name, process, outcome.kind], [name, "root", "success"]);
  }
});

/** Inspects functions that are observed while a template loads, as its top level and as its invocations see them. */
const LOOK = `
  const nodeUtil = await import("node:util"), nodeVm = await import("node:vm");
  const nodeCrypto = await import("node:crypto"), timers = await import("node:timers");
  const promises = await import("node:timers/promises");
  const { promisify } = nodeUtil, { custom } = promisify;
  const sleep = promisify(setTimeout), pause = promisify(setImmediate);
  const makePair = promisify(nodeCrypto.generateKeyPair);
  const formatter = new Intl.DateTimeFormat("en", { timeZone: "UTC" }), { format } = formatter;
  const dates = [format(0), formatter.formatToParts(0).length, new Date(0).getTime()];
  const all = { setTimeout, setInterval, setImmediate, fetch, WebSocket, EventSource, File, Date, format,
    sign: nodeCrypto.sign, signWith: nodeCrypto.Sign.prototype.sign,
    formatToParts: formatter.formatToParts, timeout: AbortSignal.timeout, waitAsync: Atomics.waitAsync,
    promised: promises.setTimeout, repeated: promises.setInterval, wait: promises.scheduler.wait,
    generateKeys: nodeCrypto.ECDH.prototype.generateKeys, createECDH: nodeCrypto.createECDH,
    randomBytes: nodeCrypto.randomBytes, generateKeyPair: nodeCrypto.generateKeyPair,
    createContext: nodeVm.createContext, runInNewContext: nodeVm.runInNewContext,
    runScript: nodeVm.Script.prototype.runInNewContext, hrtime: process.hrtime, now: Date.now,
    origin: Object.getOwnPropertyDescriptor(Performance.prototype, "timeOrigin").get,
    getFormat: Object.getOwnPropertyDescriptor(Intl.DateTimeFormat.prototype, "format").get };
  const shapeOf = (value) => [value.name, value.length, Reflect.ownKeys(value).map(String).sort(),
    Object.prototype.toString.call(value)];
  const shapes = Object.fromEntries(Object.entries(all).map(([key, value]) => [key, shapeOf(value)]));
  Object.assign(shapes, { timers: Object.keys(timers), vm: Object.keys(nodeVm), promises: Object.keys(promises) });
  const same = [setTimeout === timers.setTimeout, setTimeout[custom] === promises.setTimeout,
    setImmediate[custom] === timers.promises.setImmediate, timers.default.setInterval === setInterval,
    timers.promises.setTimeout === promises.setTimeout, nodeVm.createContext === nodeVm.default.createContext,
    formatter.format === format, WebSocket.prototype.constructor === WebSocket,
    Date.prototype.constructor === Date, new Date(0) instanceof Date,
    Object.keys(globalThis).includes("setTimeout"), Object.keys(globalThis).includes("WebSocket")];
  const main = async () => {
    const slept = await sleep(1, "slept"), paused = await pause("paused");
    const pair = await makePair("ed25519");
    const socket = new WebSocket("ws://127.0.0.1:8123/");
    socket.onerror = () => {};
    let ticks = 0;
    for await (const _ of promises.setInterval(1)) if (++ticks === 2) break;
    await promises.scheduler.wait(1);
    const ecdh = nodeCrypto.createECDH("prime256v1");
    return { shapes, same, slept, paused, key: pair.privateKey.type, ticks, dates,
      isSocket: socket instanceof WebSocket, bytes: ecdh.generateKeys().length,
      isNow: Math.abs(Date.parse(format()) - Date.now()) < 2 * 86_400_000 && format() === format(Date.now()),
      text: await (await fetch("data:,text")).text() };
  };`;

type Shapes = Record<string, unknown>;

/** The same in this process, in which nothing is observed. */
async function lookHere(): Promise<{ shapes: Shapes; same: boolean[] }> {
  const { constructor } = async () => {};
  return await constructor(`${LOOK} return { shapes, same };`)();
}

step("observed functions are as they were", async (sandboxes) => {
  const { shapes, same, ...got } = await output(sandboxes, LOOK);
  const here = await lookHere();
  // The runtime replaces these two.
  const { fetch, origin } = shapes as Shapes;
  assert.deepEqual({ shapes, same }, { ...here, shapes: { ...here.shapes, fetch, origin } });
  const expected = {
    slept: "slept",
    paused: "paused",
    key: "private",
    ticks: 2,
    dates: ["1/1/1970", 5, 0],
    isSocket: true,
    bytes: 65,
    isNow: true,
    text: "text",
  };
  assert.deepEqual(got, expected);
  const { outcome } = await fromTemplate(sandboxes, LOOK);
  assert.equal(outcome.kind, "success", JSON.stringify(outcome));
  const fromItsTemplate = JSON.parse(outcome.kind === "success" ? outcome.outputJson : "");
  assert.deepEqual(fromItsTemplate, { ...got, shapes, same });
  assert.deepEqual(same, Array.from({ length: 12 }, (_, at) => at < 11));
});
