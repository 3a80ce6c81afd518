import type { Host, RunHooks, SandboxJob, SandboxOutcome } from "../sandbox/contract.ts";
import type { InvocationConclusion, InvocationEnd } from "../store/invocations.ts";
import type { Writers } from "../store/mod.ts";

/** What is recorded as the end of an invocation. */
export type Conclusion = InvocationConclusion;

/** What an invocation has of the server while it runs: opened as it starts, disposed once it has ended. */
export interface Session extends AsyncDisposable {
  /** What the function is given beside its input, as it is now. */
  readonly config: SandboxJob["config"];
  /** Answers what the function asks. */
  readonly host: Host;
  /**
   * Called once, with how the function ended. Answers what to do inside the transaction that records that: it may
   * write what the function changed, and it says what the end is to be. Undefined where there is only the end to record.
   */
  conclude(end: InvocationEnd): Promise<((tx: Writers) => Promise<Conclusion>) | undefined>;
}

/** Thrown where an invocation cannot have what it needs; the message continues the sentence "it could not run:". */
export class CannotOpenSession extends Error {
  override name = "CannotOpenSession";
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
  /** As {@link SandboxJob.reuseKey}; absent for a job that gets a process of its own. */
  readonly reuseKey?: string;
  /** Called once, at the moment the job starts. */
  readonly openSession: () => Promise<Session>;
  /** Who waits for the end; decides what a shutdown does with a job that has not started. */
  readonly mode: "sync" | "async";
  /** The running invocation that made this call and waits for it; undefined for a call from outside. */
  readonly caller: CallingInvocation | undefined;
  /** The status its row has; PENDING is moved to RUNNING, durably, before any of its code runs. */
  readonly recordedAs: "PENDING" | "RUNNING";
}

/** What is at its limit of running calls: the server, or the function that is called. */
export type RunningLimit = "server" | "function";

/** Why the engine takes no further job. */
export type RejectionReason =
  | {
    readonly kind: "queue-full";
    /** Which limit keeps the call from running at once, and its value: that many calls run. */
    readonly runningLimit: RunningLimit;
    readonly maxRunning: number;
    /** Which limit of the queue is reached: of calls, or of the bytes of their inputs. */
    readonly queueLimit: "calls" | "bytes";
    /** Calls that wait, and the bytes of their inputs; without asynchronous ones where the call is synchronous. */
    readonly queued: number;
    readonly queuedBytes: number;
    readonly maxQueued: number;
    readonly maxQueuedBytes: number;
  }
  | {
    readonly kind: "wait-too-long";
    /** As above. */
    readonly runningLimit: RunningLimit;
    readonly maxRunning: number;
    /** Calls that get their turn in a second while that limit is reached, as measured. */
    readonly perSecond: number;
    /** What the call would have to wait by that, and how long it may be. */
    readonly expectedMs: number;
    readonly maxWaitMs: number;
  }
  | { readonly kind: "draining" }
  /** The nested call would be deeper than the limit. */
  | { readonly kind: "too-deep"; readonly maxDepth: number }
  /** The caller has made as many calls as one invocation may. */
  | { readonly kind: "too-many-nested"; readonly maxNested: number };

/** Thrown by {@link Engine.admit}; nothing was recorded. */
export class AdmissionRejected extends Error {
  constructor(readonly refusal: RejectionReason) {
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

/** A call that wants a place. */
export interface AdmissionRequest {
  readonly functionId: string;
  /** Bytes of its input, which the server holds in memory while the call waits. */
  readonly inputBytes: number;
  /** Whether somebody waits for its end: then it goes before others, and is refused where it would wait too long. */
  readonly mode: "sync" | "async";
}

/** How busy an engine is. */
export interface EngineLoad {
  readonly running: number;
  readonly waiting: number;
  /** Calls that get their turn in a second while all places are taken; undefined while that was not measured. */
  readonly perSecond: number | undefined;
}

/** A place among the running or the waiting. Disposing it gives it back, on every path. */
export interface Slot extends Disposable {
  /** True when it may run at once. */
  readonly isGranted: boolean;
  /** Resolves when it is this place's turn to run; never, once it was given back. */
  readonly granted: Promise<void>;
  /** A place for a call that the one of this place waits for; it never waits for this place to be given back. */
  nest(call: AdmissionRequest): Slot;
}

/** What runs in a sandbox without being an invocation. */
export interface UnrecordedJob extends Omit<SandboxJob, "script" | "sourceMap"> {
  /** Blob that holds the script. */
  readonly scriptDigest: string;
  /** Blob that holds the script's source map. */
  readonly sourceMapDigest: string;
}

/** What a trial works with once its turn has come. */
export interface UnrecordedRun {
  /** Aborts when it has to end; what still runs in sandboxes is killed by then. The reason is a `KillWord`. */
  readonly signal: AbortSignal;
  run(job: UnrecordedJob, hooks: RunHooks): Promise<SandboxOutcome>;
  /** Reads the text of a blob. */
  text(digest: string): Promise<string>;
}

/** Waits for news of one invocation. */
export interface InvocationSubscription extends Disposable {
  /** Resolves when something was recorded since the last call, or after `timeoutMs`. */
  next(timeoutMs: number): Promise<void>;
}

/** How an invocation finds a sandbox, and how its outcome finds its record. */
export interface Engine extends AsyncDisposable {
  /** Takes a place before anything is recorded. Throws {@link AdmissionRejected}. */
  admit(call: AdmissionRequest): Slot;
  /**
   * As {@link admit}, for a call that a running invocation makes and waits for, also while the engine drains: it
   * belongs to what may finish. Every call counts against the caller's limit, also one that is then not submitted.
   */
  admitNested(call: AdmissionRequest, caller: CallingInvocation): Slot;
  /** As {@link admit}, for a job that was accepted before a restart: it waits however long the queue is. */
  readmit(call: AdmissionRequest): Slot;
  /**
   * Runs the job and records how it ended; gives the place back. Resolves once the end is durable;
   * with undefined when a shutdown left an asynchronous job for the next start. Throws {@link QueueTimedOut}
   * once that end is durable.
   */
  submit(job: Job, place: Slot): Promise<InvocationEnd | undefined>;
  /**
   * Runs something of which nothing is recorded, on a place like any job's, and gives the place back; aborting
   * `signal` ends it. Rejects with what `work` rejects with. Throws {@link QueueTimedOut}.
   * @param id one that no other job has
   */
  runUnrecorded<T>(
    id: string,
    place: Slot,
    signal: AbortSignal,
    work: (trial: UnrecordedRun) => Promise<T>,
  ): Promise<T>;
  /** Kills the invocation and resolves once its end is recorded; false when it is not here. */
  cancel(invocationId: string): Promise<boolean>;
  /** Resolves when the invocation is not (or no longer) here. */
  left(invocationId: string): Promise<void>;
  subscribe(invocationId: string): InvocationSubscription;
  /** Keeps sandboxes ready for these scripts, called or not; replaces what was said before. */
  provision(
    provisioned: readonly { readonly scriptDigest: string; readonly count: number }[],
  ): Promise<void>;
  /** Takes no more jobs, lets running ones finish for at most `timeoutMs`, then interrupts them. */
  drain(timeoutMs: number): Promise<void>;
  /** False once a drain began. */
  readonly open: boolean;
  readonly load: EngineLoad;
}
