import { formatBytes, formatDuration } from "../../config/mod.ts";
import { LOG_LINE_OVERHEAD_BYTES } from "../../runtime/wire.ts";
import { type HostCall, HostCallError, type HostReply } from "../../sandbox/contract.ts";
import type { KillWord, RunHooks, SandboxLog, SandboxOutcome } from "../../sandbox/contract.ts";
import {
  type Assertion,
  type Message,
  type PlannedTest,
  readMessage,
  type Thrown,
} from "./protocol.ts";

/** Limits of a run, each a named setting in `src/config`. */
export interface TestLimits {
  /** Of one test. */
  readonly timeoutMs: number;
  readonly maxTests: number;
  readonly maxAssertions: number;
  /** Of the whole run: a call's wall-clock time, output and log. */
  readonly runTimeoutMs: number;
  readonly maxOutputBytes: number;
  readonly maxLogBytes: number;
}

/** Why a test failed otherwise than by an assertion: what it threw, or a word and what happened. */
export type TestError =
  | { readonly kind: "thrown"; readonly thrown: Thrown }
  | { readonly kind: "told"; readonly message: string };

/** An assertion and where it stands, such as `main.test.ts:3:5`; the latter is empty where nobody knows. */
export type AssertionRecord = Omit<Assertion, "stack" | "test"> & { readonly at: string };

/** One test as far as its run has come: `planned`, `running`, then `ended`; or `skipped` from the start. */
export interface TestRecord {
  readonly name: string;
  state: "planned" | "running" | "ended" | "skipped";
  error?: TestError;
  readonly assertions: AssertionRecord[];
  readonly logs: SandboxLog[];
}

/** What a run works with. */
export interface TestEnvironment {
  /**
   * Runs the tests' script in a process of its own. `hear` answers what is said of tests, and undefined to
   * what is not; it may throw `HostCallError`.
   */
  runProcess(
    hear: (call: HostCall) => HostReply | undefined,
    hooks: RunHooks,
  ): Promise<SandboxOutcome>;
  /** The place in the author's files that a stack of the script tells. */
  placeOf(stack: string): string;
  /** Ends the run; its reason is a `KillWord`. */
  readonly signal: AbortSignal;
}

/** The name under which the module itself fails. */
const MODULE = "main.test.ts";

/**
 * One run of the tests of a commit. They run one after another in one process; where it ends with a test (one
 * that is cut off, exits, or runs out of memory) a fresh process goes on with the next. What a process says is
 * hostile: it can lie about its own tests, and reaches nothing else.
 */
export class TestRun {
  readonly #limits: TestLimits;
  readonly #bench: TestEnvironment;
  /** In the order in which they were added; undefined until a process told. */
  #tests: TestRecord[] | undefined;
  /** What the first process planned: all others must plan the same. */
  #planned = "";
  /** The test that began last, in any process. */
  #latest: TestRecord | undefined;
  /** Whether the process under way began a test. */
  #progressed = false;
  /** Logs of the first process before its first test. */
  readonly #early: SandboxLog[] = [];
  #logBytes = 0;
  #resultUnits = 0;
  #assertions = 0;
  /** Why the process under way was killed. */
  #cut: string | undefined;
  /** Why no further process is started. */
  #stopped: string | undefined;
  #process = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(limits: TestLimits, bench: TestEnvironment) {
    this.#limits = limits;
    this.#bench = bench;
  }

  /** Runs everything to its end. The records are those of all tests; one for the module where there are none. */
  async execute(): Promise<readonly TestRecord[]> {
    const { runTimeoutMs } = this.#limits;
    const deadline = setTimeout(() =>
      this.#stop(
        `TIMEOUT: the tests ran longer together than their limit of ${
          formatDuration(runTimeoutMs)
        } (--invocation-timeout)`,
      ), runTimeoutMs);
    try {
      let goOn = true;
      while (goOn) goOn = await this.#runOnce();
    } finally {
      clearTimeout(deadline);
      clearTimeout(this.#timer);
    }
    return this.#tests ?? [];
  }

  /** Runs one process; tells whether there is work for another. */
  async #runOnce(): Promise<boolean> {
    this.#process = new AbortController();
    this.#cut = undefined;
    this.#progressed = false;
    const outcome = await this.#bench.runProcess(
      (call) => this.#hear(call),
      {
        onLog: (log) => this.#log(log),
        signal: AbortSignal.any([this.#bench.signal, this.#process.signal]),
      },
    );
    clearTimeout(this.#timer);
    const error = this.#errorOf(outcome);
    const tests = this.#tests ??= [this.#moduleRecord()];
    if (tests.length === 0) tests.push(this.#moduleRecord("NO_TESTS: main.test.ts adds no test"));
    this.#blame(tests, error);
    const rest = tests.filter(({ state }) => state === "planned");
    if (this.#bench.signal.aborted || this.#stopped !== undefined || !this.#progressed) {
      const told = this.#stopped ?? error ?? "EXITED: the run ended before this test began";
      for (const test of rest) end(test, { kind: "told", message: told });
      return false;
    }
    return rest.length > 0;
  }

  /** Why a process ended, where it did not end well. */
  #errorOf(outcome: SandboxOutcome): string | undefined {
    if (this.#stopped !== undefined) return this.#stopped;
    if (this.#cut !== undefined) return this.#cut;
    return outcome.kind === "error" ? `${outcome.word}: ${outcome.message}` : undefined;
  }

  /** The end of a process counts against the test that ran, or else against the one before. */
  #blame(tests: readonly TestRecord[], error: string | undefined): void {
    const running = tests.find(({ state }) => state === "running");
    const told = error ?? "EXITED: the process ended before the test";
    if (running !== undefined) return end(running, { kind: "told", message: told });
    if (error === undefined || this.#latest === undefined || !this.#progressed) return;
    this.#latest.error ??= { kind: "told", message: `${error}\n(after the test had ended)` };
  }

  /** Kills the process under way; the error is that of the test that runs. */
  #kill(error: string): void {
    this.#cut ??= error;
    this.#process.abort("CANCELLED" satisfies KillWord);
  }

  /** Ends the whole run. */
  #stop(error: string): void {
    this.#stopped ??= error;
    this.#kill(error);
  }

  #hear(call: HostCall): HostReply | undefined {
    const message = readMessage(call.method, call.params, this.#limits);
    return message && { value: this.#take(message) };
  }

  #take(message: Message): unknown {
    // What was on its way when the process was killed counts for nothing.
    if (this.#cut !== undefined || this.#bench.signal.aborted) return null;
    switch (message.method) {
      case "test.plan":
        return this.#plan(message.tests);
      case "test.begin":
        return this.#begin(message.test);
      case "test.assertion":
        return this.#assert(message);
      case "test.end":
        return this.#end(message.test, message.error);
    }
  }

  /** Answers which tests are to run in this process. */
  #plan(planned: readonly PlannedTest[]): { readonly run: readonly number[] } {
    const text = JSON.stringify(planned);
    if (this.#tests === undefined) {
      this.#planned = text;
      this.#weigh(text.length);
      const only = planned.some((test) => test.only && !test.skip);
      this.#tests = planned.map(({ name, skip, only: chosen }) => ({
        name,
        state: skip || (only && !chosen) ? "skipped" : "planned",
        assertions: [],
        logs: [],
      }));
    } else if (text !== this.#planned) {
      this.#stop("EXITED: main.test.ts adds other tests each time it is loaded");
    }
    return { run: this.#tests.flatMap(({ state }, at) => state === "planned" ? [at] : []) };
  }

  #begin(at: number): null {
    const test = this.#testAt(at);
    if (test.state !== "planned" || this.#tests?.some(({ state }) => state === "running")) {
      throw new HostCallError("FAILED_PRECONDITION", "this test cannot begin");
    }
    test.state = "running";
    test.logs.push(...this.#early.splice(0));
    this.#latest = test;
    this.#progressed = true;
    const { timeoutMs } = this.#limits;
    this.#timer = setTimeout(() =>
      this.#kill(
        `TIMEOUT: the test ran longer than its limit of ${
          formatDuration(timeoutMs)
        } (--test-timeout)`,
      ), timeoutMs);
    return null;
  }

  #assert(assertion: Assertion): null {
    const test = this.#testAt(assertion.test);
    if (test.state === "ended") {
      test.error ??= {
        kind: "told",
        message: "EXITED: an assertion was made after the test had ended: await what makes it",
      };
      return null;
    }
    const { maxAssertions } = this.#limits;
    if (++this.#assertions > maxAssertions) {
      this.#stop(
        `OUTPUT_TOO_LARGE: the tests make more assertions than their limit of ${maxAssertions} (--max-assertions)`,
      );
      return null;
    }
    const { operator, pass, expected, actual, description, stack } = assertion;
    this.#weigh(operator.length + expected.length + actual.length + description.length);
    const place = this.#bench.placeOf(stack);
    test.assertions.push({ operator, pass, expected, actual, description, at: place });
    return null;
  }

  #end(at: number, error: Thrown | undefined): null {
    const test = this.#testAt(at);
    if (test.state !== "running") {
      throw new HostCallError("FAILED_PRECONDITION", "this test does not run");
    }
    clearTimeout(this.#timer);
    if (error !== undefined) this.#weigh(error.message.length + error.stack.length);
    end(test, error && { kind: "thrown", thrown: error });
    return null;
  }

  #testAt(at: number): TestRecord {
    const test = this.#tests?.[at];
    if (test === undefined) throw new HostCallError("NOT_FOUND", `there is no test ${at}`);
    return test;
  }

  /** Counts what the results hold. */
  #weigh(units: number): void {
    this.#resultUnits += units;
    const { maxOutputBytes } = this.#limits;
    if (this.#resultUnits <= maxOutputBytes) return;
    this.#stop(
      `OUTPUT_TOO_LARGE: the results hold more than the limit of ${
        formatBytes(maxOutputBytes)
      } (--max-output)`,
    );
  }

  #log(log: SandboxLog): void {
    const { maxLogBytes } = this.#limits;
    if (this.#logBytes > maxLogBytes) return;
    this.#logBytes += log.source === "system"
      ? maxLogBytes + 1
      : log.message.length + LOG_LINE_OVERHEAD_BYTES;
    const full = `log truncated: limit of ${formatBytes(maxLogBytes)} reached (--max-log)`;
    const kept = this.#logBytes > maxLogBytes
      ? { ...log, level: "warn", source: "system", message: full } as const
      : log;
    if (this.#progressed && this.#latest !== undefined) this.#latest.logs.push(kept);
    else if (this.#latest === undefined) this.#early.push(kept);
  }

  /** Stands for the tests of a module that came to none; fails with the message, or whatever follows. */
  #moduleRecord(message?: string): TestRecord {
    const logs = this.#early.splice(0);
    const record: TestRecord = { name: MODULE, state: "planned", assertions: [], logs };
    if (message !== undefined) end(record, { kind: "told", message });
    return record;
  }
}

function end(test: TestRecord, error: TestError | undefined): void {
  test.state = "ended";
  if (error !== undefined) test.error ??= error;
}
