import Builder from "fast-xml-builder";
import type { TestResult } from "../client/schemas.ts";
import { printable } from "./failure.ts";

/**
 * The results of a test run as JUnit XML, which continuous integration reads.
 *
 * @param suite name of the function
 * @param seconds duration of the whole run
 */
export function junitXml(suite: string, results: readonly TestResult[], seconds: number): string {
  const count = (...statuses: string[]) =>
    results.filter(({ status }) => statuses.includes(status)).length;
  const totals = {
    "@tests": results.length,
    "@failures": results.filter(isFailure).length,
    "@errors": results.filter((result) => result.status === "FAIL" && !isFailure(result)).length,
    "@skipped": count("SKIPPED"),
    "@time": seconds.toFixed(3),
  };
  const builder = new Builder({
    ignoreAttributes: false,
    attributeNamePrefix: "@",
    format: true,
    suppressEmptyNode: true,
    suppressBooleanAttributes: false,
  });
  return builder.build({
    "?xml": { "@version": "1.0", "@encoding": "UTF-8" },
    testsuites: {
      ...totals,
      testsuite: {
        "@name": printable(suite),
        ...totals,
        testcase: results.map((result) => testCase(suite, result)),
      },
    },
  });
}

function testCase(suite: string, result: TestResult) {
  const message = printable(failureOf(result) ?? "");
  const output = result.logs.map(({ level, log }) => printable(`${level} ${log}`)).join("\n");
  return {
    "@name": printable(result.name),
    "@classname": printable(suite),
    ...result.status === "SKIPPED" ? { skipped: "" } : {},
    ...result.status === "FAIL"
      ? {
        [isFailure(result) ? "failure" : "error"]: {
          "@message": message.split("\n")[0],
          "#text": message,
        },
      }
      : {},
    ...output === "" ? {} : { "system-out": output },
  };
}

/** Whether an assertion failed; otherwise a failed test threw an error. */
function isFailure({ status, error }: TestResult): boolean {
  return status === "FAIL" && error === undefined;
}

/** The error of a test and every failed assertion; undefined without any. */
export function failureOf({ error, assertions }: TestResult): string | undefined {
  const failed = assertions.filter(({ pass }) => !pass).map((assertion) => {
    const { description, operator, expected, actual, diff, at } = assertion;
    const hasValues = expected !== "" || actual !== "";
    return [
      `${description === "" ? operator : description}${at === "" ? "" : ` at ${at}`}`,
      ...diff !== undefined
        ? [diff.replace(/^/gm, "  ")]
        : hasValues
        ? [`  expected ${expected}`, `  actual   ${actual}`]
        : [],
    ].join("\n");
  });
  const failures = [...error === undefined ? [] : [error], ...failed];
  return failures.length === 0 ? undefined : failures.join("\n");
}
