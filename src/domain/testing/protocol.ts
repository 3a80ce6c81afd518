/** The host calls of running tests. Their parameters are hostile. */
import { formatCount } from "../../config/mod.ts";
import { z } from "zod";
import { STACK_MAX_UNITS, TEXT_MAX_UNITS } from "../../../sdk/test_limits.ts";
import { HostCallError } from "../../sandbox/contract.ts";

const index = z.int().nonnegative();
const text = z.string().max(TEXT_MAX_UNITS);
const stack = z.string().max(STACK_MAX_UNITS);
const thrown = z.object({ name: text, message: text, stack });

const plannedTest = z.object({ name: text, skip: z.boolean(), only: z.boolean() });
/** `fixture` is what `registerTests` declares. */
const plan = z.object({ tests: z.array(plannedTest), fixture: z.unknown().optional() });
const begin = z.object({ test: index });
const assertion = z.object({
  test: index,
  operator: text,
  pass: z.boolean(),
  expected: text,
  actual: text,
  description: text,
  /** How `actual` differs from `expected`, in lines. */
  diff: text.optional(),
  stack,
});
const end = z.object({ test: index, error: thrown.optional() });

/** The methods by name, each with the shape of its parameters. */
const METHODS = {
  "test.plan": plan,
  "test.begin": begin,
  "test.assertion": assertion,
  "test.end": end,
} as const;

type Methods = typeof METHODS;

/** A test as its commit adds it. */
export type PlannedTest = z.output<typeof plannedTest>;
/** An assertion as it was made. */
export type Assertion = z.output<typeof assertion>;
/** What the body of a test threw. */
export type Thrown = z.output<typeof thrown>;

/** A message of an instance that runs tests. */
export type Message = {
  [M in keyof Methods]: { readonly method: M } & z.output<Methods[M]>;
}[keyof Methods];

/**
 * Reads a host call; undefined for one that is not about tests.
 * @throws HostCallError INVALID_ARGUMENT for parameters of another shape, or too many tests
 */
export function readMessage(
  method: string,
  params: unknown,
  limits: { readonly maxTests: number },
): Message | undefined {
  if (!Object.hasOwn(METHODS, method)) return undefined;
  const known = method as keyof Methods;
  if (known === "test.plan") checkCount(params, limits.maxTests);
  const parsed = METHODS[known].safeParse(params);
  if (!parsed.success) {
    throw new HostCallError("INVALID_ARGUMENT", `${known} has parameters of another shape`);
  }
  return { method: known, ...parsed.data } as Message;
}

/** Runs before the tests are parsed. */
function checkCount(params: unknown, maxTests: number): void {
  const { tests } = (params ?? {}) as { readonly tests?: unknown };
  if (!Array.isArray(tests) || tests.length <= maxTests) return;
  throw new HostCallError(
    "INVALID_ARGUMENT",
    `main.test.ts adds ${formatCount(tests.length)} tests, more than the limit of ${
      formatCount(maxTests)
    } (--max-tests)`,
  );
}
