/** One process of the operating system, from its start over its call, or its calls, to its end. */
import { getLogger } from "@logtape/logtape";
import { READY } from "../../runtime/wire.ts";
import type { KillWord, RunHooks, SandboxJob, SandboxLimits, SandboxOutcome } from "../contract.ts";
import type { EgressSession } from "../egress/session.ts";
import type { EgressSocket } from "../egress/proxy.ts";
import { concatenate, encodeCall, encodeLoad, makeNonce } from "./frames.ts";
import {
  type Flavour,
  type Launcher,
  type Spawned,
  START_TIMEOUT_MS,
  startError,
} from "./launcher.ts";
import { HostChannel } from "./host_channel.ts";
import { discardOutput, type OutputReader, PreloadOutput, RunOutput } from "./output_readers.ts";
import { type Exit, exitOf } from "./exit.ts";
import { type Isolation, killGroup } from "../../isolation/mod.ts";
import { type Ending, killed, outcomeOf } from "./outcome.ts";
import { Redactions, Redactor } from "./redaction.ts";

const logger = getLogger(["invoked", "sandbox"]);

/** Bytes of stderr kept to tell why a process ended. */
const STDERR_TAIL_BYTES = 16_384;
/** Longest wait for the pipes of a dead process to end. */
const DRAIN_TIMEOUT_MS = 1000;
/** Longest time that a module may take to be loaded ahead of its call. */
const LOAD_TIMEOUT_MS = 5_000;
/** Longest time after its answer in which a process that is to be used again must have nothing left to do. */
export const IDLE_GRACE_MS = 200;

/** The process ended before it had read its request: none of the function's code ran. */
export class JobNotAccepted extends Error {
  override name = "NotAccepted";
}

/** What the calls of a process have used up of it. */
export interface Wear {
  readonly calls: number;
  /** Wall-clock time of its calls, each to the moment at which nothing of it was left. */
  readonly busyMs: number;
  readonly ageMs: number;
}

/** Endings that the process tells, or shows by ending: before it has read a call they are not those of the call. */
const TOLD_BY_PROCESS: ReadonlySet<Ending["kind"]> = new Set(["exited", "failure", "broken"]);

/** Who uses a process again. */
export interface Keeper {
  /** The process waits for another call. */
  onIdle(): void;
  /** The call left something running, for which the process had to be killed. */
  onLeftover(): void;
}

type Mode =
  | "starting"
  | "ready"
  | "loading"
  | "loaded"
  | "running"
  | "idle"
  | "killed"
  | "dead";

/** Keeps the last bytes of a stream. */
class Tail {
  #bytes = new Uint8Array(0);

  push(chunk: Uint8Array): void {
    const all = new Uint8Array(this.#bytes.length + chunk.length);
    all.set(this.#bytes);
    all.set(chunk, this.#bytes.length);
    this.#bytes = all.slice(-STDERR_TAIL_BYTES);
  }

  get bytes(): Uint8Array {
    return this.#bytes;
  }

  clear(): void {
    this.#bytes = new Uint8Array(0);
  }
}

/**
 * A process in one of eight modes: `starting` until it stands ready, `ready` until it is assigned, perhaps `loading`
 * and `loaded` with the code of calls to come, `running` a call, perhaps `killed`, and `dead` once it is reaped. Modes
 * only go forward, but for a process that is used again: after a success with nothing left behind it is `idle`, then
 * `running` the next call.
 */
export class Instance {
  readonly #child: Deno.ChildProcess;
  /** Absent where the process was started without a way out. */
  readonly #gate: EgressSocket | undefined;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #stderr = new Tail();
  readonly #output: Promise<unknown>;
  #listener: OutputReader = discardOutput;
  #mode: Mode = "starting";
  readonly #nonce = makeNonce();
  readonly #hiddenPaths: readonly string[];
  /** Settles once the process is reaped. */
  readonly ended: Promise<Deno.CommandStatus>;

  readonly #isolation: Isolation;
  readonly #startedMs = performance.now();
  #redactions: Redactions | undefined;
  #callStartedMs = 0;
  #idleSinceMs = 0;
  #idleMs = 0;
  #busyMs = 0;
  #calls = 0;
  /** Told once it has ended and its pipes are empty. */
  #onExit: (exit: Exit, stderr: string) => void = () => {};

  private constructor(
    { child, gate, cgroup }: Spawned,
    { isolation, hiddenPaths }: Launcher,
    readonly flavour: Flavour,
  ) {
    this.#child = child;
    this.#stdin = child.stdin.getWriter();
    this.#gate = gate;
    this.#isolation = isolation;
    this.#hiddenPaths = hiddenPaths;
    this.ended = child.status.finally(() => {
      this.#mode = "dead";
      gate?.[Symbol.dispose]();
      cgroup?.[Symbol.dispose]();
    });
    this.#output = Promise.all([
      this.#pump(child.stdout, (chunk) => this.#listener.stdout(chunk)),
      this.#pump(child.stderr, (chunk) => {
        this.#stderr.push(chunk);
        return this.#listener.stderr(chunk);
      }),
    ]);
    this.#watchEnd();
  }

  /** Starts a process and waits until it stands ready; rejects with its stderr where it does not. */
  static async start(launcher: Launcher, flavour: Flavour): Promise<Instance> {
    const started = new Instance(await launcher.spawn(flavour), launcher, flavour);
    const failure = await started.#becomeReady();
    if (failure === undefined) return started;
    await started.kill();
    throw startError(failure, started.#stderr.bytes);
  }

  /** Of the process that was spawned; some isolations keep the function's own below it. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Whether it waits for code. */
  get isReady(): boolean {
    return this.#mode === "ready";
  }

  /** Whether it waits for a call of the code that it has loaded. */
  get isLoaded(): boolean {
    return this.#mode === "loaded" && !(this.#gate?.wasUsedOutsideRun ?? false);
  }

  /** Whether it has answered a call of the code that it has loaded, and waits for another. */
  get isIdle(): boolean {
    return this.#mode === "idle" && !(this.#gate?.wasUsedOutsideRun ?? false);
  }

  /** What its calls have used up of it. */
  get wear(): Wear {
    const ageMs = performance.now() - this.#startedMs;
    return { calls: this.#calls, busyMs: this.#busyMs, ageMs };
  }

  /**
   * Loads the code of calls to come. Resolves with false where that cannot be done without a call, as when the
   * module asks for secrets, prints, connects or does not come to an end: then the process is killed.
   */
  async load(
    script: string,
    limits: Pick<SandboxLimits, "outputBytes" | "logBytes">,
  ): Promise<boolean> {
    if (!this.isReady) throw new Error(`Cannot load code in a sandbox that is ${this.#mode}`);
    this.#mode = "loading";
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => resolve(false), LOAD_TIMEOUT_MS);
    this.ended.then(() => resolve(false));
    this.#listener = new PreloadOutput(this.#nonce, resolve);
    this.#write(encodeLoad(this.#nonce, limits, script, true));
    const isLoaded = await promise;
    clearTimeout(timer);
    this.#listener = discardOutput;
    if (isLoaded && this.#mode === "loading") this.#mode = "loaded";
    if (this.isLoaded) return true;
    await this.kill();
    return false;
  }

  /** Kills the whole process group and waits until it is reaped and its pipes are empty. */
  async kill(): Promise<void> {
    this.#killNow();
    await this.ended;
    await this.#drain();
  }

  /**
   * Runs a call. The process group was killed when this resolves, and `ended` tells when it is gone; unless there is a
   * keeper and the call succeeded. Then the process is handed to it once it waits for another call, or killed because
   * something that the call began is not over.
   */
  async run(
    job: SandboxJob,
    hooks: RunHooks,
    limits: SandboxLimits,
    keeper?: Keeper,
  ): Promise<SandboxOutcome> {
    const load = this.isReady ? [encodeLoad(this.#nonce, limits, job.script, false)] : [];
    this.#beginCall();
    const keep = keeper !== undefined;
    const timeoutMs = Math.min(job.timeoutMs, limits.timeoutMs);
    // All jobs of one process have the same configuration.
    this.#redactions ??= new Redactions(this.#hiddenPaths, Object.values(job.config.secrets));
    const redactor = new Redactor(this.#redactions);
    const { promise, resolve } = Promise.withResolvers<Ending>();
    // The group dies in the very turn in which the ending is known, before anything is awaited.
    const end = (ending: Ending) => {
      if (!keep || ending.kind !== "result") this.#killNow();
      resolve(ending);
    };
    const onAbort = () => end({ kind: "killed", word: killWord(hooks.signal) });
    const timer = setTimeout(() => end({ kind: "timeout" }), timeoutMs);
    hooks.signal.addEventListener("abort", onAbort, { once: true });
    const channel = new HostChannel(hooks.host, this.#stdin);
    const call = new RunOutput(this.#nonce, keep, limits, redactor, hooks, channel, end);
    this.#listener = call;
    this.#onExit = (exit, stderr) => {
      const livedMs = performance.now() - this.#startedMs - this.#idleMs;
      end({ kind: "exited", ...exit, livedMs, stderr });
      call.gone();
    };
    try {
      // Bound before the function can run; its connections are cut, and told, before its outcome is.
      using egress = this.#openEgress(job, call);
      this.#write(concatenate([...load, encodeCall(job, keep)]));
      if (hooks.signal.aborted) onAbort();
      const ending = await promise;
      if (!call.accepted && TOLD_BY_PROCESS.has(ending.kind)) throw new JobNotAccepted();
      // A connection that is cut is of no use to the next call, and the function may hold on to it.
      if (egress?.isBusy) this.#killNow();
      await (keep ? this.#allRead(call) : call.allRead);
      call.close();
      return await outcomeOf(
        ending,
        hooks.sourceMap,
        { ...limits, timeoutMs },
        redactor,
        this.#calls - 1,
      );
    } finally {
      clearTimeout(timer);
      hooks.signal.removeEventListener("abort", onAbort);
      await channel.close();
      if (keeper !== undefined && this.#mode === "running") this.#awaitIdle(call, keeper);
      else this.#retire();
    }
  }

  #beginCall(): void {
    if (this.#mode === "killed" || this.#mode === "dead") throw new JobNotAccepted();
    if (!this.isReady && !this.isLoaded && !this.isIdle) {
      throw new Error(`Cannot run a call in a sandbox that is ${this.#mode}`);
    }
    this.#callStartedMs = performance.now();
    if (this.isIdle) this.#idleMs += this.#callStartedMs - this.#idleSinceMs;
    this.#mode = "running";
    this.#stderr.clear();
    this.#calls++;
  }

  /** Waits for what was printed before the answer; a process that hides the end of it is killed. */
  async #allRead(call: RunOutput): Promise<void> {
    const timer = setTimeout(() => this.#killNow(), IDLE_GRACE_MS);
    await call.allRead;
    clearTimeout(timer);
  }

  /** After a success: hands the process on once nothing of its call is left in it, and kills it where something is. */
  #awaitIdle(call: RunOutput, keeper: Keeper): void {
    const timer = setTimeout(() => {
      logger.debug("a call left something behind, its process is not used again");
      this.#killNow();
      keeper.onLeftover();
    }, IDLE_GRACE_MS);
    this.#onExit = ({ code }) => {
      clearTimeout(timer);
      if (code === 0) logger.debug("a process ended after its answer and is not used again");
      this.#retire();
    };
    call.whenIdle(() => {
      clearTimeout(timer);
      if (this.#mode !== "running") return;
      if (this.#gate?.wasUsedOutsideRun) {
        logger.debug("a call left a request behind, its process is not used again");
        return this.#killNow();
      }
      this.#mode = "idle";
      // What heard the call holds all of it.
      this.#listener = discardOutput;
      this.#idleSinceMs = performance.now();
      this.#busyMs += this.#idleSinceMs - this.#callStartedMs;
      keeper.onIdle();
    });
  }

  /** Nothing more is heard of it or said to it. */
  #retire(): void {
    this.#listener = discardOutput;
    this.#onExit = () => {};
    this.#stdin.close().catch(() => {});
  }

  /** The process may end at any time; a broken pipe tells nothing new. */
  #write(bytes: Uint8Array<ArrayBuffer>): void {
    this.#stdin.write(bytes).catch(() => {});
  }

  #openEgress({ outboundAllowlist }: SandboxJob, call: RunOutput): EgressSession | undefined {
    return this.#gate?.bind(outboundAllowlist, (level, message) => call.egress(level, message));
  }

  /** A process that ends by itself ends its call once all of its output was read. */
  async #watchEnd(): Promise<void> {
    const status = await this.ended;
    await this.#drain();
    const stderr = new TextDecoder().decode(this.#stderr.bytes);
    this.#onExit(exitOf(status, this.#isolation), stderr);
  }

  #killNow(): void {
    if (this.#mode === "dead") return;
    this.#mode = "killed";
    killGroup(this.#child.pid);
  }

  /** Waits for the end of both pipes, but never for long. */
  async #drain(): Promise<void> {
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, DRAIN_TIMEOUT_MS);
    await Promise.race([this.#output, late]);
    clearTimeout(timer);
  }

  async #pump(
    stream: ReadableStream<Uint8Array>,
    onChunk: (chunk: Uint8Array) => Promise<void> | void,
  ): Promise<void> {
    for await (const chunk of stream) {
      const pause = onChunk(chunk);
      if (pause !== undefined) await pause;
    }
  }

  /** Resolves with what went wrong, or with undefined once the process told that it stands ready. */
  async #becomeReady(): Promise<string | undefined> {
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    const timer = setTimeout(
      () => resolve(`it did not stand ready in ${START_TIMEOUT_MS} ms`),
      START_TIMEOUT_MS,
    );
    let said = "";
    this.#listener = {
      stdout: (chunk) => {
        said += new TextDecoder().decode(chunk);
        if (said === READY) resolve(undefined);
        else if (!READY.startsWith(said)) resolve("it wrote something unexpected");
      },
      stderr() {},
    };
    this.ended.then(async ({ code, signal }) => {
      await this.#drain();
      resolve(`it ended with ${signal === null ? `exit code ${code}` : `the signal ${signal}`}`);
    });
    const failure = await promise;
    clearTimeout(timer);
    this.#listener = discardOutput;
    if (failure === undefined && this.#mode === "starting") this.#mode = "ready";
    return failure;
  }
}

/** The reason of an abort; one that is no {@link KillWord} counts as a stop of the server. */
export function killWord(signal: AbortSignal): KillWord {
  return signal.reason === "CANCELLED" ? "CANCELLED" : "INTERRUPTED";
}

/** The outcome of a call that was aborted before it had a process. */
export function killedEarly(signal: AbortSignal): SandboxOutcome {
  return killed(killWord(signal));
}
