/** Exceeding limits, and not ending. The limits are those of {@link LIMIT_FLAGS}. */
import {
  alone,
  attempts,
  fails,
  gets,
  type Hostile,
  mapped,
  rejected,
  returns,
  type Table,
} from "../hostile.ts";

/** Small limits, which are reached soon. Busy loops reach the processor time first, waits the wall clock. */
export const LIMIT_FLAGS = [
  ...["--invocation-timeout", "60s", "--cpu-time", "1s", "--memory", "64MiB"],
  ...["--max-output", "64KiB", "--max-log", "1KiB", "--max-egress-connections", "8"],
];

const CPU = /^CPU_LIMIT: the function used up its limit of 1 s of processor time \(--cpu-time\)$/;
const MEMORY =
  /^OUT_OF_MEMORY: the function needed more memory than its limit of 64 MiB \(--memory\)$/;
const TIME = /^TIMEOUT: the invocation ran longer than its limit of 60 s \(--invocation-timeout\)$/;
const STALLED = /^EXITED: the promise of the function never settled and nothing was left/;

const exceeds = (limit: RegExp, codes: Table) =>
  fails(
    limit,
    mapped(codes, (code) =>
      `export default async (): Promise<any> => { ${code} return { leak: true }; };`),
  );

const CUT = /^log truncated: limit of 1 KiB reached \(--max-log\)$/;

/** Each has the limits to itself. */
export const RESOURCES: readonly Hostile[] = [
  ...exceeds(CPU, {
    "an endless loop": `for (;;) {}`,
    "an endless chain of microtasks":
      `const again = () => queueMicrotask(again); again(); await new Promise(() => {});`,
    "a regular expression": `/^(a+)+$/.test("a".repeat(60) + "b");`,
    "an endless loop of WebAssembly":
      `await WebAssembly.instantiate(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 8, 1, 0, 10, 9, 1, 7, 0, 3, 64, 12, 0, 11, 11]));`,
    "threads of node:crypto":
      `const { pbkdf2 } = await import("node:crypto"); await new Promise((r) => { for (let i = 0; i < 8; i++) pbkdf2("a", "b", 2 ** 30, 64, "sha512", r); });`,
    "a hostile getter of the error": `throw { get message() { for (;;); } };`,
  }),
  ...exceeds(TIME, {
    "a timer that never ends": `setInterval(() => {}, 1000); await new Promise(() => {});`,
    "a wait of the whole thread": `Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);`,
    "a read of stdin": `for (;;) await new Promise((r) => setTimeout(r, 500));`,
    "a handler of the end":
      `addEventListener("beforeunload", (e) => { e.preventDefault(); setTimeout(() => {}, 1000); }); setInterval(() => {}, 500); await new Promise(() => {});`,
  }).map((one): Hostile => ({ ...one, waits: true })),
  ...exceeds(MEMORY, {
    "the heap": `const all: any[] = []; for (;;) all.push(new Array(1e5).fill(1.5));`,
    "array buffers": `const all: any[] = []; for (;;) all.push(new Uint8Array(1e7).fill(1));`,
    "one array buffer": `new Uint8Array(2 ** 31).fill(1);`,
    "shared array buffers":
      `const all: any[] = []; for (;;) all.push(new Uint8Array(new SharedArrayBuffer(1e7)).fill(1));`,
    "memory of WebAssembly":
      `const m = new WebAssembly.Memory({ initial: 1, maximum: 65536 }); for (;;) { m.grow(160); new Uint8Array(m.buffer).fill(1); }`,
    "Blobs": `const all: any[] = []; for (;;) all.push(new Blob([new Uint8Array(5e6).fill(1)]));`,
    "Buffers of Node": `const all: any[] = []; for (;;) all.push(Buffer.alloc(1e7, 1));`,
  }),
  ...fails(/^(UNCAUGHT: RangeError: could not deserialize value|OUT_OF_MEMORY: )/, {
    "structured clones":
      `export default () => { const all: any[] = []; const big = new Uint8Array(5e6).fill(1); for (;;) all.push(structuredClone(big)); };`,
  }),
  // The error of zlib does not mention memory.
  ...fails(/^(OUT_OF_MEMORY: |EXITED: .* with the signal (SIGABRT|SIGSEGV)$)/, {
    "a zip bomb":
      `export default async (): Promise<any> => { const { gzipSync, gunzipSync } = await import("node:zlib"); let bomb = new Uint8Array(2 ** 20); for (let i = 0; i < 2; i++) bomb = gzipSync(bomb); const all: any[] = []; for (;;) all.push(gunzipSync(gunzipSync(bomb))); };`,
  }),
  ...rejected("RangeError: Invalid string length", {
    "one string": `return "x".repeat(2 ** 30).length;`,
  }),
  ...rejected("RangeError: Invalid array length", {
    "one array": `return new Array(2 ** 32).length;`,
  }),
  ...rejected("RangeError: Maximum call stack size exceeded", {
    "recursion": `const down = (): number => 1 + down(); return down();`,
  }),
  ...rejected("Error: scrypt key derivation failed", {
    "scrypt with much memory":
      `const { scryptSync } = await import("node:crypto"); return scryptSync("a", "b", 64, { N: 2 ** 20, r: 8, maxmem: 2 ** 31 }).length;`,
  }),
  ...fails(STALLED, {
    "a promise that never settles": `export default () => new Promise(() => {});`,
    "a promise that only a collected object could settle":
      `export default () => new Promise((resolve) => new FinalizationRegistry(resolve).register({}, 1));`,
  }),
  ...fails(/^EXITED: .* with exit code 0$/, { "an exit": `export default () => Deno.exit(0);` }),
  ...fails(/^EXITED: .* with exit code 7$/, {
    "an exit of process": `export default () => process.exit(7);`,
  }),
  ...fails(
    /^UNCAUGHT: (?:PermissionDenied: EPERM: Operation not permitted|NotCapable: Requires run access)/,
    { "its own death": `export default () => { Deno.kill(Deno.pid, "SIGKILL"); for (;;); };` },
  ),
  ...fails(/^UNCAUGHT: TypeError: process\.abort is not a function/, {
    "an abort": `export default () => process.abort();`,
  }),
  ...fails(/^EXITED: .* with exit code 1$/, {
    "a closed stdout": `export default () => { Deno.stdout.close(); return { a: 1 }; };`,
  }),
  ...fails(/^UNCAUGHT: Error: boo/, {
    "a rejection that nobody handles":
      `export default async () => { Promise.reject(new Error("boo")); await new Promise((r) => setTimeout(r, 50)); return {}; };`,
  }),
  ...returns({ done: true }, {
    "a flood of the console":
      `export default () => { for (let i = 0; i < 500; i++) console.log("x".repeat(1e5)); return { done: true }; };`,
    "a flood of stdout":
      `export default () => { const b = new Uint8Array(1e5).fill(65); for (let i = 0; i < 100; i++) Deno.stdout.writeSync(b); return { done: true }; };`,
    "a flood of stderr":
      `export default () => { const b = new TextEncoder().encode("y\\n".repeat(5e4)); for (let i = 0; i < 100; i++) Deno.stderr.writeSync(b); return { done: true }; };`,
    "a flood of empty lines":
      `export default () => { for (let i = 0; i < 20000; i++) console.log(""); return { done: true }; };`,
  }).map((one) => ({ ...one, logs: CUT })),
  ...gets("100", {
    "many connections to the proxy":
      `const net = await import("node:net"); let failed = 0; await Promise.all(Array.from({ length: 100 }, () => new Promise<void>((ok) => net.connect(input.port, "127.0.0.1", () => ok()).on("error", () => { failed++; ok(); })))); return failed;`,
  }),
  // Without descriptors Deno may abort.
  ...attempts({
    "all descriptors":
      `const net = await import("node:net"); let n = 0; const all: any[] = []; for (let i = 0; i < 400; i++) all.push(fetch("http://127.0.0.1:" + input.port + "/").then((r) => r.ok && n++, () => 0)); await Promise.all(all); return n;`,
  }, { anyOf: [{ output: { got: "0" } }, { error: /^EXITED: .*exit code 1$/ }] }),
  ...gets("done", {
    "many timers": `for (let i = 0; i < 1e4; i++) setTimeout(() => {}, 1e9); return "done";`,
  }),
].map(alone);
