import type { Engine, InvocationContext, Job, Run } from "../../engine/contract.ts";
import { Redactions, Redactor } from "../../sandbox/instance/redaction.ts";
import { StackMap } from "../../shared/stack.ts";
import type { TestArtifactColumns } from "../../store/commits.ts";
import type { Store } from "../../store/mod.ts";
import { artifactSource, buildFailed, isUploaded } from "../commits/builds.ts";
import { admissionOf } from "../invocations/attempt.ts";
import type { EffectiveLimits, FunctionLimits } from "../limits.ts";
import type { Ids } from "../ids.ts";
import type { Principal } from "../identity/mod.ts";
import { admit, overdue, queueTimeout } from "../invocations/admission.ts";
import type { HostMethods } from "../invocations/host_methods.ts";
import type { Traces } from "../invocations/trace.ts";
import { commitToRun, liveFunction } from "../references.ts";
import { VFS_PREFIX } from "../volumes/host_calls.ts";
import type { VolumeLimits } from "../volumes/write_set.ts";
import type { TestArtifacts } from "./artifacts.ts";
import { FIXTURE_FILE, FixtureError, readFixtureFile } from "./fixture.ts";
import { positionOf, resultOf, type TestResult } from "./results.ts";
import { type TestLimits, type TestRecord, TestRun } from "./run.ts";
import { type Fixture, type RecordingFile, RunFixtures, type RunValues } from "./run_fixtures.ts";
import { TestVolumes } from "./volumes.ts";
import { operationLabel, TenantError, type TenantTransport } from "../../tenants/contract.ts";
import { assertRecordingSize } from "../../tenants/recording/format.ts";
import { RecordingError } from "../../tenants/recording/recording_error.ts";
import { ReplayTransport } from "../../tenants/recording/replay.ts";

/** What test runs work with. */
interface TestParts {
  readonly store: Store;
  readonly engine: Engine;
  readonly hostMethods: HostMethods;
  readonly artifacts: TestArtifacts;
  readonly ids: Ids;
  readonly traces: Traces;
  readonly limits: Omit<TestLimits, "runTimeoutMs">;
  readonly functionLimits: FunctionLimits;
  readonly volumeLimits: VolumeLimits;
  /** Whether tests call the tenant of their function: a local server records its answers, or replays them. */
  readonly callsTenants: boolean;
}

/** What to test. */
interface TestRequest extends RunValues {
  /** Reference of a commit; empty means the published one. */
  readonly commit: string;
}

/**
 * Runs the tests of commits in the isolation and the limits of an invocation of the function, in a slot. The tests
 * declare their own volume, secrets and hosts; the function's are never used. A test run is an ephemeral run: it leaves
 * no invocation.
 */
export class Tests {
  constructor(private readonly parts: TestParts) {}

  /**
   * The results in the order of the tests; at least one.
   * @param signal ends the run when its caller goes away
   * @throws NO_TESTS, BUILD_FAILED, BUILD_KILLED, QUEUE_FULL, OVERLOADED, QUEUE_TIMEOUT
   */
  async run(
    by: Principal,
    functionId: string,
    request: TestRequest,
    signal: AbortSignal,
  ): Promise<readonly TestResult[]> {
    const { store, engine, artifacts, ids } = this.parts;
    const fn = await liveFunction(store.read, functionId);
    const commit = await commitToRun(store.read, fn, request.commit);
    const artifact = await artifacts.of(commit);
    const fixtures = await this.#fixturesOf(commit.id, request);
    const id = ids.next();
    const caller = by.invocation;
    const { traceparent = null, tracestate = null } = caller?.trace ?? {};
    const context: InvocationContext = {
      invocationId: id,
      functionId: fn.id,
      depth: caller === undefined ? 0 : caller.depth + 1,
      trace: this.parts.traces.ofRun({ id, traceparent, tracestate }, 1),
    };
    const limits = this.parts.functionLimits.of(fn);
    const admission = admissionOf({ functionId: fn.id, input: "", mode: "sync", ...limits });
    const slot = admit(engine, admission, caller);
    using run = engine.begin({ id, mode: "sync", signal }, slot);
    const notStarted = await run.start();
    if (notStarted === "queue-timeout") throw queueTimeout("The tests", engine.queueTimeoutMs);
    if (typeof notStarted === "object") throw overdue("The tests", notStarted);
    const sourceMap = () => artifactSource(store).text(artifact.testSourceMapDigest);
    const map = await StackMap.open(sourceMap);
    const records = await this.#run(run, context, { artifact, map, limits, fixtures });
    // What a commit declares is no secret: whoever may run its tests may read it.
    const redactor = new Redactor(new Redactions([], Object.values(request.secrets)));
    return records.map((record) => resultOf(record, map, redactor));
  }

  /** @throws BUILD_FAILED for what the commit declares wrongly */
  async #fixturesOf(
    commitId: string,
    own: RunValues,
  ): Promise<RunFixtures> {
    const { store, callsTenants } = this.parts;
    const files = await store.read.commits.files(commitId);
    const file = files.filter(isUploaded).find(({ path }) => path === FIXTURE_FILE);
    try {
      const base = file === undefined
        ? {}
        : readFixtureFile(await store.commitBlobs.get(file.digest));
      return new RunFixtures(base, files, own, callsTenants);
    } catch (error) {
      if (!(error instanceof FixtureError)) throw error;
      const field = error.field === "" ? "tests" : `tests.${error.field}`;
      const message = `${field}: ${error.violation}`;
      throw buildFailed(`the tests of commit ${commitId}`, {
        kind: "rejected",
        diagnostics: [{ path: FIXTURE_FILE, message }],
      });
    }
  }

  /** A run that was cancelled before its start ends at once: its signal kills every instance. */
  async #run(
    run: Run,
    context: InvocationContext,
    { artifact, map, limits, fixtures }: {
      readonly artifact: TestArtifactColumns;
      readonly map: StackMap;
      readonly limits: EffectiveLimits;
      readonly fixtures: RunFixtures;
    },
  ): Promise<readonly TestRecord[]> {
    const { store, engine, hostMethods, volumeLimits, callsTenants } = this.parts;
    const recorded = new RecordedTenant(store, () => fixtures.current.tenant);
    const tenant = callsTenants ? undefined : recorded;
    await using volumes = new TestVolumes(store, volumeLimits, () => fixtures.current.volume);
    const testRun = new TestRun({ ...this.parts.limits, runTimeoutMs: limits.timeoutMs }, {
      signal: run.signal,
      volumes,
      declare: (fixture) => fixtures.declare(fixture),
      positionOf: (stack) => positionOf(stack, map),
      runInstance: async (answer, { ofInstance, ofHost }, signal) => {
        const parts = { volume: undefined, httpRequest: undefined, onLog: ofHost, tenant };
        const host = hostMethods.hostOf(context, parts);
        const job = jobOf(context, artifact, limits, fixtures.current);
        const ran = await run.execute(job, {
          host: {
            call: async (call) =>
              answer(call) ??
                await (call.method.startsWith(VFS_PREFIX) ? volumes : host).call(call),
          },
          onLog: ofInstance,
        }, signal);
        if (ran.kind === "success" || ran.kind === "error") return ran;
        throw queueTimeout("The tests", engine.queueTimeoutMs);
      },
    });
    return await testRun.execute();
  }
}

function jobOf(
  { functionId }: InvocationContext,
  artifact: TestArtifactColumns,
  limits: EffectiveLimits,
  { secrets, variables, allowedHosts }: Fixture,
): Job {
  return {
    scriptDigest: artifact.testScriptDigest,
    functionKey: functionId,
    sourceMapDigest: artifact.testSourceMapDigest,
    inputJson: "{}",
    outboundAllowlist: allowedHosts,
    allowlistName: "the allowedHosts of these tests",
    config: { secrets, variables },
    limits,
  };
}

/**
 * Answers from the recording that the tests of a run declare. The recording is read at the first call, and all tests
 * share its answers: equal requests of several tests get them in their order.
 */
class RecordedTenant implements TenantTransport {
  #last:
    | { readonly files: readonly RecordingFile[]; readonly replay: Promise<ReplayTransport> }
    | undefined;

  constructor(
    private readonly store: Pick<Store, "commitBlobs">,
    /** The files of the recording; undefined if the tests declare none. */
    private readonly files: () => readonly RecordingFile[] | undefined,
  ) {}

  /** @throws {TenantError} TENANT_NOT_RECORDED; without a recording TENANT_NOT_CALLED */
  send: TenantTransport["send"] = async (request, ...call) => {
    const what = operationLabel(request.operation);
    const files = this.files();
    if (files === undefined) {
      throw new TenantError(
        "TENANT_NOT_CALLED",
        `${what}: tests do not call the tenant of their function; name a folder with recorded answers in ` +
          "registerTests({ tenant }) of @c1/test, or in tests.tenant of invoked.json; invoked test " +
          "--record FOLDER records them",
      );
    }
    try {
      return await (await this.#replayOf(files)).send(request, ...call);
    } catch (error) {
      if (!(error instanceof RecordingError)) throw error;
      const message = `${what}: the recording of these tests is not valid: ${error.message}`;
      throw new TenantError("TENANT_NOT_RECORDED", message);
    }
  };

  /** What invoked.json declares holds until registerTests declares another folder. */
  #replayOf(files: readonly RecordingFile[]): Promise<ReplayTransport> {
    if (this.#last?.files !== files) this.#last = { files, replay: this.#read(files) };
    return this.#last.replay;
  }

  async #read(files: readonly RecordingFile[]): Promise<ReplayTransport> {
    const texts = new Map<string, string>();
    let bytes = 0;
    for (const { name, digest } of files) {
      if (!name.endsWith(".json")) continue;
      const content = await this.store.commitBlobs.get(digest);
      bytes += content.length;
      assertRecordingSize(name, bytes);
      texts.set(name, new TextDecoder().decode(content));
    }
    return await ReplayTransport.open(texts);
  }
}
