import type { KillCode } from "../sandbox/contract.ts";
import { Lifecycle } from "../shared/lifecycle.ts";
import type { NotStarted, Overloaded, RunRequest, Slot } from "./contract.ts";

/** Why a run that is still queued has to end; the reason of its abort signal. */
type StopReason = KillCode | "QUEUE_TIMEOUT" | "LEFT_FOR_NEXT_START" | Overloaded;

const NOT_STARTED: Readonly<Record<Exclude<StopReason, Overloaded>, NotStarted>> = {
  CANCELLED: "cancelled",
  INTERRUPTED: "interrupted",
  QUEUE_TIMEOUT: "queue-timeout",
  LEFT_FOR_NEXT_START: "left-for-next-start",
};

/**
 * One run that the engine tracks. Modes: `queued` until its slot is granted, `running`, `ended` once it is disposed.
 */
class ActiveRun implements Disposable {
  readonly #request: RunRequest;
  readonly #onEnd: (id: string) => void;
  readonly #stop = new AbortController();
  readonly #left = Promise.withResolvers<void>();
  readonly #lifecycle = new Lifecycle<"queued" | "running" | "ended">("a run", "queued", {
    queued: ["running", "ended"],
    running: ["ended"],
    ended: [],
  });
  readonly slot: Slot;
  /** What is left of the wait for a slot. */
  #waitMs = Infinity;
  #queueTimeoutMs = Infinity;
  /** Nested calls that it requested. */
  nestedCalls = 0;

  constructor(request: RunRequest, slot: Slot, onEnd: (id: string) => void) {
    this.#request = request;
    this.slot = slot;
    this.#onEnd = onEnd;
    request.signal?.addEventListener("abort", this.#cancel, { once: true });
    if (request.signal?.aborted) this.#cancel();
  }

  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** Resolves when the run was disposed. */
  get left(): Promise<void> {
    return this.#left.promise;
  }

  /** Waits for the slot, at most `queueTimeoutMs` where a caller waits. */
  async start(queueTimeoutMs: number): Promise<NotStarted | undefined> {
    const since = performance.now();
    if (!this.slot.isGranted) await this.#waitForSlot(queueTimeoutMs);
    this.#waitMs = Math.max(0, queueTimeoutMs - (performance.now() - since));
    this.#queueTimeoutMs = queueTimeoutMs;
    if (this.signal.aborted) {
      const reason = this.signal.reason as StopReason;
      return typeof reason === "string" ? NOT_STARTED[reason] : reason;
    }
    this.#lifecycle.set("running");
    return undefined;
  }

  /** How long a job may wait for a worker: the first one what the slot left of the wait, a further one all of it. */
  takeWaitMs(): number {
    const waitMs = this.#waitMs;
    this.#waitMs = this.#queueTimeoutMs;
    return waitMs;
  }

  /** Ends the run with all that runs for it. */
  kill(code: KillCode): void {
    this.#stop.abort(code);
  }

  /** Ends the run as `INTERRUPTED:` if it runs; one that is queued stays so. */
  interrupt(): void {
    if (this.#lifecycle.is("running")) this.kill("INTERRUPTED");
  }

  /** The server stops: what is queued without a caller stays recorded for the next start. */
  drain(): void {
    if (this.#request.mode === "async" && this.#lifecycle.is("queued")) {
      this.#stop.abort("LEFT_FOR_NEXT_START" satisfies StopReason);
    }
  }

  [Symbol.dispose](): void {
    if (this.#lifecycle.is("ended")) return;
    this.#lifecycle.set("ended");
    this.#request.signal?.removeEventListener("abort", this.#cancel);
    this.slot[Symbol.dispose]();
    this.#onEnd(this.#request.id);
    this.#left.resolve();
  }

  async #waitForSlot(timeoutMs: number): Promise<void> {
    const timer = this.#request.mode === "sync"
      ? setTimeout(() => this.#stop.abort("QUEUE_TIMEOUT" satisfies StopReason), timeoutMs)
      : undefined;
    this.slot.onOverdue = (overdue) =>
      this.#stop.abort({ kind: "overloaded", overdue } satisfies StopReason);
    await Promise.race([this.slot.granted, aborted(this.signal)]);
    this.slot.onOverdue = undefined;
    clearTimeout(timer);
  }

  readonly #cancel = () => this.kill("CANCELLED");
}

/** The runs of one engine, recorded or not. */
export class ActiveRuns {
  readonly #runs = new Map<string, ActiveRun>();

  get(id: string): ActiveRun | undefined {
    return this.#runs.get(id);
  }

  add(request: RunRequest, slot: Slot): ActiveRun {
    const run = new ActiveRun(request, slot, (id) => this.#runs.delete(id));
    this.#runs.set(request.id, run);
    return run;
  }

  /** Interrupts every run that has its slot. */
  interrupt(): void {
    for (const run of this.#runs.values()) run.interrupt();
  }

  /** Drains every run, and kills those that have not ended after `timeoutMs`. */
  async drain(timeoutMs: number): Promise<void> {
    for (const run of this.#runs.values()) run.drain();
    const interrupt = setTimeout(() => {
      for (const run of this.#runs.values()) run.kill("INTERRUPTED");
    }, timeoutMs);
    // Running invocations may begin further ones meanwhile.
    while (this.#runs.size > 0) {
      await Promise.all(Array.from(this.#runs.values(), ({ left }) => left));
    }
    clearTimeout(interrupt);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) =>
    signal.addEventListener("abort", () => resolve(), { once: true })
  );
}
