import type { Engine, InvocationContext, Run } from "../../engine/contract.ts";
import { Redactions, Redactor } from "../../sandbox/instance/redaction.ts";
import { StackMap } from "../../sandbox/instance/stack.ts";
import type { TestArtifactColumns } from "../../store/commits.ts";
import type { FunctionRow } from "../../store/functions.ts";
import type { Store } from "../../store/mod.ts";
import { artifactSource } from "../commits/builds.ts";
import type { FunctionLimits } from "../functions/limits.ts";
import { configOf } from "../functions/variables.ts";
import type { Secrets } from "../functions/secrets.ts";
import type { Ids } from "../ids.ts";
import type { Principal } from "../identity/mod.ts";
import { admit, queueTimeout } from "../invocations/admission.ts";
import type { HostMethods } from "../invocations/host_methods.ts";
import { commitToRun, liveFunction } from "../references.ts";
import type { TestArtifacts } from "./artifacts.ts";
import { positionOf, resultOf, type TestResult } from "./results.ts";
import { type TestLimits, TestRun } from "./run.ts";

/** What test runs work with. */
export interface TestParts {
  readonly store: Store;
  readonly engine: Engine;
  readonly secrets: Secrets;
  readonly hostMethods: HostMethods;
  readonly artifacts: TestArtifacts;
  readonly ids: Ids;
  readonly limits: Omit<TestLimits, "runTimeoutMs">;
  readonly functionLimits: FunctionLimits;
}

/**
 * Runs the tests of commits behind the walls and limits of a call of the function, in a slot, with its secrets and its
 * allowlist. A test run is an unrecorded run: it leaves no invocation.
 */
export class Tests {
  constructor(private readonly parts: TestParts) {}

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
    const { store, engine, artifacts, ids } = this.parts;
    const fn = await liveFunction(store.read, functionId);
    const commit = await commitToRun(store.read, fn, reference);
    const artifact = await artifacts.of(commit);
    const context: InvocationContext = {
      invocationId: ids.next(),
      functionId: fn.id,
      depth: by.invocation === undefined ? 0 : by.invocation.depth + 1,
    };
    const { maxConcurrency } = this.parts.functionLimits.of(fn);
    const request = { functionId: fn.id, inputBytes: 0, mode: "sync", maxConcurrency } as const;
    const slot = admit(engine, request, by.invocation);
    using run = engine.begin({ id: context.invocationId, mode: "sync", signal }, slot);
    if (await run.start() === "queue-timeout") {
      throw queueTimeout("the tests", engine.queueTimeoutMs);
    }
    return await this.#run(run, fn, context, artifact);
  }

  /** A run that was cancelled before its start ends at once: its signal kills every instance. */
  async #run(
    run: Run,
    fn: FunctionRow,
    context: InvocationContext,
    artifact: TestArtifactColumns,
  ): Promise<readonly TestResult[]> {
    const { store, secrets, hostMethods, functionLimits } = this.parts;
    const limits = functionLimits.of(fn);
    const config = configOf(await secrets.read(fn.id), fn.variables);
    const host = hostMethods.hostOf(context, undefined);
    const map = await StackMap.open(() => artifactSource(store).text(artifact.testSourceMapDigest));
    const job = {
      scriptDigest: artifact.testScriptDigest,
      functionKey: fn.id,
      sourceMapDigest: artifact.testSourceMapDigest,
      inputJson: "{}",
      outboundAllowlist: JSON.parse(fn.outboundNetworkAllowlist) as string[],
      config,
      limits,
    };
    const testRun = new TestRun({ ...this.parts.limits, runTimeoutMs: limits.timeoutMs }, {
      signal: run.signal,
      positionOf: (stack) => positionOf(stack, map),
      runInstance: (answer, onLog, signal) =>
        run.execute(job, {
          host: { call: async (call) => answer(call) ?? await host.call(call) },
          onLog,
        }, signal),
    });
    const records = await testRun.execute();
    const redactor = new Redactor(new Redactions([], Object.values(config.secrets)));
    return records.map((record) => resultOf(record, map, redactor));
  }
}
