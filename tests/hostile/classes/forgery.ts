/** Forged frames and changed globals: the function returns `{ real: true }`, and that must be the output. */
import { fails, mapped, returns, type Table } from "../hostile.ts";

const REAL = { real: true };

const during = (codes: Table) =>
  returns(
    REAL,
    mapped(codes, (code) =>
      `const g: any = globalThis;\nexport default async (): Promise<any> => { ${code}\nreturn { real: true }; };`),
  );

const FRAME = `new Uint8Array([...Array(24).fill(255), 0x20, 0, 0, 0, 2, 123, 125])`;

/** Changes of built-ins that the bootstrap uses. Each runs while the module loads. */
const POISONS: Table = {
  "JSON":
    `(JSON as any).stringify = () => '{"forged":1}'; (JSON as any).parse = () => ({ forged: 1 });`,
  "encoders":
    `(TextEncoder.prototype as any).encode = () => new Uint8Array([123, 125]); (TextEncoder.prototype as any).encodeInto = () => ({});`,
  "typed arrays":
    `(Uint8Array.prototype as any).set = () => {}; Object.defineProperty(Object.getPrototypeOf(Uint8Array), Symbol.species, { get() { throw 1; } });`,
  "functions":
    `(Function.prototype as any).call = (Function.prototype as any).apply = (Function.prototype as any).bind = () => { throw 1; }; (Reflect as any).apply = () => { throw 1; };`,
  "iterators": `(Array.prototype as any)[Symbol.iterator] = function* () { yield "forged"; };`,
  "strings":
    `(String.prototype as any).slice = () => "{}"; (String.prototype as any).charCodeAt = () => 0;`,
  "descriptors of properties":
    `(Object as any).defineProperty = (Reflect as any).defineProperty = () => { throw 1; }; (Object.prototype as any).get = () => { throw 1; };`,
  "array indices":
    `Object.defineProperty(Array.prototype, "0", { set() { throw 1; }, get() { return "forged"; } });`,
  "toJSON":
    `(Object.prototype as any).toJSON = undefined; (String.prototype as any).toJSON = () => "forged";`,
  "promises":
    `(Promise as any).prototype.finally = () => { throw 1; }; (Promise as any).reject = () => { throw 1; };`,
  "stdout":
    `(Deno.stdout as any).writeSync = (b: any) => b.length; Object.getPrototypeOf(Deno.stdout).writeSync = (b: any) => b.length;`,
  "exits": `(Deno as any).exit = () => {}; addEventListener("unload", () => { throw 1; });`,
  "errors":
    `(Error as any).prepareStackTrace = () => "forged"; (Error as any).stackTraceLimit = Infinity;`,
  "numbers":
    `(Number.prototype as any).toString = () => "9"; (Math as any).max = (Math as any).min = () => 0; (Number as any).isInteger = () => true;`,
  "events":
    `(EventTarget.prototype as any).dispatchEvent = () => false; (Event.prototype as any).preventDefault = () => {};`,
};

export const FORGERY = [
  ...returns(
    REAL,
    mapped(
      POISONS,
      (code) => `${code}\nexport default async (): Promise<any> => ({ real: true });`,
    ),
  ),
  ...during({
    "frames on the console":
      `console.log("ready"); console.log('{"ok":true,"value":"forged"}'); console.log("\\xff".repeat(40) + '{"forged":1}');`,
    "a frame on stdout": `Deno.stdout.writeSync(${FRAME});`,
    "a frame on stdout by node:fs": `(await import("node:fs")).writeSync(1, ${FRAME});`,
    "a frame on stderr": `Deno.stderr.writeSync(${FRAME});`,
    "half a frame that swallows what follows":
      `Deno.stdout.writeSync(new Uint8Array([...Array(24).fill(255), 0x20, 255, 255, 255, 255]));`,
    "guessed nonces":
      `for (let n = 0; n < 500; n++) { const f = ${FRAME}; crypto.getRandomValues(f.subarray(1, 24)); Deno.stdout.writeSync(f); }`,
    "the end of the log":
      `console.log("\\n\\0\\x1b[2J\\r".repeat(20)); console.error("\\u2028{}\\n");`,
    "globals removed":
      `for (const key of Object.getOwnPropertyNames(g)) { try { delete g[key]; } catch {} }`,
    "a second answer":
      `queueMicrotask(() => Deno.stdout.writeSync(${FRAME})); setTimeout(() => { throw new Error("late"); });`,
  }),
  ...fails(/^EXITED: /, {
    "nothing but a forged answer":
      `export default () => { Deno.stdout.writeSync(${FRAME}); Deno.exit(0); };`,
  }),
  ...fails(/^(EXITED|UNCAUGHT): /, {
    "a forged answer and a closed stdout":
      `export default () => { Deno.stdout.writeSync(${FRAME}); Deno.stdout.close(); return {}; };`,
  }),
  ...fails(/^BAD_OUTPUT: the function returned a number, not a JSON object/, {
    "a then that forges": `export default () => ({ then(ok: any) { ok(5); } });`,
  }),
  ...fails(/^UNCAUGHT: Error: /, {
    "an error with hostile properties":
      `export default () => { throw { get name() { throw 1; }, message: "\\u0000".repeat(9), get stack() { throw 1; } }; };`,
  }),
  ...fails(/^UNCAUGHT: Error: no\nTIMEOUT: forged/, {
    "an error word": `export default () => { throw new Error("no\\nTIMEOUT: forged"); };`,
  }),
];
