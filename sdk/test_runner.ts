/**
 * Runs the tests of a commit instead of its function. It sends every result at once, so that a killed test loses none.
 * The server decides which tests an instance runs.
 */
import type { JSONObject } from "./functions_sdk.ts";
import { callHost, HostError } from "./host.ts";
import { Assertions } from "./test_assertions.ts";
import { INVALID_FIXTURE, STACK_MAX_UNITS } from "./test_limits.ts";
import { declarationError, type Registered, takeSetup, takeTests } from "./test_registry.ts";
import { cut, show } from "./test_texts.ts";

interface Module {
  readonly default?: unknown;
  readonly fetch?: unknown;
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
    const { handler: _, ...fixture } = takeSetup();
    const { value } = await callHost("test.plan", {
      tests: registered.map(({ name, skip, only }) => ({ name: cut(name), skip, only })),
      ...Object.keys(fixture).length === 0 ? {} : { fixture },
    }).catch((error) => {
      const isDeclared = error instanceof HostError && error.code === INVALID_FIXTURE;
      throw isDeclared ? declarationError(error.message) : error;
    });
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
      "The default export of main.test.ts is not a function",
    );
  }
  const own = typeof main.default !== "function" && answersRequests(main)
    ? noHandler
    : main.default;
  const handler = takeSetup().handler ?? own;
  if (typeof handler !== "function") {
    throw new TypeError("The default export of main.ts is not a function");
  }
  await tests.default({ handler });
}

/** Whether a module has a `fetch`: a named export, or that property of the default export. */
function answersRequests({ default: main, fetch }: Module): boolean {
  if (typeof fetch === "function") return true;
  return typeof main === "object" && main !== null && "fetch" in main &&
    typeof main.fetch === "function";
}

/** The handler of a function that answers HTTP requests alone. */
function noHandler(): never {
  throw new TypeError("There is no handler to call: main.ts exports no function by default");
}

async function run(index: number, { body }: Registered): Promise<void> {
  const assertions = new Assertions(index);
  await callHost("test.begin", { test: index });
  const error = await thrownBy(() => body(assertions.api));
  await assertions.sent();
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
        message: `a value that is not an error was thrown: ${show(thrown)}`,
        stack: "",
      };
    }
    const { name, message, stack } = thrown;
    return { name: cut(name), message: cut(message), stack: cut(stack ?? "", STACK_MAX_UNITS) };
  }
}
