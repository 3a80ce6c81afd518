/** The assertions of one test, each sent to the server as it is made. */
import { callHost } from "./host.ts";
import { STACK_MAX_UNITS } from "./test_limits.ts";
import { difference } from "./test_diff.ts";
import { describeMatcher, matches } from "./test_matchers.ts";
import { cut, show, showThrown } from "./test_texts.ts";
import type { Assert, Matcher } from "./test_types.ts";

/** What an assertion found. */
interface Finding {
  readonly pass: boolean;
  readonly expected: string;
  readonly actual: string;
  readonly diff?: string;
}

/** The end of what was called: it threw a value, or did not. */
type Ending = { readonly thrown: unknown } | undefined;

/** Makes the assertions of one test. */
export class Assertions {
  /** Everything that the end of the test waits for; it grows while that waits. */
  readonly #sent: Promise<unknown>[] = [];
  /** The argument of the test's body; its functions need no receiver. */
  readonly api: Assert;

  /** @param index of the test in the plan */
  constructor(private readonly index: number) {
    this.api = {
      equal: (actual, expected, description = "should be equal") =>
        this.#record("===", description, stackHere(), {
          pass: actual === expected,
          expected: show(expected),
          actual: show(actual),
        }),
      ok: (value, description = "should be truthy") =>
        this.#record("ok", description, stackHere(), {
          pass: Boolean(value),
          expected: "truthy",
          actual: show(value),
        }),
      fail: (description = "should not be reached") =>
        this.#record("fail", description, stackHere(), {
          pass: false,
          expected: "not reached",
          actual: "reached",
        }),
      deepEqual: (actual, expected, description = "should be deeply equal") => {
        const diff = difference(actual, expected);
        return this.#record("deepEqual", description, stackHere(), {
          pass: diff === undefined,
          expected: show(expected),
          actual: show(actual),
          ...diff === undefined ? {} : { diff: cut(diff) },
        });
      },
      throws: (body, matcher, description = "should throw") =>
        this.#record("throws", description, stackHere(), thrownFinding(endingOf(body), matcher)),
      rejects: (promise, matcher, description = "should reject") => {
        const stack = stackHere();
        const recorded = rejection(promise).then((ending) =>
          this.#record("rejects", description, stack, thrownFinding(ending, matcher))
        );
        this.#sent.push(recorded);
        return recorded;
      },
    };
  }

  /** Resolves once the server has every assertion, also of a `rejects` that nobody awaits. */
  async sent(): Promise<void> {
    for (let at = 0; at < this.#sent.length; at++) await this.#sent[at];
  }

  #record(operator: string, description: string, stack: string, finding: Finding): boolean {
    this.#sent.push(callHost("test.assertion", {
      test: this.index,
      operator,
      ...finding,
      description: cut(description),
      stack,
    }));
    return finding.pass;
  }
}

/** The server skips the frames of this file. */
function stackHere(): string {
  return cut(new Error().stack ?? "", STACK_MAX_UNITS);
}

function endingOf(body: () => unknown): Ending {
  try {
    const value = body();
    if (!isPromise(value)) return undefined;
    // Its rejection must not end the process.
    value.then(undefined, () => {});
    return undefined;
  } catch (thrown) {
    return { thrown };
  }
}

async function rejection(promise: unknown): Promise<Ending> {
  try {
    await (typeof promise === "function" ? promise() : promise);
    return undefined;
  } catch (thrown) {
    return { thrown };
  }
}

function thrownFinding(ending: Ending, matcher: Matcher | undefined): Finding {
  return {
    pass: ending !== undefined && matches(ending.thrown, matcher),
    expected: cut(describeMatcher(matcher)),
    actual: ending === undefined ? "no error" : showThrown(ending.thrown),
  };
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value &&
    typeof value.then === "function";
}
