/** The results of a run, as the API tells them. */
import type { SandboxLog } from "../../sandbox/contract.ts";
import type { Redactor } from "../../sandbox/instance/redaction.ts";
import { formatFrame, STACK_FRAMES_MAX, type StackMap } from "../../sandbox/instance/stack.ts";
import type { AssertionRecord, TestError, TestRecord } from "./run.ts";

/** What is known of one test once its run has ended. */
export interface TestResult {
  readonly name: string;
  readonly status: "OK" | "FAIL" | "SKIPPED";
  /** What went wrong besides assertions that do not hold. */
  readonly error: string | undefined;
  readonly assertions: readonly AssertionRecord[];
  readonly logs: readonly SandboxLog[];
}

/** Longest text of a name, a value or a description, in UTF-16 units; what is longer is cut. */
const SHOWN_MAX_UNITS = 4096;
/** Frames that are looked at to find where an assertion stands. */
const ASSERTION_FRAMES_MAX = 16;
const TEST_FILE = "main.test.ts:";
/** Modules of the server's own, in which every assertion begins and every test ends. */
const OWN_MODULES = "@c1/";

/** Where the assertion with this stack stands: in the test file, or else in the file that is nearest to it. */
export function positionOf(stack: string, map: StackMap): string {
  const places = map.frames(stack).take(ASSERTION_FRAMES_MAX)
    .map(({ place }) => place).filter((place) => !place.startsWith(OWN_MODULES)).toArray();
  return places.find((place) => place.startsWith(TEST_FILE)) ?? places[0] ?? "";
}

/** The result of a test. Values of secrets are masked in all its texts. */
export function resultOf(test: TestRecord, map: StackMap, redactor: Redactor): TestResult {
  const { name, state, error, assertions, logs } = test;
  const failed = error !== undefined || assertions.some(({ pass }) => !pass);
  return {
    name: shown(name, redactor),
    status: state === "skipped" ? "SKIPPED" : failed ? "FAIL" : "OK",
    error: error && describe(error, map, redactor),
    assertions: assertions.map((found) => ({
      ...found,
      operator: shown(found.operator, redactor),
      expected: shown(found.expected, redactor),
      actual: shown(found.actual, redactor),
      description: shown(found.description, redactor),
    })),
    logs,
  };
}

function shown(text: string, redactor: Redactor): string {
  if (text.length <= SHOWN_MAX_UNITS) return redactor.redact(text);
  return `${redactor.redact(text.slice(0, SHOWN_MAX_UNITS), true).toWellFormed()}...`;
}

function describe(error: TestError, map: StackMap, redactor: Redactor): string {
  if (error.kind === "reported") return redactor.redact(error.message);
  const { name, message, stack } = error.thrown;
  const head = [name, message].filter((part) => part !== "").map((part) => shown(part, redactor));
  const frames = map.frames(stack).filter(({ place }) => !place.startsWith(OWN_MODULES))
    .take(STACK_FRAMES_MAX).map(formatFrame);
  return [`UNCAUGHT: ${head.join(": ")}`, ...frames.map((frame) => redactor.redact(frame))].join(
    "\n",
  );
}

/** The result that stands for the whole run: the first failure, or else the first of all. */
export function mainResult(results: readonly TestResult[]): TestResult | undefined {
  return results.find(({ status }) => status === "FAIL") ?? results[0];
}
