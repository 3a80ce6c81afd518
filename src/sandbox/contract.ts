/**
 * The port of the sandbox room: what the engine asks of it and what it answers.
 *
 * A *sandbox* is one operating system process that runs one invocation and is then thrown away; or, where its function
 * allows that, runs one after the other until something goes wrong or it is worn out.
 * Nothing in this room knows HTTP, functions, commits or storage.
 */

import type { CallConfig } from "../runtime/wire.ts";

/** The stable first word of an invocation's error, as documented in docs/errors.md. */
export type ErrorWord =
  | "TIMEOUT"
  | "CPU_LIMIT"
  | "OUT_OF_MEMORY"
  | "UNCAUGHT"
  | "BAD_OUTPUT"
  | "OUTPUT_TOO_LARGE"
  | "EXITED"
  | "CANCELLED"
  | "INTERRUPTED";

/** Why a run is ended from outside; the reason of the abort signal given to {@link Sandboxes.run}. */
export type KillWord = Extract<ErrorWord, "CANCELLED" | "INTERRUPTED">;

/** A question of a running function to the server. Everything in it is hostile but its size. */
export interface HostCall {
  /** Such as `vfs.stat`. */
  readonly method: string;
  /** Any JSON value, nested no deeper than 1,000 levels. */
  readonly params: unknown;
  readonly bytes: Uint8Array;
  /** Aborts when the invocation ends: what was not done by then is for nobody. */
  readonly signal: AbortSignal;
}

/** What the server answers to a {@link HostCall}. */
export interface HostReply {
  /** Any JSON value. */
  readonly value?: unknown;
  readonly bytes?: Uint8Array;
}

/** Thrown for a host call that fails in a way that its function is told. */
export class HostCallError extends Error {
  override name = "HostCallError";
  constructor(
    /** A stable word of the family of methods. */
    readonly code: string,
    message: string,
    /** What else the function is told; any JSON value. */
    readonly details?: unknown,
  ) {
    super(message);
  }
}

/**
 * What the server does for one invocation while it runs. At most `HOST_CALLS_MAX` calls run at a time.
 * May throw {@link HostCallError}; any other error is logged and told as `INTERNAL`.
 */
export interface Host {
  call(call: HostCall): Promise<HostReply>;
}

/** One call to run; plain data. */
export interface SandboxJob {
  /**
   * The artifact's script: the source text of one `async function (meta) {...}` expression that
   * resolves to `{ default: handler }` (see `src/builder/contract.ts`).
   */
  readonly script: string;
  /** Names the script: jobs with the same key have the same script. Absent where no further call is to be expected. */
  readonly scriptKey?: string;
  /**
   * Present where the process may run further jobs after this one, one at a time: those with the same key, script,
   * allowlist and configuration. What the function keeps in its variables is then there for the next.
   */
  readonly reuseKey?: string;
  /** The input: the text of a JSON object, already validated by the caller. */
  readonly inputJson: string;
  /** Hosts that the function may connect to; see `src/sandbox/egress/allowlist.ts`. */
  readonly outboundAllowlist: readonly string[];
  /** What the function is given beside its input. Its secrets are masked in logs and in the error. */
  readonly config: CallConfig;
  /** Wall-clock limit of this call in milliseconds; never above the pool's own limit. */
  readonly timeoutMs: number;
}

/** How a run ended. `outputJson` is the text of a JSON object, validated by the sandbox room. */
export type SandboxOutcome =
  | { readonly kind: "success"; readonly outputJson: string }
  | { readonly kind: "error"; readonly word: ErrorWord; readonly message: string };

/** One captured line of output. */
export interface SandboxLog {
  /** Milliseconds since the epoch, on the server's clock. */
  readonly time: number;
  readonly level: "debug" | "info" | "warn" | "error";
  /**
   * `console` for `console.*`, `stdout` and `stderr` for raw writes, `egress` for what the egress proxy decided,
   * `system` for the server's own notes.
   */
  readonly source: "console" | "stdout" | "stderr" | "egress" | "system";
  readonly message: string;
}

/** What the caller of a run provides while it lasts. */
export interface RunHooks {
  /** Answers the host calls of the function. All of them have ended when the run resolves. */
  readonly host: Host;
  /** Reads the source map (version 3 JSON) of the script; called only to map a stack. */
  readonly sourceMap: () => Promise<string>;
  /** Called for every captured line, in order, before the outcome is delivered. */
  readonly onLog: (log: SandboxLog) => void;
  /** Aborting kills the process group at once; `reason` must be a {@link KillWord}. */
  readonly signal: AbortSignal;
}

/** Limits of processes that run one call after another. Each is a named setting in `src/config`. */
export interface ReuseLimits {
  /** Calls of one process. */
  readonly callsMax: number;
  /** Age at which a process gets no further call. */
  readonly lifetimeMs: number;
  /** How long a process waits for its next call. */
  readonly idleMs: number;
  /** Processes of all functions together that wait for their next call. */
  readonly waitingMax: number;
}

/** Limits of every sandbox. Each is a named setting in `src/config`, and told in the error it causes. */
export interface SandboxLimits {
  readonly timeoutMs: number;
  /** Processor time of a process, its start included; counted in whole seconds, rounded up. */
  readonly cpuTimeMs: number;
  /** V8 heap and, on Linux, all other private memory of the process, in bytes each. */
  readonly memoryBytes: number;
  readonly outputBytes: number;
  /** Total bytes of captured log messages; what follows is dropped behind one visible mark. */
  readonly logBytes: number;
  /** Processes kept ahead of need, the provisioned ones aside. */
  readonly poolSize: number;
  /** Memory in bytes that all processes kept ahead of need may take, as estimated. */
  readonly poolMemoryBytes: number;
}

/** Code that a number of processes is always kept for. */
export interface Provisioned {
  /** As `scriptKey` of its jobs. */
  readonly key: string;
  readonly script: string;
  readonly count: number;
}

/** The pool of sandboxes. Disposing it kills every process it started. */
export interface Sandboxes extends AsyncDisposable {
  /** Starts filling the pool; resolves once one sandbox stands ready, rejects if none can be started. */
  start(): Promise<void>;
  /**
   * Runs one job in a process that nobody used before and nobody will use after, unless the job says otherwise.
   * Never rejects for what the function does: every ending is a {@link SandboxOutcome}.
   * When the promise resolves every log line was told and the process group was killed, unless it is to be used again;
   * the system may need a few milliseconds more to take it away.
   */
  run(job: SandboxJob, hooks: RunHooks): Promise<SandboxOutcome>;
  /** Keeps processes with this code loaded, called or not; replaces what was said before. */
  provision(provisioned: readonly Provisioned[]): void;
  /** The walls that stand, in words for the operator, e.g. `bubblewrap (own namespaces without a network, ...)`. */
  readonly walls: string;
  /** Counts for `/readyz` and metrics. */
  readonly stats: { readonly ready: number; readonly running: number };
}
