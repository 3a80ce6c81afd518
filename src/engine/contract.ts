import type { Host, SandboxJob } from "../sandbox/contract.ts";
import type { InvocationEnd } from "../store/invocations.ts";

/** What an invocation has of the server while it runs: opened as it starts, disposed once it has ended. */
export interface Session extends AsyncDisposable {
  /** What the function is given beside its input, as it is now. */
  readonly config: SandboxJob["config"];
  /** Answers what the function asks. */
  readonly host: Host;
}

/** A running invocation that calls another. */
export interface CallingInvocation {
  readonly id: string;
  /** Calls between it and the one from outside; 0 for that one itself. */
  readonly depth: number;
  /** Aborts when it ends; what it waits for is then cancelled. */
  readonly signal: AbortSignal;
}

/** An invocation that was recorded and is to be run. */
export interface Job {
  readonly invocationId: string;
  /** Blob that holds the commit's script. */
  readonly scriptDigest: string;
  /** Blob that holds the script's source map. */
  readonly sourceMapDigest: string;
  /** Text of a JSON object. */
  readonly inputJson: string;
  /** Hosts that the function may connect to, as its settings say when it is called. */
  readonly outboundAllowlist: readonly string[];
  /** Called once, at the moment the job starts. */
  readonly openSession: () => Promise<Session>;
  /** Who waits for the end; decides what a shutdown does with a job that has not started. */
  readonly mode: "sync" | "async";
  /** The running invocation that made this call and waits for it; undefined for a call from outside. */
  readonly caller: CallingInvocation | undefined;
  /** The status its row has; PENDING is moved to RUNNING, durably, before any of its code runs. */
  readonly recordedAs: "PENDING" | "RUNNING";
}

/** Why the engine takes no further job. */
export type Refusal =
  | {
    readonly kind: "queue-full";
    /** Which limit keeps the call from running at once, and its value: that many calls run. */
    readonly runningLimit: "server" | "function";
    readonly maxRunning: number;
    readonly maxQueued: number;
  }
  | { readonly kind: "draining" }
  /** The nested call would be deeper than the limit. */
  | { readonly kind: "too-deep"; readonly maxDepth: number }
  /** The caller has made as many calls as one invocation may. */
  | { readonly kind: "too-many-nested"; readonly maxNested: number };

/** Thrown by {@link Engine.admit}; nothing was recorded. */
export class NotAdmitted extends Error {
  constructor(readonly refusal: Refusal) {
    super(refusal.kind);
    this.name = "NotAdmitted";
  }
}

/** Thrown by {@link Engine.submit}: the turn of a synchronous job did not come in time; nothing of it ran. */
export class QueueTimedOut extends Error {
  constructor(readonly timeoutMs: number) {
    super("queue timed out");
    this.name = "QueueTimedOut";
  }
}

/** A place among the running or the waiting. Disposing it gives it back, on every path. */
export interface Place extends Disposable {
  /** True when it may run at once. */
  readonly immediate: boolean;
  /** Resolves when it is this place's turn to run; never, once it was given back. */
  readonly turn: Promise<void>;
  /** A place for a call that the one of this place waits for; it never waits for this place to be given back. */
  nest(functionId: string): Place;
}

/** Waits for news of one invocation. */
export interface Follower extends Disposable {
  /** Resolves when something was recorded since the last call, or after `timeoutMs`. */
  next(timeoutMs: number): Promise<void>;
}

/** How an invocation finds a sandbox, and how its outcome finds its record. */
export interface Engine extends AsyncDisposable {
  /** Takes a place before anything is recorded. Throws {@link NotAdmitted}. */
  admit(functionId: string): Place;
  /**
   * As {@link admit}, for a call that a running invocation makes and waits for, also while the engine drains: it
   * belongs to what may finish. Every call counts against the caller's limit, also one that is then not submitted.
   */
  admitNested(functionId: string, caller: CallingInvocation): Place;
  /** As {@link admit}, for a job that was accepted before a restart: it waits however long the queue is. */
  readmit(functionId: string): Place;
  /**
   * Runs the job and records how it ended; gives the place back. Resolves once the end is durable;
   * with undefined when a shutdown left an asynchronous job for the next start. Throws {@link QueueTimedOut}
   * once that end is durable.
   */
  submit(job: Job, place: Place): Promise<InvocationEnd | undefined>;
  /** Kills the invocation and resolves once its end is recorded; false when it is not here. */
  cancel(invocationId: string): Promise<boolean>;
  /** Resolves when the invocation is not (or no longer) here. */
  left(invocationId: string): Promise<void>;
  follow(invocationId: string): Follower;
  /** Takes no more jobs, lets running ones finish for at most `timeoutMs`, then interrupts them. */
  drain(timeoutMs: number): Promise<void>;
  /** False once a drain began. */
  readonly open: boolean;
  readonly stats: { readonly running: number; readonly queued: number };
}
