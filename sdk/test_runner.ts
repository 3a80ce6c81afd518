/**
 * Runs the tests of a commit instead of its function. It sends every result at once, so that a killed test loses none.
 * The server decides which tests an instance runs.
 */
import type { JSONObject } from "./functions_sdk.ts";
import { callHost } from "./host.ts";
import { STACK_MAX_UNITS, TEXT_MAX_UNITS } from "./test_limits.ts";
import { type Assert, type Registered, takeTests } from "./test_registry.ts";

interface Module {
  readonly default?: unknown;
}

/** The error of the body of a test. */
interface Thrown {
  readonly name: string;
  readonly message: string;
  readonly stack: string;
}

/** Creates the function that runs the tests: `main` and `tests` are the modules `main.ts` and `main.test.ts`. */
export function testRunner(main: Module, tests: Module): () => Promise<JSONObject> {
  return async () => {
    await callDefault(main, tests);
    const registered = takeTests();
    const plan = registered.map(({ name, skip, only }) => ({ name: cut(name), skip, only }));
    const { value } = await callHost("test.plan", { tests: plan });
    for (const index of (value as { readonly run: readonly number[] }).run) {
      const found = registered[index];
      if (found !== undefined) await run(index, found);
    }
    return {};
  };
}

/** Calls the default export of the tests, if it exists. */
async function callDefault(main: Module, tests: Module): Promise<void> {
  if (tests.default === undefined) return;
  if (typeof tests.default !== "function") {
    // A module without imports and exports is bundled as CommonJS, whose default is an object.
    if (takeTests().length === 0) return;
    throw new TypeError(
      "Cannot run the tests: the default export of main.test.ts is not a function",
    );
  }
  if (typeof main.default !== "function") {
    throw new TypeError("Cannot run the tests: the default export of main.ts is not a function");
  }
  await tests.default({ handler: main.default });
}

async function run(index: number, { body }: Registered): Promise<void> {
  const sent: Promise<unknown>[] = [];
  await callHost("test.begin", { test: index });
  const error = await thrownBy(() => body(asserting(index, sent)));
  await Promise.all(sent);
  await callHost("test.end", { test: index, ...error === undefined ? {} : { error } });
}

async function thrownBy(body: () => unknown): Promise<Thrown | undefined> {
  try {
    await body();
    return undefined;
  } catch (thrown) {
    if (!(thrown instanceof Error)) {
      return {
        name: "",
        message: `a value that is no error was thrown: ${show(thrown)}`,
        stack: "",
      };
    }
    const { name, message, stack } = thrown;
    return { name: cut(name), message: cut(message), stack: cut(stack ?? "", STACK_MAX_UNITS) };
  }
}

/** The assertions of one test. Each records its stack, which begins in this file; the server skips these frames. */
function asserting(index: number, sent: Promise<unknown>[]): Assert {
  const record = (
    operator: string,
    pass: boolean,
    values: { readonly expected: string; readonly actual: string },
    description: string,
  ) => {
    const stack = cut(new Error().stack ?? "", STACK_MAX_UNITS);
    sent.push(callHost("test.assertion", {
      test: index,
      operator,
      pass,
      ...values,
      description: cut(description),
      stack,
    }));
    return pass;
  };
  return {
    equal: (actual, expected, description = "should be equal") =>
      record(
        "===",
        actual === expected,
        { expected: show(expected), actual: show(actual) },
        description,
      ),
    ok: (value, description = "should be truthy") =>
      record("ok", Boolean(value), { expected: "truthy", actual: show(value) }, description),
    fail: (description = "should not be reached") =>
      record("fail", false, { expected: "not reached", actual: "reached" }, description),
  };
}

/** A primitive as `String` shows it, an object as JSON, at most {@link TEXT_MAX_UNITS} long. */
function show(value: unknown): string {
  if (typeof value === "function") return cut(`[Function ${value.name}]`);
  if (typeof value !== "object" || value === null) return cut(String(value));
  try {
    return cut(JSON.stringify(value) ?? Object.prototype.toString.call(value));
  } catch {
    return tagOf(value);
  }
}

/** The tag of an object; a proxy may throw even here. */
function tagOf(value: object): string {
  try {
    return Object.prototype.toString.call(value);
  } catch {
    return "[object]";
  }
}

function cut(text: string, units: number = TEXT_MAX_UNITS): string {
  return String(text).slice(0, units);
}
