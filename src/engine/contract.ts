/**
 * The port of the engine: it admits invocations, and runs jobs in instances.
 *
 * Jobs and outcomes are plain data, so that they can travel to another machine. Whoever submits a job opens and closes
 * what surrounds it: its record, its secrets, its volume.
 */
import type {
  Evaluation,
  Host,
  Measurements,
  MemoryLimit,
  SandboxJob,
  SandboxLog,
  SandboxOutcome,
} from "../sandbox/contract.ts";
import type { TraceHeaders } from "../shared/trace_headers.ts";
import type { Reservation, WorkerSlot } from "./worker_slots.ts";

/** Identifies a running invocation to the operations that it calls; plain data. */
export interface InvocationContext {
  readonly invocationId: string;
  readonly functionId: string;
  /** Invocations between this one and the invocation from outside; 0 for the invocation from outside itself. */
  readonly depth: number;
  /** Of the span in which its code runs, the parent of the invocations that it makes. */
  readonly trace: TraceHeaders;
}

export type { Evaluation, Measurements };

/** What runs in one instance; plain data. */
export interface Job extends Omit<SandboxJob, "script"> {
  /** Digest of the commit blob that holds the script. */
  readonly scriptDigest: string;
  /** Digest of the commit blob that holds the script's source map. */
  readonly sourceMapDigest: string;
}

/** How a job ended; plain data. A worker measures by its own clock. `code` of an error is one of docs/errors.md. */
export type Outcome =
  | Extract<SandboxOutcome, { kind: "success" }>
  | Omit<Extract<SandboxOutcome, { kind: "error" }>, "code"> & { readonly code: string };

/** The invocation waits for another attempt. */
export interface Repeat {
  readonly kind: "repeat";
  /** The number of the last attempt that counts, as it is recorded. */
  readonly attempt: number;
  /** Whether the next attempt waits for its time. */
  readonly isDelayed: boolean;
}

/** A caller waits for the invocation, and its function has started as many attempts as it may within a period. */
export interface RateLimited {
  readonly kind: "rate-limited";
  readonly calls: number;
  readonly periodMs: number;
  /** When it might start, in milliseconds from now. */
  readonly waitMs: number;
}

/** Why the record of an attempt keeps it from starting. */
export type NotBegun =
  /** The invocation has ended meanwhile, or is another node's. */
  | { readonly kind: "over" }
  /** The function may run no further invocation now. */
  | { readonly kind: "full" }
  | Repeat
  | RateLimited;

/** None of the job's code ran: within the wait no worker had a free slot, or no instance could be started. */
export interface NotPlaced {
  readonly kind: "not-placed";
  /** For logs. */
  readonly reason: string;
}

/** What became of a job: it ran and ended, or none of its code ran. */
export type Ran = Outcome | NotPlaced | NotBegun;

/** Where a job's host calls and log lines go while it runs. */
export interface JobPorts {
  readonly host: Host;
  /** Called for every log line, in order, before the outcome is known. */
  readonly onLog: (log: SandboxLog) => void;
  /**
   * Called with the worker that gets the job, before it gets the job, or with null for this process, unless the record
   * names the same already: the record of it must be durable. An answer keeps the job from running, and is that of
   * {@link JobRunner.run}. A run with a {@link WorkerSlot} has a record that names the worker, and another run a record
   * without a worker.
   */
  readonly onAssigned?: (worker: string | null) => Promise<NotBegun | undefined>;
  /**
   * Called once a job that may have waited for a worker has its slot there, or here, and before it gets the job; again if
   * that worker is lost before. An answer keeps the job from running, and is that of {@link JobRunner.run}. Not
   * called by a runner that runs jobs in this process alone, nor for a claim.
   */
  readonly onPlaced?: (() => Promise<NotBegun | undefined>) | undefined;
}

/** What decides which workers may run a job. */
export interface JobNeeds extends Pick<Job, "scriptDigest"> {
  readonly limits: MemoryLimit;
}

/** Reads commit blobs as text. */
export interface ArtifactSource {
  text(digest: string): Promise<string>;
}

/** Where a job may run. */
export interface Placement {
  /** Id of the run: of the invocation, or of an ephemeral run. */
  readonly runId: string;
  /** Id of the run that waits for this one. */
  readonly callerId?: string | undefined;
  /** How long the job may wait for a worker with a free slot, or for an instance while none starts, in milliseconds; without a limit if absent. */
  readonly waitMs?: number | undefined;
  /** Resolves once the job continues without a slot. */
  readonly slotReleased?: Promise<void> | undefined;
  /** The slot of a worker for this job. */
  readonly workerSlot?: WorkerSlot | undefined;
}

/** Runs jobs: in instances of this machine, or on workers. */
export interface JobRunner {
  /**
   * Every ending that the function or a lost worker causes is an {@link Outcome}. Rejects for an error of this machine.
   * @param signal kills the instance; its reason is a `KillCode`
   */
  run(job: Job, ports: JobPorts, signal: AbortSignal, placement: Placement): Promise<Ran>;
  /** @see Engine.reserve; absent from a runner that runs jobs in this process alone */
  reserve?(needs: JobNeeds): Reservation | undefined;
  /** Keeps instances prewarmed with these scripts; replaces the last list. */
  prewarm(scripts: readonly Prewarmed[]): Promise<void>;
  /** Why no job can begin for now, for everybody; undefined while jobs can. No slot is granted meanwhile. */
  readonly error: string | undefined;
  /** Calls back after each change of {@link error}. */
  onErrorChange(listener: () => void): void;
}

/** A script with the memory limit of its invocations, and how many instances wait with it. */
export interface Prewarmed extends MemoryLimit {
  readonly scriptDigest: string;
  /** Absent from API nodes of earlier versions. */
  readonly sourceMapDigest?: string | undefined;
  readonly count: number;
  readonly evaluation?: Evaluation | undefined;
}

/**
 * Which limit of running invocations is reached: that of all invocations here or on workers, of each function, the
 * function's own, or of asynchronous invocations. `outage` while no invocation can begin.
 */
export type RunningLimit = "server" | "workers" | "function" | "own" | "async" | "outage";

/** Why the engine admits no further invocation. */
export type RejectionReason =
  | {
    readonly kind: "queue-full";
    /** The limit that keeps the invocation from running at once, and its value. */
    readonly runningLimit: RunningLimit;
    readonly maxRunning: number;
    /** Which limit of the queue is reached: the number of invocations, or the bytes of their inputs. */
    readonly queueLimit: "invocations" | "bytes";
    /** Queued invocations and the bytes of their inputs; asynchronous invocations do not count for a synchronous one. */
    readonly queued: number;
    readonly queuedBytes: number;
    readonly maxQueued: number;
    readonly maxQueuedBytes: number;
  }
  | {
    readonly kind: "wait-too-long";
    readonly runningLimit: RunningLimit;
    readonly maxRunning: number;
    /** Slots granted per second while that limit is reached, as measured. */
    readonly perSecond: number;
    /** The estimated wait, and the limit of it. */
    readonly expectedMs: number;
    readonly maxWaitMs: number;
  }
  | { readonly kind: "draining" }
  /** The nested invocation would exceed the limit of depth. */
  | { readonly kind: "too-deep"; readonly maxDepth: number }
  /** The caller has made as many nested invocations as one invocation may. */
  | { readonly kind: "too-many-nested"; readonly maxNested: number };

/** Thrown by {@link Engine.admit}; the invocation left no trace. */
export class AdmissionRejected extends Error {
  override name = "AdmissionRejected";
  constructor(readonly reason: RejectionReason) {
    super(reason.kind);
  }
}

/** An invocation that requests a slot. */
export interface AdmissionRequest {
  readonly functionId: string;
  /** Bytes of its input, which the server keeps in memory while the invocation is queued. */
  readonly inputBytes: number;
  /** `sync` has a caller that waits: it goes before `async`, and is rejected rather than queued for too long. */
  readonly mode: "sync" | "async";
  /** Invocations of its function that may run at the same time; the limit of the server if absent. */
  readonly maxConcurrency?: number;
}

/** A wait for a slot that would be too long, in milliseconds. */
export interface Overdue {
  /** Since the request. */
  readonly waitedMs: number;
  /** From now on, as measured. */
  readonly expectedMs: number;
  readonly maxWaitMs: number;
}

/** The right to run one invocation, requested or granted. Disposing it releases it. */
export interface Slot extends Disposable {
  readonly isGranted: boolean;
  /** Resolves when the slot is granted; never after its release. */
  readonly granted: Promise<void>;
  /** Called when the slot of an invocation from outside would be granted too late: then it is not granted at all. */
  onOverdue: ((overdue: Overdue) => void) | undefined;
  /**
   * Requests a slot for an invocation that this slot's invocation waits for; it never waits for the release of this
   * slot.
   */
  nest(request: AdmissionRequest): Slot;
}

/** Load of an engine. */
export interface EngineLoad {
  /** Invocations that may run at the same time, on all workers if the engine has workers. */
  readonly maxRunning: number;
  readonly running: number;
  readonly queued: number;
  /** Slots granted per second while all are taken; undefined without a recent measurement. */
  readonly perSecond: number | undefined;
}

/** Invocations of one function that the engine has. */
export interface FunctionLoad {
  readonly functionId: string;
  readonly running: number;
  readonly queued: number;
}

/** A run to start. */
export interface RunRequest {
  /** Unique among the runs of the engine: the id of the invocation, or of an ephemeral run. */
  readonly id: string;
  readonly mode: AdmissionRequest["mode"];
  /** Aborts when the caller no longer waits for the outcome; this cancels the run. */
  readonly signal?: AbortSignal | undefined;
  /** The claim that this run answers, or its reservation. */
  readonly workerSlot?: WorkerSlot | undefined;
}

/** The wait that ends a run before it starts. */
export interface Overloaded {
  readonly kind: "overloaded";
  readonly overdue: Overdue;
}

/** Why a run ends before any code of it ran. */
export type NotStarted =
  | "cancelled"
  | "interrupted"
  /** The slot of a synchronous invocation was not granted in time. */
  | "queue-timeout"
  /** The slot would be granted too late, by what is measured by now. */
  | Overloaded
  /** A shutdown leaves an asynchronous invocation for the next start. */
  | "left-for-next-start";

/**
 * One run, recorded or not, from its admission to the end of its record. Disposing it releases the slot, and resolves
 * whoever waits for the end of the run.
 */
export interface Run extends Disposable {
  /** Aborts when the run has to end; running instances are killed by then. The reason is a `KillCode`. */
  readonly signal: AbortSignal;
  /** Resolves with undefined once the slot is granted, or with the reason why the run must not start. */
  start(): Promise<NotStarted | undefined>;
  /**
   * Runs a job in an instance. Call it after {@link start}; an ephemeral run may call it several times.
   * @param signal kills this instance alone; its reason is a `KillCode`
   */
  execute(job: Job, ports: JobPorts, signal?: AbortSignal): Promise<Ran>;
  /** Releases the slot of a run that continues without one. */
  releaseSlot(): void;
}

/** Admits invocations, and runs their jobs here or on another machine. */
export interface Engine extends AsyncDisposable {
  /** Requests a slot before anything is recorded. Throws {@link AdmissionRejected}. */
  admit(request: AdmissionRequest): Slot;
  /**
   * As {@link admit}, for an invocation that a running invocation makes and waits for; also while the engine drains.
   * Every request counts against the caller's limit, submitted or not.
   */
  admitNested(request: AdmissionRequest, caller: InvocationContext): Slot;
  /** Begins to admit invocations that came while no server ran: for a while none is rejected because of its wait. */
  catchUp(): void;
  /** As {@link admit}, for an invocation that was accepted before a restart: no limit of the queue applies. */
  readmit(request: AdmissionRequest): Slot;
  /** A granted slot for an invocation that a worker claimed: the worker holds a slot of its own for the invocation. */
  admitClaimed(request: AdmissionRequest): Slot;
  /**
   * Asks a worker for a slot before the invocation is recorded, so that the answer of the worker and the record travel at
   * the same time. Undefined if this process runs the job, or if no worker is likely to have a slot.
   */
  reserve(needs: JobNeeds): Reservation | undefined;
  /**
   * Does the work that records and begins a claimed invocation. A drain waits for the work, and then for the run: an
   * invocation that is recorded as RUNNING cannot be left for the next start.
   * @returns undefined, without the work, once a drain began
   */
  startClaim<T>(work: () => Promise<T>): Promise<T | undefined>;
  /** Takes charge of the slot and tracks the run until it is disposed. */
  begin(request: RunRequest, slot: Slot): Run;
  /** Kills the run and resolves once it was disposed; false when the engine has no such run. */
  cancel(id: string): Promise<boolean>;
  /** Interrupts every run that has its slot: others may own them. What is queued stays so. */
  interrupt(): void;
  /** Whether the engine has such a run. */
  has(id: string): boolean;
  /** Resolves when the engine has no such run, or no longer. */
  left(id: string): Promise<void>;
  /** Keeps instances prewarmed with these scripts; replaces the last list. */
  prewarm(scripts: readonly Prewarmed[]): Promise<void>;
  /**
   * Lets running invocations finish for at most `timeoutMs`, then interrupts them. Resolves when none runs.
   * @param admits whether invocations are admitted until then, and afterwards
   */
  drain(timeoutMs: number, admits: boolean): Promise<void>;
  /** False once a drain began: what has no waiting caller is left for the next start. */
  readonly isOpen: boolean;
  /** Whether it has a run, with or without a slot. */
  readonly isBusy: boolean;
  /** Why {@link admit} would reject an invocation now; undefined if it would admit the invocation. */
  rejection(request: AdmissionRequest): RejectionReason | undefined;
  /** Whether {@link admit} admits. */
  readonly isAdmitting: boolean;
  readonly load: EngineLoad;
  /** The functions with running or queued invocations. */
  readonly functionLoads: readonly FunctionLoad[];
  /**
   * Why no invocation begins for now, for everybody; undefined while invocations begin. Invocations are queued
   * meanwhile.
   */
  readonly error: string | undefined;
  /** How long a synchronous invocation waits for its slot, in milliseconds. */
  readonly queueTimeoutMs: number;
}
