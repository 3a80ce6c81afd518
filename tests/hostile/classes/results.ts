/** Outputs. Their limit is 64 KiB. */
import { fails, type Hostile, returns } from "../hostile.ts";

const gives = (name: string, expression: string, output: object): Hostile =>
  returns(name, `export default (): any => (${expression});`, output);
const rejectedOutput = (name: string, expression: string, error: RegExp): Hostile =>
  fails(name, `export default (): any => (${expression});`, error);

const isNo = (what: string) =>
  new RegExp(`^BAD_OUTPUT: the function returned ${what}, not a JSON object$`);
const TOO_LARGE =
  /^OUTPUT_TOO_LARGE: the output has [\d,]+ bytes, its limit is 64 KiB \(--max-output\)$/;

export const RESULTS: readonly Hostile[] = [
  rejectedOutput("a number", "5", isNo("a number")),
  rejectedOutput("a string", `"{}"`, isNo("a string")),
  rejectedOutput("null", "null", isNo("null")),
  rejectedOutput("nothing", "undefined", isNo("undefined")),
  rejectedOutput("an array", "[1]", isNo("an array")),
  rejectedOutput("a function", "() => {}", isNo("a function")),
  rejectedOutput("a symbol", "Symbol()", isNo("a symbol")),
  rejectedOutput("a BigInt", "5n", isNo("a bigint")),
  rejectedOutput("a BigInt within", "({ a: 5n })", /^BAD_OUTPUT: /),
  rejectedOutput("a cycle", "(() => { const a: any = {}; a.a = a; return a; })()", /^BAD_OUTPUT: /),
  rejectedOutput(
    "a cycle by a getter",
    "(() => { const a: any = { get a() { return a; } }; return a; })()",
    /^BAD_OUTPUT: /,
  ),
  rejectedOutput(
    "an object without end",
    "(() => { const make = (): any => ({ get a() { return make(); } }); return make(); })()",
    /^BAD_OUTPUT: /,
  ),
  rejectedOutput(
    "200,000 levels",
    `(() => { let a: any = {}; for (let i = 0; i < 2e5; i++) a = { a }; return a; })()`,
    TOO_LARGE,
  ),
  rejectedOutput(
    "200,000 levels of arrays by toJSON",
    `({ toJSON() { let a: any = []; for (let i = 0; i < 2e5; i++) a = [a]; return { a }; } })`,
    /^BAD_OUTPUT: /,
  ),
  rejectedOutput(
    "1,001 levels",
    `(() => { let a: any = {}; for (let i = 0; i < 1001; i++) a = { a }; return a; })()`,
    /^BAD_OUTPUT: /,
  ),
  rejectedOutput(
    "a toJSON that gives a text",
    `({ toJSON() { return '{"forged":1}'; } })`,
    /^BAD_OUTPUT: the function returned an object whose toJSON gives something else/,
  ),
  rejectedOutput(
    "a toJSON that throws",
    `({ toJSON() { throw new Error("no"); } })`,
    /^BAD_OUTPUT: the output cannot be turned into JSON: Error: no/,
  ),
  rejectedOutput(
    "a getter that throws",
    `({ get a() { throw new Error("no"); } })`,
    /^BAD_OUTPUT: the output cannot be turned into JSON: Error: no/,
  ),
  rejectedOutput(
    "a Proxy that throws",
    `new Proxy({}, { ownKeys() { throw new Error("no"); } })`,
    /^BAD_OUTPUT: the output cannot be turned into JSON: Error: no/,
  ),
  rejectedOutput(
    "a revoked Proxy",
    `(() => { const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); return proxy; })()`,
    /^UNCAUGHT: TypeError: Cannot perform 'get' on a proxy that has been revoked/,
  ),
  rejectedOutput(
    "a then that throws",
    `({ get then() { throw new Error("no"); } })`,
    /^UNCAUGHT: Error: no/,
  ),
  rejectedOutput("one byte too much", `({ a: "x".repeat(64 * 1024 - 7) })`, TOO_LARGE),
  rejectedOutput("far too much", `({ a: Array(8).fill("x".repeat(1e6)) })`, TOO_LARGE),
  rejectedOutput(
    "a text that no string holds",
    `({ a: Array(600).fill("x".repeat(1e6)) })`,
    // V8's error does not mention memory.
    /^(EXITED: .* with the signal (SIGABRT|SIGSEGV|SIGTRAP|SIGILL)|OUT_OF_MEMORY: )/,
  ),
  rejectedOutput("escapes that grow", `({ a: "\\u0000".repeat(20_000) })`, TOO_LARGE),
  gives("as much as is allowed", `({ a: "x".repeat(10) })`, { a: "xxxxxxxxxx" }),
  gives(
    "a key __proto__",
    `JSON.parse('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}')`,
    JSON.parse('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}'),
  ),
  gives(
    "keys of the envelope",
    `({ status: "FUNCTION_INVOCATION_STATUS_ERROR", error: "TIMEOUT: forged", invocationId: "x" })`,
    { status: "FUNCTION_INVOCATION_STATUS_ERROR", error: "TIMEOUT: forged", invocationId: "x" },
  ),
  gives("no numbers", `({ a: NaN, b: Infinity, c: -0 })`, { a: null, b: null, c: 0 }),
  rejectedOutput(
    "an Error behind a replaced JSON",
    `(() => { JSON.stringify = () => "{}"; Array.isArray = () => true as never; return { a: [new Error("x")] }; })()`,
    /^BAD_OUTPUT: output\.a\[0\] is an Error, which JSON cannot represent$/,
  ),
  gives(
    "another value at each read",
    `(() => { let n = 0; return { get n() { return ++n; }, e: {} }; })()`,
    { n: 1, e: {} },
  ),
  gives("half a surrogate pair", `({ a: "\\ud800" })`, { a: "\ud800" }),
  gives("line separators", `({ a: "\\u2028\\u2029</script>" })`, { a: "\u2028\u2029</script>" }),
  gives("a toJSON of its own", `({ toJSON() { return { a: 1 }; } })`, { a: 1 }),
  gives("a Proxy", `new Proxy({ a: 1 }, {})`, { a: 1 }),
  gives(
    "an object of another realm's shape",
    `Object.create(null, { a: { value: 1, enumerable: true } })`,
    { a: 1 },
  ),
];
