/** A template observes uses of anything that differs between invocations, and changes nothing else in its script. */
import assert from "node:assert/strict";
import { fromTemplate, output, report, run, sandboxSuite, scriptOf } from "./harness.ts";

const step = sandboxSuite("observed scripts", { poolSize: 2, cpuTimeMs: 60_000 });

/** Scripts that are not fit for a template, with what they read: each is evaluated in every invocation. */
const READERS: Readonly<Record<string, readonly [called: string, top: string]>> = {
  "reads secrets": ["secrets", "const { key } = meta.invoked.secrets;"],
  "reads variables": ["variables", "const key = meta.invoked.variables;"],
  "draws Math.random": ["Math.random", "const key = Math.random();"],
  "draws crypto.getRandomValues": [
    "crypto.getRandomValues",
    "const [key] = crypto.getRandomValues(new Uint8Array(8));",
  ],
  "draws crypto.randomUUID": ["crypto.randomUUID", "const key = crypto.randomUUID();"],
  "draws node:crypto": [
    "crypto.randomBytes",
    `const key = (await import("node:crypto")).randomBytes(4).toString("hex");`,
  ],
  "reads Date.now": ["Date.now", "const key = Date.now();"],
  "makes a Date": ["new Date", "const key = new Date();"],
  "calls Date": ["Date", "const key = Date();"],
  "reads Temporal.Now": [
    "Temporal.Now.instant",
    "const key = String(Temporal.Now.instant());",
  ],
  "reads process.cpuUsage": ["process.cpuUsage", "const key = process.cpuUsage().user;"],
  "reads process.resourceUsage": [
    "process.resourceUsage",
    "const key = process.resourceUsage().maxRSS;",
  ],
  "reads process.memoryUsage.rss": [
    "process.memoryUsage.rss",
    "const key = process.memoryUsage.rss();",
  ],
  "reads Deno.memoryUsage": ["Deno.memoryUsage", "const key = Deno.memoryUsage().rss;"],
  "draws prng": [
    "crypto.randomBytes",
    `const key = (await import("node:crypto")).default.prng(4).toString("hex");`,
  ],
  "makes an ECDH key": [
    "crypto.ECDH.generateKeys",
    `const key = (await import("node:crypto")).createECDH("prime256v1").generateKeys("hex");`,
  ],
  "makes a Diffie-Hellman key": [
    "crypto.DiffieHellmanGroup.generateKeys",
    `const key = (await import("node:crypto")).getDiffieHellman("modp14").generateKeys("hex");`,
  ],
  "makes a key": [
    "crypto.subtle.generateKey",
    `const key = await crypto.subtle.generateKey({ name: "HMAC", hash: "SHA-256" }, true, ["sign"]);`,
  ],
  "encrypts with padding": [
    "crypto.publicEncrypt",
    `const nodeCrypto = await import("node:crypto");
    let key = 1; try { nodeCrypto.publicEncrypt("no key", Buffer.from("a")); } catch {}`,
  ],
  "signs": [
    "crypto.sign",
    `const nodeCrypto = await import("node:crypto");
    let key = 1; try { nodeCrypto.sign("sha256", Buffer.from("a"), "no key"); } catch {}`,
  ],
  "signs with an object": [
    "crypto.Sign.sign",
    `const nodeCrypto = await import("node:crypto");
    let key = 1; try { nodeCrypto.createSign("sha256").update("a").sign("no key"); } catch {}`,
  ],
  "makes a file": ["new File", `const key = new File([], "a").lastModified;`],
  "adds a Blob to a form": [
    "FormData.append",
    `const form = new FormData(); form.append("a", new Blob());
    const key = form.get("a").lastModified;`,
  ],
  "sets a Blob in a form": [
    "FormData.set",
    `const key = new FormData(); key.set("a", new Blob(), "name");`,
  ],
  "reads a form with a file": [
    "Response.formData",
    `const text = '--a\\r\\nContent-Disposition: form-data; name="a"; filename="b"\\r\\n\\r\\nc\\r\\n--a--\\r\\n';
    const headers = { "content-type": "multipart/form-data; boundary=a" };
    const key = (await new Response(text, { headers }).formData()).get("a").lastModified;`,
  ],
  "sends a form": [
    "FormData boundary",
    "const key = new Response(new FormData()).headers.get('content-type');",
  ],
  "asks with a form": [
    "FormData boundary",
    `const key = new Request("http://a/", { method: "POST", body: new FormData() }).headers;`,
  ],
  "makes the URL of a Blob": [
    "URL.createObjectURL",
    "const key = URL.createObjectURL(new Blob());",
  ],
  "reads cpuUsage of node:process": [
    "process.cpuUsage",
    `const key = (await import("node:process")).cpuUsage().user;`,
  ],
  "reads resourceUsage of node:process": [
    "process.resourceUsage",
    `const key = (await import("node:process")).resourceUsage().maxRSS;`,
  ],
  "reads performance.timeOrigin": [
    "performance.timeOrigin",
    "const key = performance.timeOrigin;",
  ],
  "reads performance.toJSON": ["performance.toJSON", "const key = performance.toJSON();"],
  "formats the time of now": [
    "Intl.DateTimeFormat.format",
    "const key = new Intl.DateTimeFormat().format();",
  ],
  "formats an undefined time": [
    "Intl.DateTimeFormat.format",
    "const key = new Intl.DateTimeFormat().format(undefined);",
  ],
  "formats parts of now": [
    "Intl.DateTimeFormat.formatToParts",
    "const key = new Intl.DateTimeFormat().formatToParts();",
  ],
};

const TIMER = /^bundle\.js:\d+ called \S+, which leaves a timer pending$/;
const NETWORK = /^bundle\.js:\d+ called .+, which uses the network$/;
const REALM = /^bundle\.js:\d+ called vm\.\S+, which makes a realm/;
const PRINTS = /^it prints while it loads$/;
const THREAD = /^the module code leaves a thread running$/;
/** Scripts that no template can have evaluated, whatever their invocations may share, and why. */
const UNFORKABLE: Readonly<Record<string, readonly [error: RegExp, top: string]>> = {
  "asks the server": [
    /called host call, which calls the server$/,
    `const { json: key } = await meta.invoked.call('{"method":"echo"}');`,
  ],
  "prints": [PRINTS, `console.log("loading"); const key = 1;`],
  "writes to stderr": [
    PRINTS,
    `Deno.stderr.writeSync(new TextEncoder().encode("raw\\n")); const key = 1;`,
  ],
  "connects": [
    NETWORK,
    `const key = await fetch("http://127.0.0.1:8123/").then(() => 1, (error) => error.name);`,
  ],
  "sets a timer": [TIMER, "const key = 1; setTimeout(() => {}, 1e6).unref?.();"],
  "sets a timer again": [
    TIMER,
    "const key = setTimeout(() => {}, 1e6); clearTimeout(key); setInterval(() => {}, 1e6);",
  ],
  "sets a timer of node:timers": [
    TIMER,
    `const timers = await import("node:timers"); const key = timers.setTimeout(() => {}, 1e6).unref();`,
  ],
  "sets an immediate of require": [
    TIMER,
    `const { createRequire } = await import("node:module");
    const key = createRequire("file:///main.js")("timers").setImmediate(() => {});`,
  ],
  "leaves a promise of node:timers/promises": [
    TIMER,
    `const key = (await import("node:timers/promises")).setTimeout(1e6, "key");`,
  ],
  "leaves a promise of a scheduler": [
    TIMER,
    `const key = (await import("node:timers/promises")).scheduler.wait(1e6);`,
  ],
  "leaves an interval of node:timers/promises": [
    TIMER,
    `const key = (await import("node:timers/promises")).setInterval(1);`,
  ],
  "sets too many timers": [TIMER, "let key = 0; while (key++ < 2000) setTimeout(() => {}, 1e6);"],
  "makes a signal with a timeout": [TIMER, "const key = AbortSignal.timeout(60_000);"],
  "waits with Atomics": [
    TIMER,
    "const key = Atomics.waitAsync(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000);",
  ],
  "fetches data": [NETWORK, `const key = await (await fetch("data:,key")).text();`],
  "opens a WebSocket": [
    NETWORK,
    `const key = new WebSocket("ws://127.0.0.1:8123/"); key.onerror = () => {};`,
  ],
  "opens an EventSource": [
    NETWORK,
    `const key = new EventSource("http://127.0.0.1:8123/"); key.close();`,
  ],
  "connects a socket": [
    NETWORK,
    `const key = (await import("node:net")).connect(8123, "127.0.0.1"); key.on("error", () => {});`,
  ],
  "connects with TLS": [
    NETWORK,
    `const key = (await import("node:tls")).connect(8123, "127.0.0.1"); key.on("error", () => {});`,
  ],
  "connects with HTTP/2": [
    NETWORK,
    `const key = (await import("node:http2")).connect("http://127.0.0.1:8123");
    key.on("error", () => {});`,
  ],
  "makes a realm": [
    REALM,
    `const key = (await import("node:vm")).runInNewContext("Math.random()");`,
  ],
  "makes a context": [REALM, `const key = (await import("node:vm")).default.createContext();`],
  "runs a script in a realm": [
    REALM,
    `const key = new (await import("node:vm")).Script("Date.now()").runInNewContext();`,
  ],
  "makes a key with promisify": [
    THREAD,
    `const nodeCrypto = await import("node:crypto");
    const { promisify } = await import("node:util");
    const key = await promisify(nodeCrypto.generateKeyPair)("ed25519");`,
  ],
  "hashes in a thread": [
    THREAD,
    `const key = await crypto.subtle.digest("SHA-256", new Uint8Array(1));`,
  ],
};

/** Scripts that use nothing that their invocations must not share. */
const FREE: Readonly<Record<string, string>> = {
  "keeps functions":
    `const key = { now: Date.now, random: Math.random, Own: class extends Date {} };
    const { randomUUID } = crypto, { randomBytes } = await import("node:crypto");`,
  "makes dates of constants": `const key = [new Date(0), new Date("2020-01-01"), Date.UTC(2020, 1),
      new Intl.DateTimeFormat("en").format(0), Date.parse("2020-01-01")];`,
  "measures durations": `const key = [performance.now(), performance.mark("a").startTime,
      performance.measure("b", "a").duration, process.hrtime()[0], process.hrtime.bigint(),
      process.uptime(), new PerformanceMark("c").startTime];`,
  "clears its timers": `const { scheduler } = await import("node:timers/promises");
    const timers = await import("node:timers"), stop = new AbortController(), { signal } = stop;
    const key = setTimeout(() => {}, 1e6), ticks = setInterval(() => {}, 1e6);
    clearTimeout(key); clearInterval(ticks); clearImmediate(setImmediate(() => {}));
    timers.setTimeout(() => {}, 1e6).close(); setTimeout(() => {}, 1e6)[Symbol.dispose]();
    const waited = scheduler.wait(1e6, { signal }).catch(() => {}); stop.abort(); await waited;`,
  "waits for its timers": `const promises = await import("node:timers/promises");
    const key = await promises.setTimeout(1, "key");
    await new Promise((done) => setTimeout(done, 1)); await new Promise((done) => setImmediate(done));
    await (await import("node:util")).promisify(setTimeout)(1);`,
  "sets and clears many timers":
    "let key = 0; while (key++ < 3000) clearTimeout(setTimeout(() => {}, 1e6));",
  "makes a file of a constant time": `const key = new File([], "a", { lastModified: 1 });
    const form = new FormData(); form.append("a", "b"); form.append("c", key); form.set("d", key);`,
};

/** Takes longer than a script that needs no template, on any machine. Is free itself. */
const BUSY = "const began = performance.now(); while (performance.now() - began < 2);";
const bodyOf = (top: string) => `${BUSY} ${top} const main = () => ({ key: typeof key });`;
/** The same as it is: nothing is too small to be shared by mistake. */
const quickBodyOf = (top: string) => `${top} const main = () => ({ key: typeof key });`;

step("a script that uses what differs between invocations has no template", async (sandboxes) => {
  const host = { call: () => Promise.resolve({ value: "heard" }) };
  const last = "const main = () => ({});";
  const tops = Object.entries({ ...READERS, ...UNFORKABLE });
  const bodies = tops.map(([, [, top]]) => quickBodyOf(top));
  sandboxes.provision(
    [...bodies, last].map((key) => ({ key, script: scriptOf(key), count: 1 })),
  );
  // Those before it have been evaluated then.
  await fromTemplate(sandboxes, last);
  for (const [name, [, top]] of tops) {
    const options = { secrets: { key: "a value" }, host };
    const { outcome, process } = await run(sandboxes, quickBodyOf(top), options);
    assert.deepEqual([name, process, outcome.kind], [name, "root", "success"]);
  }
});

step("a script that uses nothing of the kind has a template", async (sandboxes) => {
  const bodies = Object.entries(FREE).map(([name, top]) => [name, quickBodyOf(top)] as const);
  sandboxes.provision(bodies.map(([, key]) => ({ key, script: scriptOf(key), count: 1 })));
  for (const [name, body] of bodies) {
    const { outcome } = await fromTemplate(sandboxes, body);
    assert.deepEqual([name, outcome.kind], [name, "success"]);
  }
});

step("a report names what keeps a script from a template", async (sandboxes) => {
  for (const [name, [called, top]] of Object.entries(READERS)) {
    const { start, readings, error } = await report(sandboxes, bodyOf(top));
    assert.deepEqual({ name, start, error }, { name, start: "each invocation", error: undefined });
    const reading = readings.find((reading) => reading.called === called);
    assert.match(reading?.position ?? "", /^bundle\.js:\d+$/, name);
  }
  for (const [name, [expected, top]] of Object.entries(UNFORKABLE)) {
    const { start, error = "" } = await report(sandboxes, bodyOf(top));
    assert.deepEqual({ name, start }, { name, start: "each invocation" });
    assert.match(error, expected, name);
  }
  for (const [name, top] of Object.entries(FREE)) {
    const { start, readings, error } = await report(sandboxes, bodyOf(top));
    assert.deepEqual({ name, start, readings, error }, {
      name,
      start: "template",
      readings: [],
      error: undefined,
    });
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
