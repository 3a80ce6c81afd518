import { formatBytes, formatCount, formatDuration } from "../../config/mod.ts";
import { LOG_LINE_OVERHEAD_BYTES } from "../../runtime/wire.ts";
import type { Outcome } from "../../engine/contract.ts";
import {
  type HostCall,
  HostCallError,
  type HostReply,
  type KillCode,
  type SandboxLog,
} from "../../sandbox/contract.ts";
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
  /** Of the whole run: the wall-clock time, output and log of an invocation. */
  readonly runTimeoutMs: number;
  readonly maxOutputBytes: number;
  readonly maxLogBytes: number;
}

/** Why a test failed other than by an assertion: what it threw, or an error code with a message. */
export type TestError =
  | { readonly kind: "thrown"; readonly thrown: Thrown }
  | { readonly kind: "reported"; readonly message: string };

/** An assertion and its position, such as `main.test.ts:3:5`; the position is empty when it is unknown. */
export type AssertionRecord = Omit<Assertion, "stack" | "test"> & { readonly at: string };

/** One test. States: `planned`, `running`, `ended`; or `skipped` from the start. */
export interface TestRecord {
  readonly name: string;
  state: "planned" | "running" | "ended" | "skipped";
  error?: TestError;
  readonly assertions: AssertionRecord[];
  readonly logs: SandboxLog[];
}

/** What a test run needs of the server. */
interface TestEnvironment {
  /**
   * Takes what an instance declares for the tests; true if they need another instance, which begins with it.
   * @throws HostCallError for what cannot be declared
   */
  declare(fixture: unknown): boolean;
  /** The volumes of the tests. */
  readonly volumes: { begin(): void; end(): void };
  /**
   * Runs the tests' script in an instance of its own.
   * @param answer answers host calls about tests, and undefined to others; it may throw `HostCallError`
   * @param logs take the lines of the instance, of which one of the system says that its log is full, and the lines of
   * the server about its host calls
   * @param signal kills the instance; its reason is a `KillCode`
   */
  runInstance(
    answer: (call: HostCall) => HostReply | undefined,
    logs: { ofInstance(log: SandboxLog): void; ofHost(log: SandboxLog): void },
    signal: AbortSignal,
  ): Promise<Outcome>;
  /** The position in the author's files of an assertion with this stack. */
  positionOf(stack: string): string;
  /** Ends the run; its reason is a `KillCode`. */
  readonly signal: AbortSignal;
}

/** Name of the result for the whole module. */
const MODULE = "main.test.ts";

/**
 * One run of the tests of a commit, one after another in one instance. When the instance ends with a test (killed,
 * exited, out of memory), a new one runs the rest. Its messages are hostile: they can lie about these tests only.
 */
export class TestRun {
  /** In the order in which they were added; undefined before the plan. */
  #tests: TestRecord[] | undefined;
  /** The plan of the first instance; all others must have the same. */
  #planned = "";
  /** The test that began last, in any instance. */
  #latest: TestRecord | undefined;
  /** Whether the current instance began a test. */
  #progressed = false;
  /** Whether the current instance only declared what the next one begins with. */
  #declared = false;
  /** Logs of the first instance before its first test. */
  readonly #early: SandboxLog[] = [];
  #logBytes = 0;
  #resultUnits = 0;
  #assertions = 0;
  /** Why the current instance was killed. */
  #cut: string | undefined;
  /** Why no further instance is started. */
  #stopped: string | undefined;
  #instance = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly limits: TestLimits, private readonly environment: TestEnvironment) {}

  /** Runs everything to its end. Answers a record for each test, or one for a module without tests. */
  async execute(): Promise<readonly TestRecord[]> {
    const { runTimeoutMs } = this.limits;
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

  /** Runs one instance; true when tests are left for another. */
  async #runOnce(): Promise<boolean> {
    this.#instance = new AbortController();
    this.#cut = undefined;
    this.#progressed = false;
    this.#declared = false;
    const outcome = await this.environment.runInstance(
      (call) => this.#answer(call),
      {
        ofInstance: (log) => this.#log(log, log.source === "system"),
        ofHost: (log) => this.#log(log, false),
      },
      this.#instance.signal,
    );
    clearTimeout(this.#timer);
    this.environment.volumes.end();
    if (this.#declared && this.#stopped === undefined && !this.environment.signal.aborted) {
      this.#early.length = 0;
      return true;
    }
    const error = this.#errorOf(outcome);
    const tests = this.#tests ??= [this.#moduleRecord()];
    if (tests.length === 0) tests.push(this.#moduleRecord("NO_TESTS: main.test.ts adds no test"));
    this.#blame(tests, error);
    const rest = tests.filter(({ state }) => state === "planned");
    if (this.environment.signal.aborted || this.#stopped !== undefined || !this.#progressed) {
      const message = this.#stopped ?? error ?? "EXITED: the run ended before this test began";
      for (const test of rest) end(test, { kind: "reported", message });
      return false;
    }
    return rest.length > 0;
  }

  /** The error of an instance that failed. */
  #errorOf(outcome: Outcome): string | undefined {
    if (this.#stopped !== undefined) return this.#stopped;
    if (this.#cut !== undefined) return this.#cut;
    return outcome.kind === "error" ? `${outcome.code}: ${outcome.message}` : undefined;
  }

  /** Assigns the end of an instance to the running test, else to the last one. */
  #blame(tests: readonly TestRecord[], error: string | undefined): void {
    const running = tests.find(({ state }) => state === "running");
    const message = error ?? "EXITED: the process ended before the test";
    if (running !== undefined) return end(running, { kind: "reported", message });
    if (error === undefined || this.#latest === undefined || !this.#progressed) return;
    this.#latest.error ??= { kind: "reported", message: `${error}\n(after the test had ended)` };
  }

  /** Kills the current instance; the running test gets the error. */
  #kill(error: string): void {
    this.#cut ??= error;
    this.#instance.abort("CANCELLED" satisfies KillCode);
  }

  /** Ends the whole run. */
  #stop(error: string): void {
    this.#stopped ??= error;
    this.#kill(error);
  }

  #answer(call: HostCall): HostReply | undefined {
    const message = readMessage(call.method, call.params, this.limits);
    return message && { value: this.#take(message) };
  }

  #take(message: Message): unknown {
    // Messages that arrive after the kill do not count.
    if (this.#cut !== undefined || this.environment.signal.aborted) return null;
    switch (message.method) {
      case "test.plan":
        return this.#plan(message.tests, message.fixture);
      case "test.begin":
        return this.#begin(message.test);
      case "test.assertion":
        return this.#assert(message);
      case "test.end":
        return this.#end(message.test, message.error);
    }
  }

  /** Answers which tests this instance runs. */
  #plan(
    planned: readonly PlannedTest[],
    fixture: unknown,
  ): { readonly run: readonly number[] } {
    if (fixture !== undefined && this.environment.declare(fixture)) {
      this.#declared = true;
      return { run: [] };
    }
    const text = JSON.stringify(planned);
    if (this.#tests === undefined) {
      this.#planned = text;
      this.#weigh(text.length);
      const hasOnly = planned.some(({ only, skip }) => only && !skip);
      this.#tests = planned.map(({ name, skip, only }) => ({
        name,
        state: skip || (hasOnly && !only) ? "skipped" : "planned",
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
    this.environment.volumes.begin();
    const { timeoutMs } = this.limits;
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
        kind: "reported",
        message: "EXITED: an assertion was made after the test had ended: await what makes it",
      };
      return null;
    }
    const { maxAssertions } = this.limits;
    if (++this.#assertions > maxAssertions) {
      this.#stop(
        `OUTPUT_TOO_LARGE: the tests make more assertions than their limit of ${
          formatCount(maxAssertions)
        } (--max-assertions)`,
      );
      return null;
    }
    const { operator, pass, expected, actual, description, diff, stack } = assertion;
    const texts = [operator, expected, actual, description, diff ?? ""];
    this.#weigh(texts.reduce((units, text) => units + text.length, 0));
    const at = this.environment.positionOf(stack);
    const shown = { operator, pass, expected, actual, description, at };
    test.assertions.push(diff === undefined ? shown : { ...shown, diff });
    return null;
  }

  #end(at: number, error: Thrown | undefined): null {
    const test = this.#testAt(at);
    if (test.state !== "running") {
      throw new HostCallError("FAILED_PRECONDITION", "this test does not run");
    }
    clearTimeout(this.#timer);
    this.environment.volumes.end();
    if (error !== undefined) this.#weigh(error.message.length + error.stack.length);
    end(test, error && { kind: "thrown", thrown: error });
    return null;
  }

  #testAt(at: number): TestRecord {
    const test = this.#tests?.[at];
    if (test === undefined) throw new HostCallError("NOT_FOUND", `there is no test ${at}`);
    return test;
  }

  /** Counts the size of the results. */
  #weigh(units: number): void {
    this.#resultUnits += units;
    const { maxOutputBytes } = this.limits;
    if (this.#resultUnits <= maxOutputBytes) return;
    this.#stop(
      `OUTPUT_TOO_LARGE: the results hold more than the limit of ${
        formatBytes(maxOutputBytes)
      } (--max-output)`,
    );
  }

  #log(log: SandboxLog, isFull: boolean): void {
    const { maxLogBytes } = this.limits;
    if (this.#logBytes > maxLogBytes) return;
    this.#logBytes += isFull ? maxLogBytes + 1 : log.message.length + LOG_LINE_OVERHEAD_BYTES;
    const full = `log truncated: limit of ${formatBytes(maxLogBytes)} reached (--max-log)`;
    const kept = this.#logBytes > maxLogBytes
      ? { ...log, level: "warn", source: "system", message: full } as const
      : log;
    if (this.#progressed && this.#latest !== undefined) this.#latest.logs.push(kept);
    else if (this.#latest === undefined) this.#early.push(kept);
  }

  /** The record of a module without tests; it fails with the message, or with the error of the instance. */
  #moduleRecord(message?: string): TestRecord {
    const logs = this.#early.splice(0);
    const record: TestRecord = { name: MODULE, state: "planned", assertions: [], logs };
    if (message !== undefined) end(record, { kind: "reported", message });
    return record;
  }
}

function end(test: TestRecord, error: TestError | undefined): void {
  test.state = "ended";
  if (error !== undefined) test.error ??= error;
}
