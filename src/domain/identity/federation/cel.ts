/**
 * The CEL (https://cel.dev) of conditions. Import it only where a condition is compiled: the packages take 100 ms to load.
 *
 * An expression comes from whoever may create a trust, and claims from whoever the issuer gives a token, so neither may
 * take much time or memory. Text that is slow to parse, unknown names and loops within loops within loops are rejected
 * when a condition is compiled. What remains is metered: each call, each iteration of a loop and each value that a call reads
 * costs steps, and an evaluation ends with its steps.
 */
import {
  celEnv,
  celError,
  type CelFunc,
  celFunc,
  type CelInput,
  celList,
  celMethod,
  type CelResult,
  CelScalar,
  type CelValue,
  isCelError,
  isCelList,
  isCelMap,
  listType,
  mapType,
  parse,
  plan,
} from "@bufbuild/cel";
import { RE2JS } from "@bufbuild/re2";
import { checkExpression, meterLoops } from "./cel_tree.ts";
import { CONDITION_STEPS_MAX, Meter } from "./meter.ts";

/** Instructions of one compiled pattern. */
const PATTERN_SIZE_MAX = 4_000;
/** Comparing a character in a search costs less than other steps. */
const CHARACTERS_PER_STEP = 16;

/** What an evaluation found: whether the condition is met, or why it could not be evaluated. */
type Evaluation =
  | { readonly kind: "met"; readonly steps: number }
  | { readonly kind: "unmet"; readonly steps: number }
  | { readonly kind: "failed"; readonly reason: string; readonly steps: number };

/** A compiled condition. */
export interface Condition {
  /** @param claims JSON of bounded size and depth */
  evaluate(claims: Readonly<Record<string, unknown>>): Evaluation;
}

const meter = new Meter();

/** The URL's parts that conditions read, such as `url(claims.sub).path` of a SPIFFE id. */
const url = celFunc(
  "url",
  [CelScalar.STRING],
  mapType(CelScalar.STRING, CelScalar.STRING),
  (text) => {
    const parsed = URL.parse(text);
    if (parsed === null) throw celError("url: the text is not an absolute URL");
    const { protocol, host, hostname, port, pathname, search, hash } = parsed;
    return new Map(Object.entries({
      scheme: protocol.slice(0, -1),
      host,
      hostname,
      port,
      path: pathname,
      query: search.slice(1),
      fragment: hash.slice(1),
    }));
  },
);

/** A flat list: one that refers to its parts would be slow to read after many additions. */
const concat = celFunc(
  "_+_",
  [listType(CelScalar.DYN), listType(CelScalar.DYN)],
  listType(CelScalar.DYN),
  (first, second) => celList([...first, ...second]),
);

/** RE2 runs in time linear in the text, times the instructions of the pattern. */
const re2 = {
  compile(pattern: string) {
    meter.charge(pattern.length);
    const regex = compilePattern(pattern);
    const instructions = regex.re2().prog.numInst();
    meter.charge(instructions);
    return {
      test(text: string): boolean {
        meter.charge(text.length * instructions);
        return regex.test(text);
      },
    };
  },
};

function compilePattern(pattern: string): RE2JS {
  if (patternSize(pattern) > PATTERN_SIZE_MAX) {
    throw celError("matches: the pattern is too large; repeat less");
  }
  return RE2JS.compile(pattern);
}

const env = celEnv({ funcs: [...celEnv({ funcs: [url, concat], re2 }).funcs].map(metered) });

/** Loops charge their steps to functions that no expression can name. */
const loopEnv = celEnv({
  funcs: [
    ...env.funcs,
    celFunc("@iteration", [CelScalar.BOOL, CelScalar.INT], CelScalar.BOOL, (condition, steps) => {
      meter.charge(Number(steps));
      return condition;
    }),
    celFunc("@range", [CelScalar.DYN], CelScalar.DYN, (range) => {
      meter.charge(sizeOf(range));
      return range;
    }),
  ],
});

/** The same function, which charges what it reads before it runs. */
function metered(fn: CelFunc): CelFunc {
  const call = (target: CelValue | undefined, args: readonly CelValue[]): CelInput => {
    chargeCall(fn.name, target === undefined ? args : [target, ...args]);
    const result: CelResult | undefined = fn.call(0, target, [...args]);
    if (isCelError(result)) throw result;
    if (result === undefined) throw celError(`${fn.name}: no such overload`);
    return result;
  };
  return fn.target === undefined
    ? celFunc(fn.name, fn.arguments, fn.result, (...args: CelValue[]) => call(undefined, args))
    : celMethod(fn.name, fn.target, fn.arguments, fn.result, function (...args: CelValue[]) {
      return call(this, args);
    });
}

function chargeCall(name: string, args: readonly CelValue[]): void {
  meter.charge(1);
  switch (name) {
    // These compare whole values. A list can contain another one many times, so its size says little.
    case "_==_":
    case "_!=_":
    case "@in":
      for (const arg of args) chargeWhole(arg);
      return;
    case "contains": {
      const [text = 0, part = 0] = args.map(sizeOf);
      meter.charge(text + Math.ceil(text * part / CHARACTERS_PER_STEP));
      return;
    }
    default:
      for (const arg of args) meter.charge(sizeOf(arg));
  }
}

function sizeOf(value: CelValue): number {
  if (typeof value === "string" || value instanceof Uint8Array) return value.length;
  return isCelList(value) || isCelMap(value) ? value.size : 1;
}

function chargeWhole(value: CelValue): void {
  meter.charge(1 + sizeOf(value));
  if (isCelList(value)) {
    for (const element of value) chargeWhole(element);
  } else if (isCelMap(value)) {
    for (const element of value.values()) chargeWhole(element);
  }
}

/**
 * Compiles a condition.
 * @throws Error whose message says what is wrong with the expression
 */
export function compileCondition(expression: string): Condition {
  const { expr } = parse(expression);
  checkExpression(expr, (pattern) => void compilePattern(pattern));
  const run = plan(loopEnv, meterLoops(expr));
  return {
    evaluate(claims) {
      meter.reset();
      const result = run({ claims: celInput(claims) });
      const { steps } = meter;
      if (meter.isSpent) {
        const reason = `it takes more than ${CONDITION_STEPS_MAX} steps on these claims`;
        return { kind: "failed", reason, steps };
      }
      if (isCelError(result)) return { kind: "failed", reason: result.message, steps };
      if (typeof result === "boolean") return { kind: result ? "met" : "unmet", steps };
      return { kind: "failed", reason: "its value is not a boolean", steps };
    },
  };
}

/** Objects as maps: a claim may be named `__proto__`. */
function celInput(json: unknown): CelInput {
  if (Array.isArray(json)) return json.map(celInput);
  if (typeof json !== "object" || json === null) return json as CelInput;
  return new Map(Object.entries(json).map(([name, value]) => [name, celInput(value)]));
}

/**
 * At least the instructions that a regular expression compiles to, before it is compiled: a counted repetition copies what
 * it repeats, so `(a{30}){30}` has 900.
 *
 * RE2 bounds the counts of one nesting, not the size of the pattern. A count behind a single character adds copies of one
 * instruction; a count behind anything else multiplies everything, which overestimates patterns that repeat several groups.
 */
function patternSize(pattern: string): number {
  let added = 0;
  let factor = 1;
  for (const { index, groups } of pattern.matchAll(REPETITION)) {
    const { least = "0", most = "" } = groups ?? {};
    const count = Math.max(Number(least), Number(most), 1);
    const isOfCharacter = index > 0 && !NOT_A_CHARACTER.has(pattern[index - 1] ?? "");
    if (isOfCharacter) added += count;
    else factor *= count;
  }
  return (INSTRUCTIONS_PER_CHARACTER * pattern.length + added) * factor;
}

const REPETITION = /\{(?<least>\d+)(?:,(?<most>\d*))?\}/g;
/** Ends of groups and of other repetitions. */
const NOT_A_CHARACTER = new Set([")", "}", "?", "*", "+"]);
/** Groups and alternatives have an instruction at each end. */
const INSTRUCTIONS_PER_CHARACTER = 2;
