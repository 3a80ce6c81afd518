import { getLogger } from "@logtape/logtape";
import type {
  Job,
  JobNeeds,
  JobPorts,
  JobRunner,
  Placement,
  Prewarmed,
  Ran,
} from "../../engine/contract.ts";
import type { Reservation } from "../../engine/worker_slots.ts";
import { killCodeOf, killed } from "../../sandbox/instance/outcome.ts";
import type { Slots } from "../worker/slots.ts";
import type { Registry } from "../registry/registry.ts";
import { formatBytes } from "../../config/mod.ts";
import type { MemoryMaximum } from "../../sandbox/contract.ts";
import { hasMemory } from "../link/messages.ts";
import { choose } from "./choose.ts";
import { SlotClaim } from "./claims.ts";
import type { OwnerSession, Rejection } from "./owner_session.ts";
import type { Prewarming } from "./prewarming.ts";
import { RecordedWorker } from "./recorded_worker.ts";
import { ReservedSlot } from "./reserved_slot.ts";
import type { Sessions } from "./sessions.ts";

const logger = getLogger(["invoked", "cluster"]);

/** Longest wait before workers are asked again: the news of a free slot may be lost. */
const ASK_AGAIN_MS = 500;

/** What an API node can run itself. */
interface LocalCapacity {
  readonly runner: JobRunner;
  readonly slots: Slots;
  /** Invocations with more memory do not run there. */
  readonly maximum: MemoryMaximum;
}

/** Where a job runs: in this process, or in a session with a worker. */
type TakenSlot = { readonly slot: Disposable } | { readonly session: OwnerSession };

/** A run that has a slot, for the nested invocations that the run waits for. */
interface PlacedRun {
  /** Undefined for a run in this process. */
  readonly session: OwnerSession | undefined;
  /** Whether a nested invocation runs in its slot. */
  isLent: boolean;
}

/** Runs jobs on the workers of a cluster, and on this API node as far as it has slots. */
export class Dispatcher implements JobRunner {
  readonly #placed = new Map<string, PlacedRun>();

  constructor(
    private readonly sessions: Sessions,
    private readonly registry: Registry,
    private readonly local: LocalCapacity,
    private readonly prewarming: Prewarming,
  ) {}

  async run(
    job: Job,
    given: JobPorts,
    signal: AbortSignal,
    placement: Placement,
  ): Promise<Ran> {
    const { workerSlot } = placement;
    const recorded = new RecordedWorker(given.onAssigned, workerSlot?.worker ?? null);
    const ports = recorded.portsOf(given);
    if (workerSlot instanceof SlotClaim) {
      return await this.#runClaimed(job, ports, signal, workerSlot, placement.runId);
    }
    const deadline = performance.now() + (placement.waitMs ?? Infinity);
    let reserved = workerSlot instanceof ReservedSlot ? workerSlot : undefined;
    for (;;) {
      const taken = reserved && await this.#useReserved(reserved, job, ports);
      // The row names the worker for this session alone: a later write shows that the run is still this node's.
      if (reserved !== undefined && taken === undefined) recorded.forget();
      reserved = undefined;
      const location = taken ?? await this.#findSlot(job, ports, placement, deadline, signal);
      if ("kind" in location) return location;
      const ran = await this.#runAt(location, job, ports, signal, placement);
      // None of its code ran: another worker may be able to run it.
      if (ran.kind !== "not-placed") return ran;
      if ("session" in location) recorded.forget();
    }
  }

  reserve(needs: JobNeeds): Reservation | undefined {
    if (this.local.slots.free > 0 && this.#isRunnableHere(needs)) return undefined;
    const [worker] = choose(this.registry.workers, needs);
    if (worker === undefined || worker.free === 0) return undefined;
    const { id, heartbeat: { publicKey } } = worker;
    this.registry.adjust(id, -1);
    const session = this.sessions.offer(id, { job: needs });
    return new ReservedSlot(
      session,
      publicKey,
      () => this.#release(session),
      (rejection) => this.#rejected(session, rejection),
    );
  }

  /** Never set: workers come and go, and a process that cannot start instances has no slots. */
  get error(): undefined {
    return undefined;
  }

  onErrorChange(): void {}

  async prewarm(scripts: readonly Prewarmed[]): Promise<void> {
    this.prewarming.set(scripts);
    if (this.local.slots.capacity > 0) await this.local.runner.prewarm(scripts);
  }

  async #runAt(
    location: TakenSlot,
    job: Job,
    ports: JobPorts,
    signal: AbortSignal,
    placement: Placement,
  ): Promise<Ran> {
    const session = "session" in location ? location.session : undefined;
    this.#placed.set(placement.runId, { session, isLent: false });
    try {
      if ("slot" in location) {
        return await this.#runHere(location.slot, job, ports, signal, placement);
      }
      return await ports.onPlaced?.() ?? await location.session.run(job, ports, signal);
    } finally {
      this.#placed.delete(placement.runId);
      this.#release(session);
    }
  }

  async #runHere(
    slot: Disposable,
    job: Job,
    ports: JobPorts,
    signal: AbortSignal,
    placement: Placement,
  ): Promise<Ran> {
    using _ = slot;
    placement.slotReleased?.then(() => slot[Symbol.dispose]());
    const waitMs = Math.min(placement.waitMs ?? Infinity, ASK_AGAIN_MS);
    return await ports.onAssigned?.(null) ?? await ports.onPlaced?.() ??
      await this.local.runner.run(job, ports, signal, { ...placement, waitMs });
  }

  async #runClaimed(
    job: Job,
    ports: JobPorts,
    signal: AbortSignal,
    claim: SlotClaim,
    runId: string,
  ): Promise<Ran> {
    const { location } = claim;
    this.#placed.set(runId, { session: claim.session, isLent: false });
    try {
      if (location.kind === "worker") location.session.prepare(location.publicKey, job, ports);
      await claim.answered;
      if (location.kind === "here") {
        return await this.local.runner.run(job, ports, signal, { runId, waitMs: ASK_AGAIN_MS });
      }
      return await location.session.run(job, ports, signal);
    } finally {
      this.#placed.delete(runId);
    }
  }

  /** Finds a free slot, unless the run is ended meanwhile, or has waited for too long. */
  async #findSlot(
    job: Job,
    ports: JobPorts,
    placement: Placement,
    deadline: number,
    signal: AbortSignal,
  ): Promise<TakenSlot | Ran> {
    while (!signal.aborted) {
      const { changed } = this.registry;
      const location = this.#takeHere(job) ?? await this.#ask(job, ports) ??
        await this.#borrow(job, placement);
      if (location !== undefined) return location;
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) {
        this.#noteMemory(job);
        return { kind: "not-placed", reason: "no worker had a free slot in time" };
      }
      await waitFor([changed, this.local.slots.changed], Math.min(leftMs, ASK_AGAIN_MS), signal);
    }
    return killed(killCodeOf(signal));
  }

  /** The slot of a reservation, once its worker accepts. */
  async #useReserved(
    reserved: ReservedSlot,
    job: Job,
    ports: JobPorts,
  ): Promise<TakenSlot | undefined> {
    if (!reserved.take()) return undefined;
    const { session, publicKey } = reserved;
    session.prepare(publicKey, job, ports);
    return await reserved.answered === undefined ? { session } : undefined;
  }

  /** @param rejection why the worker does not take the job */
  #rejected(session: OwnerSession, rejection: Rejection): void {
    if (rejection !== "full") this.registry.forget(session.worker);
  }

  #takeHere(job: Job): TakenSlot | undefined {
    const slot = this.#isRunnableHere(job) ? this.local.slots.take() : undefined;
    return slot === undefined ? undefined : { slot };
  }

  #isRunnableHere({ limits }: JobNeeds): boolean {
    return hasMemory(this.local.maximum, limits);
  }

  /** Reports an invocation that no worker may run, now or later. */
  #noteMemory(job: Job): void {
    const { limits } = job;
    const { workers } = this.registry;
    const isHere = this.local.slots.capacity > 0 && this.#isRunnableHere(job);
    const isAnywhere = isHere || workers.some(({ heartbeat }) => hasMemory(heartbeat, limits));
    if (workers.length === 0 || isAnywhere) return;
    logger.warn("An invocation with {memory} waits in vain: no worker has such a --max-memory", {
      memory: formatBytes(limits.memoryBytes ?? 0),
    });
  }

  /** Asks the workers with free slots one after another. */
  async #ask(job: Job, ports: JobPorts): Promise<TakenSlot | undefined> {
    for (const { id, free, heartbeat } of choose(this.registry.workers, job)) {
      this.registry.adjust(id, -1);
      const session = this.sessions.offer(id, { job });
      // The worker is likely to accept.
      if (free > 0) session.prepare(heartbeat.publicKey, job, ports);
      const rejection = await session.offered();
      if (rejection === undefined) return { session };
      this.#rejected(session, rejection);
    }
    return undefined;
  }

  /** A nested invocation may run in its caller's slot while no other does: otherwise callers could hold all slots. */
  async #borrow(job: Job, { callerId }: Placement): Promise<TakenSlot | undefined> {
    const caller = callerId === undefined ? undefined : this.#placed.get(callerId);
    if (caller === undefined || caller.isLent) return undefined;
    if (caller.session === undefined && !this.#isRunnableHere(job)) return undefined;
    caller.isLent = true;
    const giveBack = { [Symbol.dispose]: () => void (caller.isLent = false) };
    if (caller.session === undefined) return { slot: giveBack };
    const { worker, id: lentBy } = caller.session;
    const session = this.sessions.offer(worker, { job, lentBy });
    const rejection = await session.offered();
    caller.isLent = false;
    return rejection === undefined ? { session } : undefined;
  }

  #release(session: OwnerSession | undefined): void {
    if (session === undefined) return;
    session.close();
    this.registry.adjust(session.worker, 1);
  }
}

/** Resolves with the first of these, after the time, or once the signal aborts. */
async function waitFor(
  changes: readonly Promise<void>[],
  ms: number,
  signal: AbortSignal,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  const onAbort = () => resolve();
  signal.addEventListener("abort", onAbort);
  await Promise.race([promise, ...changes]);
  signal.removeEventListener("abort", onAbort);
  clearTimeout(timer);
}
