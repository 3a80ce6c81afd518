/** One process of the operating system: it starts, runs one job or several in sequence, and ends. */
import { concatenate } from "../../shared/json_text.ts";
import { getLogger } from "@logtape/logtape";
import { LoadPurpose } from "../../runtime/wire.ts";
import { Deadlines } from "../../shared/time.ts";
import { Lifecycle } from "../../shared/lifecycle.ts";
import type { ProcessKind, RunHooks, SandboxJob, SandboxOutcome } from "../contract.ts";
import type { EgressSocket } from "../egress/proxy.ts";
import {
  Child,
  discardOutput,
  type Exit,
  type Lost,
  type ProcessHandle,
  type ProcessLimits,
  type RunLimits,
} from "./process.ts";
import { encodeInvocation, encodeLoad, type Loaded, makeNonce } from "./frames.ts";
import { HostChannel } from "./host_channel.ts";
import type { ByteBudget } from "../../shared/byte_budget.ts";
import { becomeReady, startError } from "./spawned.ts";
import { measurementsOf } from "./measurements.ts";
import { type Ending, endingBy, outcomeOf, usageAtEnd } from "./outcome.ts";
import { type Compiled, CompileOutput, RunOutput } from "./output_readers.ts";
import { LogSink } from "./logs.ts";
import { Redactions, Redactor } from "./redaction.ts";
import { lazyStackMap } from "../../shared/stack.ts";

const logger = getLogger(["invoked", "sandbox"]);

/** Longest time between the answer and an empty event loop in an instance that is to be reused. */
const IDLE_GRACE_MS = 200;
/** Longest time that a script may take to compile. */
const COMPILE_TIMEOUT_MS = 10_000;

/** Ends work that invocations leave running. */
const timeouts = new Deadlines<() => void>((end) => end());

/** The instance ended before it read the job. The function's code did not run. */
export class JobNotAccepted extends Error {
  override name = "JobNotAccepted";

  /** @param lost what the instance ended with, if it did not end alone */
  constructor(readonly lost?: Lost) {
    super();
  }
}

/** What the invocations of an instance have used so far. */
export interface Usage {
  readonly invocations: number;
  /** Wall-clock time of its invocations, each up to an empty event loop. */
  readonly busyMs: number;
  readonly ageMs: number;
}

/** Endings that the process itself causes. They count for a job only after the process accepted it. */
const ENDED_BY_PROCESS: ReadonlySet<Ending["kind"]> = new Set(["exited", "failure", "broken"]);

/** Decides what happens to an instance after a successful invocation. */
export interface ReuseHooks {
  /** The instance waits for another invocation. */
  onIdle(): void;
  /** The invocation left work running, so the instance was killed. */
  onLeftover(): void;
}

/** What an instance consists of. */
interface InstanceParts {
  readonly process: ProcessHandle;
  /** Absent in an instance without network. */
  readonly egressSocket?: EgressSocket | undefined;
  /** Whether its invocation may connect to anything through the socket. */
  readonly hasEgress?: boolean;
  /** What logs hide, whatever the secrets of its invocations. */
  readonly redactions: Redactions;
  /** The nonce of its template, for a fork of a template that has evaluated the script. */
  readonly templateNonce?: Uint8Array<ArrayBuffer> | undefined;
}

const TRANSITIONS = {
  starting: ["ready", "killed", "dead"],
  ready: ["running", "killed", "dead"],
  loaded: ["running", "killed", "dead"],
  running: ["idle", "killed", "dead"],
  idle: ["running", "killed", "dead"],
  killed: ["dead"],
  dead: [],
} as const;
type Mode = keyof typeof TRANSITIONS;

/** Connects a run to its caller, and to the memory for the replies of all runs. */
export interface InstanceHooks extends RunHooks {
  readonly replyBudget: ByteBudget;
}

/**
 * Modes:
 * - `starting`: spawned, has not sent its ready message
 * - `ready`: waits for code and an invocation
 * - `loaded`: forked from a template that has evaluated the script; waits for an invocation
 * - `running`: runs an invocation
 * - `idle`: reused only; its last invocation succeeded, left nothing running, and it waits for the next
 * - `killed`: SIGKILL was sent
 * - `dead`: reaped
 */
export class Instance {
  readonly #lifecycle: Lifecycle<Mode>;
  readonly #child: Child;
  readonly #egressSocket: EgressSocket | undefined;
  /** Whether its invocation may connect to anything. */
  readonly hasEgress: boolean;
  readonly #nonce: Uint8Array<ArrayBuffer>;
  /** Settles once the process is reaped. */
  readonly ended: Promise<Exit>;

  readonly kind: Exclude<ProcessKind, "reused">;
  readonly #startedMs = performance.now();
  #redactions: Redactions;
  #invocationStartedMs = 0;
  #busyMs = 0;
  #invocations = 0;
  /** Whether stderr of the next invocation begins with a mark. */
  #isMarked = false;
  /** The limits that the process has to set for its invocation; undefined if the process has them already. */
  limitsToSet: ProcessLimits | undefined;
  /** How the script of the last invocation was evaluated; undefined if the evaluation did not end, or was done before. */
  loaded: Loaded | undefined;
  /** Called once the process has ended and its pipes are empty. */
  #onExit: ((exit: Exit) => void) | undefined;

  /** @param mode of a process that was spawned just now, or of a fork, which is ready */
  constructor(
    { process, egressSocket, hasEgress = true, redactions, templateNonce }: InstanceParts,
    mode: "starting" | "ready" | "loaded",
  ) {
    this.kind = ({ starting: "single", ready: "root", loaded: "template" } as const)[mode];
    this.#lifecycle = new Lifecycle<Mode>("instance", mode, TRANSITIONS);
    this.#child = new Child(process);
    this.#egressSocket = egressSocket;
    this.hasEgress = hasEgress;
    this.#redactions = redactions;
    this.#nonce = templateNonce ?? makeNonce();
    this.ended = this.#child.ended;
    this.#watchEnd();
  }

  /** Waits until a spawned process is ready. Rejects with the stderr of one that does not become ready. */
  static async start(parts: InstanceParts): Promise<Instance> {
    const started = new Instance(parts, "starting");
    const failure = await becomeReady(started.#child);
    if (failure === undefined && started.#lifecycle.is("starting")) {
      started.#lifecycle.set("ready");
    }
    if (failure === undefined) return started;
    await started.kill();
    throw startError(failure, started.#child.stderr);
  }

  /** Id of the spawned process; undefined for a fork. Some isolation modes run the function in a child of it. */
  get pid(): number | undefined {
    return this.#child.process.pid;
  }

  /** Whether it was killed and is not reaped yet. */
  get isEnding(): boolean {
    return this.#lifecycle.is("killed");
  }

  /** Whether it runs an invocation or is kept for the next. */
  get isBusy(): boolean {
    return this.#lifecycle.is("running", "idle");
  }

  /** Whether it waits for its first invocation and can reach what that needs. */
  isUsableFor(usesNetwork: boolean): boolean {
    if (!this.#lifecycle.is("ready", "loaded")) return false;
    return !usesNetwork || (this.hasEgress && this.#egressSocket?.isLost !== true);
  }

  /** Whether it answered an invocation and waits for the next. */
  get isIdle(): boolean {
    return this.#lifecycle.is("idle") && this.#egressSocket?.wasUsedOutsideRun !== true &&
      this.#egressSocket?.isLost !== true;
  }

  /** What its invocations have used so far. */
  get usage(): Usage {
    const ageMs = performance.now() - this.#startedMs;
    return { invocations: this.#invocations, busyMs: this.#busyMs, ageMs };
  }

  /** Kills the process and waits until it is reaped and its pipes are empty. */
  async kill(): Promise<void> {
    this.#killNow();
    await this.ended;
    await this.#child.drain();
  }

  /**
   * Runs a job. When this resolves the process group is killed, and `ended` settles when it is gone.
   *
   * With hooks, an instance whose invocation succeeded is kept: the hooks get it once it waits for another invocation.
   * An instance whose invocation left work running is killed.
   * @param codeCache of the job's script
   */
  async run(
    job: SandboxJob,
    hooks: InstanceHooks,
    limits: RunLimits,
    reuse?: ReuseHooks,
    codeCache?: Uint8Array,
  ): Promise<SandboxOutcome> {
    const load = { purpose: LoadPurpose.INVOCATION, script: job.script, codeCache };
    const loading = this.#lifecycle.is("ready") ? [encodeLoad(this.#nonce, limits, load)] : [];
    this.#beginInvocation(hooks.signal);
    const keep = reuse !== undefined;
    const redactor = this.#redactorOf(job);
    const { promise, resolve } = Promise.withResolvers<Ending>();
    const span = { beganMs: 0, endedMs: 0 };
    // The group is killed in the same tick in which the ending is known, before any await.
    const end = (ending: Ending) => {
      // Later endings do not count.
      span.endedMs ||= performance.now();
      if (!keep || ending.kind !== "result") this.#killNow();
      resolve(ending);
    };
    const stackMap = lazyStackMap(hooks.stackMap);
    const sink = new LogSink(limits.logBytes, redactor, stackMap, hooks.onLog);
    const openChannel = () => {
      const endsAtMs = span.beganMs + limits.timeoutMs;
      return new HostChannel(hooks.host, this.#child.process.input, hooks.replyBudget, endsAtMs);
    };
    const mustAccept = this.#child.process.hasReadInput === undefined;
    const begins = { beginsWithMark: this.#isMarked, mustAccept };
    const parts = { sink, redactor, openChannel, end };
    const output = new RunOutput(this.#nonce, begins, limits, parts);
    this.#child.reader = output;
    this.#onExit = (exit) => {
      end({ kind: "exited", ...exit, stderr: new TextDecoder().decode(this.#child.stderr) });
      output.gone();
    };
    try {
      // Open while the function can run. The next instance may have the socket before this run ends.
      using egress = this.#egressSocket?.openRun(
        job.outboundAllowlist,
        (level, message) => sink.note("egress", level, message),
        job.allowlistName,
      );
      // Later invocations of an instance have the same limits.
      const toSet = this.#invocations === 1 ? this.limitsToSet : undefined;
      const message = concatenate([...loading, encodeInvocation(job, keep, toSet)]);
      span.beganMs = performance.now();
      this.#child.process.input.write(message);
      using _ending = endingBy(hooks.signal, limits.timeoutMs, end);
      using _watch = this.#child.process.watchCpu?.(limits.cpuTimeMs);
      const ending = await promise;
      this.#assertAccepted(output, ending);
      // The function may hold on to a connection that is cut here, so the next invocation cannot use this instance.
      if (egress?.isBusy) this.#killNow();
      await (keep ? this.#allRead(output) : output.allRead);
      this.loaded = output.loaded;
      await output.close();
      const earlierInvocations = this.#invocations - 1;
      const run = { stackMap, limits, redactor, earlierInvocations };
      const outcome = await outcomeOf(ending, run);
      const usage = output.usage ?? await usageAtEnd(ending, this.ended);
      const measured = measurementsOf({ span, output, egress: egress?.close(), redactor, usage });
      return { ...outcome, measured };
    } finally {
      output.isOver = true;
      if (output.channel !== undefined) await output.channel.close();
      if (reuse !== undefined && this.#lifecycle.is("running")) this.#awaitIdle(output, reuse);
      else this.#retire();
    }
  }

  /**
   * Compiles a script without running any of its code, and ends. Resolves with undefined if that takes longer than
   * {@link COMPILE_TIMEOUT_MS}, or does not work.
   */
  async compile(script: string, codeCacheMaxBytes: number): Promise<Compiled | undefined> {
    this.#beginInvocation();
    const { promise, resolve } = Promise.withResolvers<Compiled | undefined>();
    const timer = setTimeout(() => resolve(undefined), COMPILE_TIMEOUT_MS);
    this.#child.reader = new CompileOutput(this.#nonce, codeCacheMaxBytes, resolve);
    this.#onExit = () => resolve(undefined);
    const limits = { outputBytes: codeCacheMaxBytes, logBytes: 0 };
    const load = { purpose: LoadPurpose.COMPILE, script };
    this.#child.process.input.write(encodeLoad(this.#nonce, limits, load));
    const compiled = await promise;
    clearTimeout(timer);
    this.#killNow();
    this.#retire();
    return compiled;
  }

  #beginInvocation(signal?: AbortSignal): void {
    // The invocation may have been cancelled while this was forked. Connections from outside a run do not belong to it.
    if (signal?.aborted || this.#egressSocket?.wasUsedOutsideRun) this.#killNow();
    if (this.#lifecycle.is("killed", "dead")) throw new JobNotAccepted();
    this.#invocationStartedMs = performance.now();
    this.#lifecycle.set("running");
    this.#child.stderr = new Uint8Array(0);
    this.#invocations++;
  }

  #redactorOf({ config }: SandboxJob): Redactor {
    // All jobs of one instance have the same configuration.
    const secrets = Object.values(config.secrets);
    if (this.#invocations === 1 && secrets.length > 0) {
      this.#redactions = this.#redactions.withSecrets(secrets);
    }
    return new Redactor(this.#redactions);
  }

  /** @throws JobNotAccepted for an end by the process before it has read the job */
  #assertAccepted({ accepted }: RunOutput, ending: Ending): void {
    if (accepted || !ENDED_BY_PROCESS.has(ending.kind)) return;
    // The template of a fork, or the kernel, knows what was read.
    if (this.#child.process.hasReadInput?.() === true) return;
    throw new JobNotAccepted("lost" in ending ? ending.lost : undefined);
  }

  /** Waits for the output before the answer. An instance that hides the end of it is killed. */
  async #allRead(output: RunOutput): Promise<void> {
    const kill = () => this.#killNow();
    timeouts.add(kill, IDLE_GRACE_MS);
    await output.allRead;
    timeouts.delete(kill);
  }

  /** After a success: gives the instance to the hooks once its event loop is empty, or kills it. */
  #awaitIdle(output: RunOutput, reuse: ReuseHooks): void {
    const onLate = () => {
      logger.debug("an invocation left work running, its instance is not reused");
      this.#killNow();
      reuse.onLeftover();
    };
    timeouts.add(onLate, IDLE_GRACE_MS);
    this.#onExit = ({ code }) => {
      timeouts.delete(onLate);
      if (code === 0) logger.debug("an instance ended after its answer and is not reused");
      this.#retire();
    };
    output.whenIdle(() => {
      timeouts.delete(onLate);
      if (!this.#lifecycle.is("running")) return;
      if (this.#egressSocket?.wasUsedOutsideRun) {
        logger.debug("an invocation left a request open, its instance is not reused");
        return this.#killNow();
      }
      this.#lifecycle.set("idle");
      this.#isMarked = output.isNextMarked;
      // The reader holds the whole invocation.
      this.#child.reader = discardOutput;
      this.#busyMs += performance.now() - this.#invocationStartedMs;
      reuse.onIdle();
    });
  }

  /** Ignores all further output and closes stdin. */
  #retire(): void {
    this.#child.reader = discardOutput;
    this.#onExit = undefined;
    this.#child.process.input.close?.();
  }

  /** A process that ends by itself ends its invocation once all of its output was read. */
  async #watchEnd(): Promise<void> {
    const exit = await this.ended;
    // Whoever awaits the end of an instance does so later, and finds it dead.
    this.#lifecycle.set("dead");
    if (this.#onExit === undefined) return;
    await this.#child.drain();
    this.#onExit?.(exit);
  }

  /** Kills again in mode `killed`: the group may have grown since. */
  #killNow(): void {
    if (this.#lifecycle.is("dead")) return;
    if (!this.#lifecycle.is("killed")) this.#lifecycle.set("killed");
    this.#child.process.kill();
  }
}
