/**
 * The port between the engine and the sandbox.
 *
 * An *instance* is a process of the operating system. It runs one invocation and is then killed. With process reuse it
 * runs invocations in sequence until one fails or a limit is reached. The sandbox knows no HTTP, functions, commits or
 * storage.
 */

import type { HandlerContext, InvocationConfig } from "../runtime/wire.ts";
import type { StackMapReader } from "../shared/stack.ts";
import type { TimedCall, Verdict } from "../shared/timed_calls.ts";

/** The stable code at the start of an invocation's error; see docs/errors.md. */
export type ErrorCode =
  | "TIMEOUT"
  | "CPU_LIMIT"
  | "OUT_OF_MEMORY"
  | "UNCAUGHT"
  | "BAD_OUTPUT"
  | "OUTPUT_TOO_LARGE"
  | "EXITED"
  | "NO_HANDLER"
  | "CANCELLED"
  | "INTERRUPTED";

/** Why a run is killed: the reason of the abort signal given to {@link Sandboxes.run}. */
export type KillCode = Extract<ErrorCode, "CANCELLED" | "INTERRUPTED">;

/** A request of a running function to the server. Its size is checked; everything else in it is hostile. */
export interface HostCall {
  /** For example `vfs.stat`. */
  readonly method: string;
  /** Any JSON value of at most 1,000 nested levels. */
  readonly params: unknown;
  readonly bytes: Uint8Array;
  /** Aborts when the invocation ends. */
  readonly signal: AbortSignal;
  /** When the time limit ends the invocation, on the clock of `performance.now()`. */
  readonly endsAtMs: number;
}

/** The server's reply to a {@link HostCall}. */
export interface HostReply {
  /** Any JSON value; what is embedded in it (`src/shared/json_text.ts`) is read when it is sent. */
  readonly value?: unknown;
  readonly bytes?: Uint8Array;
  /** What the reply has taken, such as memory; disposed once the function has read it, or its run has ended. */
  readonly held?: Disposable | undefined;
}

/** An error of a host call that is reported to the function. */
export class HostCallError extends Error {
  override name = "HostCallError";
  constructor(
    /** A stable code; each family of methods documents its own. */
    readonly code: string,
    message: string,
    /** Further details for the function; any JSON value. */
    readonly details?: unknown,
    /** As in {@link HostReply}. */
    readonly held?: Disposable,
  ) {
    super(message);
  }
}

/**
 * Handles the host calls of one invocation, at most `HOST_CALLS_MAX` at a time. May throw {@link HostCallError}. Any
 * other error is logged and reported to the function as `INTERNAL`.
 */
export interface Host {
  call(call: HostCall): Promise<HostReply>;
}

/** Limits of one invocation, within the maxima of {@link SandboxLimits}. */
export interface JobLimits {
  /** Wall-clock time. */
  readonly timeoutMs: number;
  /** Processor time of the instance, its start included, rounded up to seconds. */
  readonly cpuTimeMs: number;
  /**
   * Limit of the V8 heap and, on Linux, of all other private memory, in bytes each. The heap of a fork has the limit of
   * its memory class (`src/sandbox/tree/trees.ts`).
   */
  readonly memoryBytes: number;
}

/** The limit that decides which processes can run an invocation; the default of each process if undefined. */
export interface MemoryLimit {
  readonly memoryBytes?: number | undefined;
}

/** The largest {@link MemoryLimit} of the invocations that a process runs. */
export interface MemoryMaximum {
  readonly maxMemoryBytes?: number | undefined;
}

/**
 * When a script is evaluated. `per-call`: in each invocation. `shared`: in a template, whatever the script reads; its
 * author promises that invocations may share the values. Absent: in a template if the script reads nothing that differs
 * between invocations, else in each invocation.
 */
export type Evaluation = "per-call" | "shared";

/** One invocation to run; plain data. */
export interface SandboxJob {
  /**
   * The artifact's script: the source text of one `async function (meta) {...}` expression that
   * resolves to an object with the exports of `main.ts` (see `src/builder/contract.ts`).
   */
  readonly script: string;
  /** Names the script: jobs with the same key have the same script. Absent for a script that runs once. */
  readonly scriptKey?: string;
  /** Names the function. Crashes of all of its jobs count together. */
  readonly functionKey: string;
  /**
   * Allows process reuse: the instance may run further jobs with the same key, script, allowlist and configuration, one
   * at a time. Variables of the function keep their values.
   */
  readonly reuseKey?: string;
  /** When the script may be evaluated ahead of the invocation; absent: where the script allows it. */
  readonly evaluation?: Evaluation | undefined;
  /** The export that is called: the default one unless given. */
  readonly handler?: "default" | "fetch";
  /** The input: the text of a JSON object, validated by the caller; a `RequestInput` of `src/runtime/wire.ts` for `fetch`. */
  readonly inputJson: string;
  /** Hosts to which the function may connect; see `src/sandbox/egress/allowlist.ts`. */
  readonly outboundAllowlist: readonly string[];
  /** Names that list in messages, unless it is the function's own. */
  readonly allowlistName?: string;
  /** Configuration for the function. Its secrets are masked in logs and errors. */
  readonly config: InvocationConfig;
  /** The second argument of the handler. Absent without one. */
  readonly context?: HandlerContext;
  /** Those that are absent are the defaults of {@link SandboxLimits}. */
  readonly limits: Partial<JobLimits>;
}

/**
 * The process of an invocation: forked with the runtime loaded, forked from a template that has evaluated the script,
 * spawned for the invocation, or one that answered earlier invocations.
 */
export type ProcessKind = "root" | "template" | "single" | "reused";

/** Connections of a run to one host. */
export interface EgressVerdict {
  /** `host:port`; empty for requests that name none. */
  readonly host: string;
  /** As in the log: let through, `refused` by a rule, or failed on the network. */
  readonly verdict: Verdict;
  readonly count: number;
  /** Of bodies and tunnels, both directions together. */
  readonly bytes: number;
}

/** What a run used, as far as it was measured; plain data. Times in milliseconds. */
export interface Measurements {
  /** Evaluation of the script; absent if it was evaluated before the invocation. */
  readonly evaluateMs?: number;
  /** Time of the invocation in its process, including the evaluation. */
  readonly processMs: number;
  /** Time from its end in the process until the outcome was complete; absent from workers of earlier versions. */
  readonly afterMs?: number;
  /** Time with a host call under way, and time with a request at the egress proxy. */
  readonly hostCallsMs: number;
  readonly egressMs: number;
  readonly cpuMs?: number;
  /** Peak of resident memory, pages that the process shares with its template included. */
  readonly peakBytes?: number;
  readonly egressBytes: number;
  /** At most `EGRESS_VERDICTS_MAX`. */
  readonly egress: readonly EgressVerdict[];
  /** The first calls of the run, at most `TIMED_CALLS_MAX` of each kind; absent from workers of earlier versions. */
  readonly calls?: readonly TimedCall[];
}

/** How a run ended. `outputJson` is the text of a JSON object, validated by the sandbox. */
export type SandboxOutcome =
  & (
    | { readonly kind: "success"; readonly outputJson: string }
    | { readonly kind: "error"; readonly code: ErrorCode; readonly message: string }
  )
  & {
    /** Absent if the invocation got no process. */
    readonly process?: ProcessKind;
    /** Absent if the invocation got no process. */
    readonly measured?: Measurements;
  };

/** One captured line of output. */
export interface SandboxLog {
  /** Milliseconds since the epoch, on the server's clock. */
  readonly time: number;
  readonly level: "debug" | "info" | "warn" | "error";
  /**
   * `console` for `console.*`, `stdout` and `stderr` for raw writes, `egress` for decisions of the egress proxy,
   * `system` for messages of the server.
   */
  readonly source: "console" | "stdout" | "stderr" | "egress" | "system";
  readonly message: string;
}

/** Connects a run to its caller. */
export interface RunHooks {
  /** Handles the host calls. None is in progress when the run resolves. */
  readonly host: Host;
  /** Reads the source map of the script. Called only to map a stack or a logged position, once a run. */
  readonly stackMap: StackMapReader;
  /** Called for every captured line, in order, before the outcome is delivered. */
  readonly onLog: (log: SandboxLog) => void;
  /** Aborting kills the process group at once; `reason` must be a {@link KillCode}. */
  readonly signal: AbortSignal;
  /** How long the run waits while no instance can be started, in milliseconds; without a limit if absent. */
  readonly waitMs?: number | undefined;
}

/** Thrown by {@link Sandboxes.run}: within its wait no instance could be started. None of the job's code ran. */
export class NoInstance extends Error {
  override name = "NoInstance";
}

/** Limits of process reuse. Each is a named setting in `src/config`. */
export interface ReuseLimits {
  /** Most invocations of one instance. */
  readonly invocationsMax: number;
  /** Age at which an instance gets no further invocation. */
  readonly lifetimeMs: number;
  /** Longest wait of an instance for its next invocation. */
  readonly idleMs: number;
  /** Most instances of all functions together that wait for their next invocation. */
  readonly waitingMax: number;
}

/**
 * Limits of every instance. Each is a named setting in `src/config` and appears in the error that it causes. Those of
 * {@link JobLimits} are the defaults, for which instances are prepared.
 */
export interface SandboxLimits extends JobLimits, MemoryMaximum {
  /** The largest processor time of a job. As for the memory, the default if absent. */
  readonly maxCpuTimeMs?: number | undefined;
  readonly outputBytes: number;
  /** Total bytes of captured log messages. One mark follows, and later messages are dropped. */
  readonly logBytes: number;
  /** Instances that wait for invocations, without the provisioned ones. */
  readonly poolSize: number;
  /** Estimated memory in bytes of all templates that have evaluated a script. */
  readonly poolMemoryBytes: number;
}

/** A use, while a script loads, of what differs between invocations. The script may lie about all of it. */
export interface Reading {
  /** File and line, such as `main.ts:3` or `npm:exceljs@4.4.0/lib/xlsx/x.js:12`; without a line that the bundler added. */
  readonly position: string;
  /** Such as `Math.random`, `new Date` or `secrets`. */
  readonly called: string;
  /** The innermost function there; absent for code outside of named functions. */
  readonly functionName?: string;
}

/** Most readings of a report. */
export const READINGS_SHOWN_MAX = 20;

/** What one evaluation of a script showed, without host calls, network and secrets. */
export interface LoadReport {
  /** Time of the evaluation in milliseconds, or until it was stopped. */
  readonly loadMs: number;
  /** From what invocations start without an {@link Evaluation}. `fast`: too fast for a template to matter. */
  readonly start: "template" | "each invocation" | "fast";
  /** Readings that keep the script from a template unless its evaluation is `shared`; at most {@link READINGS_SHOWN_MAX}. */
  readonly readings: readonly Reading[];
  /** Why no template can have evaluated the script, `shared` or not. */
  readonly error?: string;
}

/** A script to report on, with the memory limit of its invocations. */
export interface ReportedScript extends MemoryLimit {
  /** As `scriptKey` of its jobs. */
  readonly key: string;
  readonly script: string;
}

/** Code for which a fixed number of instances waits, with the memory limit of its invocations. */
export interface Provisioned extends ReportedScript {
  readonly count: number;
  /** As in its jobs. */
  readonly evaluation?: Evaluation | undefined;
  /** Reads the source map of the script. Without a map, the reviewed list applies to no reading. */
  readonly stackMap?: StackMapReader | undefined;
}

/** Memory in bytes that a group of processes shares with no other; absent if the server may not inspect the processes. */
export interface PrivateMemory {
  readonly privateBytes?: number;
}

/** Processes of all trees of forks. */
export interface ForkStatus {
  readonly root: PrivateMemory & { readonly count: number };
  readonly templates: PrivateMemory & {
    readonly blank: number;
    /** Those that have evaluated a script. */
    readonly script: number;
  };
  readonly instances: PrivateMemory & {
    readonly count: number;
    readonly waiting: number;
  };
}

/** The pool of instances. Its disposal kills all of them. */
export interface Sandboxes extends AsyncDisposable {
  /** Starts to fill the pool. Resolves once one instance is ready; rejects if none can be started. */
  start(): Promise<void>;
  /**
   * Runs one job in an instance of its own, or in a reused one if the job allows that. Every ending that the function
   * causes is a {@link SandboxOutcome}, not a rejection. Throws {@link NoInstance}. When the promise resolves all log lines were delivered, and the
   * process group was killed unless it is reused. The system may need a few milliseconds more to remove it.
   */
  run(job: SandboxJob, hooks: RunHooks): Promise<SandboxOutcome>;
  /** Keeps instances with this code loaded, called or not. Replaces the previous list. */
  provision(provisioned: readonly Provisioned[]): void;
  /**
   * Compiles a script ahead of its first invocation, if that pays: its invocations then need not. Resolves when the
   * compilation has ended.
   * @param key as `scriptKey` of its jobs
   */
  compile(key: string, script: string): Promise<void>;
  /**
   * Evaluates a script once, as a template does, and reports what that showed: in the background, one script at a time.
   * Undefined if no template can be made here, or the signal aborts. Rejects for nothing that the script does.
   */
  report(
    script: ReportedScript,
    stackMap: StackMapReader,
    signal: AbortSignal,
  ): Promise<LoadReport | undefined>;
  /** The isolation for the operator, for example `bubblewrap (own namespaces without a network, ...)`. */
  readonly walls: string;
  /** Why no instance can be started now, without paths of the machine; undefined while instances start. Runs wait meanwhile. */
  readonly error: string | undefined;
  /** Calls back after each change of {@link error}. */
  onErrorChange(listener: () => void): void;
  /** Why each invocation starts a process; undefined if instances are forked. Known once `start` has resolved. */
  readonly forkError: string | undefined;
  /** Processes and memory of the forks; undefined while each invocation starts a process. */
  forks(): Promise<ForkStatus | undefined>;
  /** Counts for tests and metrics. */
  readonly stats: {
    readonly ready: number;
    readonly running: number;
    /** Scripts that are compiled. */
    readonly codeCaches: number;
    /** Instances that were forked since the start, and forks that failed. */
    readonly forked: number;
    readonly failedForks: number;
  };
}
