import {
  type Engine,
  QueueTimedOut,
  type Session,
  type UnrecordedRun,
} from "../../engine/contract.ts";
import { Redactions, Redactor } from "../../sandbox/instance/redaction.ts";
import { StackMap } from "../../sandbox/instance/stack.ts";
import type { FinalizedCommitRow, TestArtifactColumns } from "../../store/commits.ts";
import type { FunctionRow } from "../../store/functions.ts";
import type { InvocationRow } from "../../store/invocations.ts";
import type { Store } from "../../store/mod.ts";
import { admit, queueTimeout } from "../invocations/admission.ts";
import type { Ids } from "../ids.ts";
import type { Principal } from "../identity/mod.ts";
import { commitToRun, liveFunction } from "../references.ts";
import type { Sessions } from "../invocations/sessions.ts";
import type { TestArtifacts } from "./artifacts.ts";
import { placeOf, resultOf, type TestResult } from "./results.ts";
import { type TestLimits, TestRun } from "./run.ts";

/**
 * Runs the tests of commits, with all that a call of the function has: its walls and limits, a place among the
 * running and the waiting, its secrets and its allowlist. A run is no invocation, and nothing of it is recorded.
 */
export class Tests {
  constructor(
    private readonly store: Store,
    private readonly engine: Engine,
    private readonly sessions: Sessions,
    private readonly artifacts: TestArtifacts,
    private readonly ids: Ids,
    private readonly limits: TestLimits,
  ) {}

  /**
   * The results in the order of the tests; at least one.
   * @param reference of a commit; empty means the published one
   * @param signal ends the run when its caller goes away
   * @throws NO_TESTS, BUILD_FAILED, QUEUE_FULL, OVERLOADED, QUEUE_TIMEOUT
   */
  async run(
    by: Principal,
    functionId: string,
    reference: string,
    signal: AbortSignal,
  ): Promise<readonly TestResult[]> {
    const fn = await liveFunction(this.store.read, functionId);
    const commit = await commitToRun(this.store.read, fn, reference);
    const artifact = await this.artifacts.of(commit);
    const row = this.#row(by, fn, commit);
    try {
      return await this.engine.runUnrecorded(
        row.id,
        admit(this.engine, { functionId: fn.id, inputBytes: 0, mode: "sync" }, by.invocation),
        signal,
        (trial) => this.#run(trial, fn, row, artifact),
      );
    } catch (error) {
      throw error instanceof QueueTimedOut ? queueTimeout("The run of the tests", error) : error;
    }
  }

  async #run(
    trial: UnrecordedRun,
    fn: FunctionRow,
    row: InvocationRow,
    artifact: TestArtifactColumns,
  ): Promise<readonly TestResult[]> {
    await using session = await this.sessions.open(row);
    const map = await StackMap.open(() => trial.text(artifact.testSourceMapDigest));
    const run = new TestRun(this.limits, {
      signal: trial.signal,
      placeOf: (stack) => placeOf(stack, map),
      runProcess: (hear, hooks) =>
        trial.run({
          ...this.#job(fn, artifact, session),
          host: { call: async (call) => hear(call) ?? await session.host.call(call) },
        }, hooks),
    });
    const records = await run.execute();
    const redactor = new Redactor(new Redactions([], Object.values(session.config.secrets)));
    return records.map((record) => resultOf(record, map, redactor));
  }

  #job(fn: FunctionRow, artifact: TestArtifactColumns, { config }: Session) {
    return {
      scriptDigest: artifact.testScriptDigest,
      sourceMapDigest: artifact.testSourceMapDigest,
      inputJson: "{}",
      outboundAllowlist: JSON.parse(fn.outboundNetworkAllowlist) as string[],
      config,
      timeoutMs: this.limits.runTimeoutMs,
    };
  }

  /** What the server's methods know a run by, as they know an invocation; it is never written. */
  #row(by: Principal, fn: FunctionRow, commit: FinalizedCommitRow): InvocationRow {
    const now = new Date().toISOString();
    return {
      id: this.ids.next(),
      functionId: fn.id,
      commitId: commit.id,
      principalId: by.id,
      parentInvocationId: by.invocation?.id ?? null,
      depth: by.invocation === undefined ? 0 : by.invocation.depth + 1,
      processReuse: "PROCESS_REUSE_NONE",
      mode: "sync",
      status: "RUNNING",
      input: "{}",
      output: null,
      error: null,
      volumeId: null,
      volumeVersionRead: null,
      volumeVersionWritten: null,
      createdAt: now,
      updatedAt: now,
    };
  }
}
