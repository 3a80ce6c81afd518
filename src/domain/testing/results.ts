/** The results of a test run, as the API answers them. */
import type { SandboxLog } from "../../sandbox/contract.ts";
import type { Redactor } from "../../sandbox/instance/redaction.ts";
import { explanation } from "../../shared/explanation.ts";
import { formatFrame, STACK_FRAMES_MAX, type StackMap } from "../../shared/stack.ts";
import type { AssertionRecord, TestError, TestRecord } from "./run.ts";

/** The result of one test. */
export interface TestResult {
  readonly name: string;
  readonly status: "OK" | "FAIL" | "SKIPPED";
  /** An error other than failed assertions. */
  readonly error: string | undefined;
  readonly assertions: readonly AssertionRecord[];
  readonly logs: readonly SandboxLog[];
}

/** Longest text of a name, a value or a description, in UTF-16 units; longer text is cut. */
const SHOWN_MAX_UNITS = 4096;
/** Frames that are searched for the position of an assertion. */
const ASSERTION_FRAMES_MAX = 16;
const TEST_FILE = "main.test.ts:";
/** Modules of the SDK, the innermost frames of every assertion. */
const OWN_MODULES = "@c1/";

/** The position of the assertion with this stack: in the test file, else in the nearest file. */
export function positionOf(stack: string, map: StackMap): string {
  const positions = map.frames(stack).take(ASSERTION_FRAMES_MAX)
    .map(({ location }) => location).filter((location) => !location.startsWith(OWN_MODULES))
    .toArray();
  return positions.find((position) => position.startsWith(TEST_FILE)) ?? positions[0] ?? "";
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
      ...found.diff === undefined ? {} : { diff: shown(found.diff, redactor) },
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
  const frames = map.frames(stack).filter(({ location }) => !location.startsWith(OWN_MODULES))
    .take(STACK_FRAMES_MAX).map(formatFrame).toArray();
  const added = explanation({ name, message }, frames);
  const text = added === undefined ? head.join(": ") : `${head.join(": ")}; ${added}`;
  return [`UNCAUGHT: ${text}`, ...frames.map((frame) => redactor.redact(frame))].join("\n");
}

/** The result of the whole run: that of the first failed test, else of the first test. */
export function mainResult(results: readonly TestResult[]): TestResult | undefined {
  return results.find(({ status }) => status === "FAIL") ?? results[0];
}
