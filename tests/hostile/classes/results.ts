/** Outputs. Their limit is 64 KiB. */
import { fails, type Hostile, mapped, returns, type Table } from "../hostile.ts";

const mainOf = (expression: string) => `export default (): any => (${expression});`;
const gives = (output: object, expressions: Table) => returns(output, mapped(expressions, mainOf));
const rejectedOutput = (error: RegExp, expressions: Table) =>
  fails(error, mapped(expressions, mainOf));

const isNo = (what: string) =>
  new RegExp(`^BAD_OUTPUT: the function returned ${what}, not a JSON object$`);
const TOO_LARGE =
  /^OUTPUT_TOO_LARGE: the output has [\d,]+ bytes, its limit is 64 KiB \(--max-output\)$/;

export const RESULTS: readonly Hostile[] = [
  ...rejectedOutput(isNo("a number"), { "a number": "5" }),
  ...rejectedOutput(isNo("a string"), { "a string": `"{}"` }),
  ...rejectedOutput(isNo("null"), { "null": "null" }),
  ...rejectedOutput(isNo("undefined"), { "nothing": "undefined" }),
  ...rejectedOutput(isNo("an array"), { "an array": "[1]" }),
  ...rejectedOutput(isNo("a function"), { "a function": "() => {}" }),
  ...rejectedOutput(isNo("a symbol"), { "a symbol": "Symbol()" }),
  ...rejectedOutput(isNo("a bigint"), { "a BigInt": "5n" }),
  ...rejectedOutput(/^BAD_OUTPUT: /, {
    "a BigInt within": "({ a: 5n })",
    "a cycle": "(() => { const a: any = {}; a.a = a; return a; })()",
    "a cycle by a getter": "(() => { const a: any = { get a() { return a; } }; return a; })()",
    "an object without end":
      "(() => { const make = (): any => ({ get a() { return make(); } }); return make(); })()",
    "200,000 levels of arrays by toJSON":
      `({ toJSON() { let a: any = []; for (let i = 0; i < 2e5; i++) a = [a]; return { a }; } })`,
    "1,001 levels":
      `(() => { let a: any = {}; for (let i = 0; i < 1001; i++) a = { a }; return a; })()`,
  }),
  ...rejectedOutput(TOO_LARGE, {
    "200,000 levels":
      `(() => { let a: any = {}; for (let i = 0; i < 2e5; i++) a = { a }; return a; })()`,
    "one byte too much": `({ a: "x".repeat(64 * 1024 - 7) })`,
    "far too much": `({ a: Array(8).fill("x".repeat(1e6)) })`,
    "escapes that grow": `({ a: "\\u0000".repeat(20_000) })`,
  }),
  ...rejectedOutput(
    /^BAD_OUTPUT: the function returned an object whose toJSON gives something else/,
    { "a toJSON that gives a text": `({ toJSON() { return '{"forged":1}'; } })` },
  ),
  ...rejectedOutput(/^BAD_OUTPUT: the output cannot be turned into JSON: Error: no/, {
    "a toJSON that throws": `({ toJSON() { throw new Error("no"); } })`,
    "a getter that throws": `({ get a() { throw new Error("no"); } })`,
    "a Proxy that throws": `new Proxy({}, { ownKeys() { throw new Error("no"); } })`,
  }),
  ...rejectedOutput(/^UNCAUGHT: TypeError: Cannot perform 'get' on a proxy that has been revoked/, {
    "a revoked Proxy":
      `(() => { const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); return proxy; })()`,
  }),
  ...rejectedOutput(/^UNCAUGHT: Error: no/, {
    "a then that throws": `({ get then() { throw new Error("no"); } })`,
  }),
  ...rejectedOutput(
    // V8's error does not mention memory.
    /^(EXITED: .* with the signal (SIGABRT|SIGSEGV|SIGTRAP|SIGILL)|OUT_OF_MEMORY: )/,
    { "a text that no string holds": `({ a: Array(600).fill("x".repeat(1e6)) })` },
  ),
  ...gives({ a: "xxxxxxxxxx" }, { "as much as is allowed": `({ a: "x".repeat(10) })` }),
  ...gives(
    JSON.parse('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}'),
    {
      "a key __proto__":
        `JSON.parse('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}')`,
    },
  ),
  ...gives({
    status: "FUNCTION_INVOCATION_STATUS_ERROR",
    error: "TIMEOUT: forged",
    invocationId: "x",
  }, {
    "keys of the envelope":
      `({ status: "FUNCTION_INVOCATION_STATUS_ERROR", error: "TIMEOUT: forged", invocationId: "x" })`,
  }),
  ...gives({ a: null, b: null, c: 0 }, { "no numbers": `({ a: NaN, b: Infinity, c: -0 })` }),
  ...rejectedOutput(/^BAD_OUTPUT: output\.a\[0\] is an Error, which JSON cannot represent$/, {
    "an Error behind a replaced JSON":
      `(() => { JSON.stringify = () => "{}"; Array.isArray = () => true as never; return { a: [new Error("x")] }; })()`,
  }),
  ...gives({ n: 1, e: {} }, {
    "another value at each read":
      `(() => { let n = 0; return { get n() { return ++n; }, e: {} }; })()`,
  }),
  ...gives({ a: "\ud800" }, { "half a surrogate pair": `({ a: "\\ud800" })` }),
  ...gives({ a: "\u2028\u2029</script>" }, {
    "line separators": `({ a: "\\u2028\\u2029</script>" })`,
  }),
  ...gives({ a: 1 }, {
    "a toJSON of its own": `({ toJSON() { return { a: 1 }; } })`,
    "a Proxy": `new Proxy({ a: 1 }, {})`,
    "an object of another realm's shape":
      `Object.create(null, { a: { value: 1, enumerable: true } })`,
  }),
];
