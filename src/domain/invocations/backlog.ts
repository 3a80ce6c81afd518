import { getLogger } from "@logtape/logtape";
import {
  AdmissionRejected,
  type AdmissionRequest,
  type Engine,
  type RejectionReason,
} from "../../engine/contract.ts";
import { pause } from "../../shared/pause.ts";
import type { UnfinishedInvocations } from "../../store/invocations.ts";
import type { Store } from "../../store/mod.ts";
import { rejected } from "./admission.ts";

const logger = getLogger(["invoked", "domain"]);

/** How old a count may be; a slow count holds for longer, so that counting takes a tenth of the time at most. */
const COUNT_MAX_AGE_MS = 100;
const COUNT_SHARE = 10;
/** How long a probe waits for a count: load balancers give a probe a second or two. */
const COUNT_WAIT_MS = 500;

/** Limits of the backlog of all nodes, each a named setting. */
interface BacklogLimits {
  readonly maxQueued: number;
  readonly maxQueuedBytes: number;
}

/**
 * Bounds the asynchronous invocations that wait for workers, over all nodes. Each node counts them in the database, and
 * adds what it accepts itself until the next count. So what other nodes accept within that time goes beyond the limits.
 */
export class Backlog {
  #counted: Pick<UnfinishedInvocations, "running" | "waiting" | "waitingBytes"> = {
    running: 0,
    waiting: 0,
    waitingBytes: 0,
  };
  #validUntil = -Infinity;
  #counting: Promise<void> | undefined;
  /** Accepted here since the count began, and what was not recorded when it began. */
  #added = { invocations: 0, bytes: 0 };
  /** Accepted here and not recorded yet. */
  #unrecorded = { invocations: 0, bytes: 0 };

  constructor(
    private readonly parts: {
      readonly store: Store;
      readonly engine: Engine;
      readonly limits: BacklogLimits;
    },
  ) {}

  /**
   * Accepts an invocation whose row is written next; dispose the result after the write.
   * @throws QUEUE_FULL
   */
  async accept(request: AdmissionRequest): Promise<Disposable> {
    if (performance.now() >= this.#validUntil) await (this.#counting ??= this.#count());
    const reason = this.#rejection(request);
    if (reason !== undefined) throw rejected(request, new AdmissionRejected(reason));
    const change = (sum: { invocations: number; bytes: number }, by: 1 | -1) => {
      sum.invocations += by;
      sum.bytes += by * request.inputBytes;
    };
    change(this.#added, 1);
    change(this.#unrecorded, 1);
    return { [Symbol.dispose]: () => change(this.#unrecorded, -1) };
  }

  /**
   * Why an invocation would be rejected; undefined if it would be accepted. The count is as fresh as for an invocation,
   * unless the database does not answer within {@link COUNT_WAIT_MS}: the last count then decides.
   */
  async rejection(request: AdmissionRequest): Promise<RejectionReason | undefined> {
    if (performance.now() >= this.#validUntil) await this.#countSoon();
    return this.#rejection(request);
  }

  /** Never throws: a count that fails or takes long is left to the next question. */
  async #countSoon(): Promise<void> {
    const counted = new AbortController();
    try {
      const counting = this.#counting ??= this.#count();
      await Promise.race([counting, pause(COUNT_WAIT_MS, counted.signal)]);
    } catch (error) {
      logger.debug("Failed to count waiting invocations: {error}", { error });
    } finally {
      counted.abort();
    }
  }

  async #count(): Promise<void> {
    const began = performance.now();
    const unrecorded = { ...this.#unrecorded };
    try {
      this.#counted = await this.parts.store.read.invocations.unfinishedInvocations();
      this.#added = unrecorded;
      const ended = performance.now();
      this.#validUntil = ended + Math.max(COUNT_MAX_AGE_MS, COUNT_SHARE * (ended - began));
    } finally {
      this.#counting = undefined;
    }
  }

  #rejection(request: AdmissionRequest): RejectionReason | undefined {
    const { limits: { maxQueued, maxQueuedBytes }, engine: { load: { maxRunning } } } = this.parts;
    const { running } = this.#counted;
    const waiting = this.#counted.waiting + this.#added.invocations;
    // Those that get a free slot now do not wait.
    const queued = waiting - Math.max(0, maxRunning - running);
    const queuedBytes = this.#counted.waitingBytes + this.#added.bytes;
    const isFull = queued >= 0;
    const isBelowCount = queued < maxQueued;
    if (!isFull || isBelowCount && queuedBytes + request.inputBytes <= maxQueuedBytes) {
      return undefined;
    }
    return {
      kind: "queue-full",
      queueLimit: isBelowCount ? "bytes" : "invocations",
      queued,
      queuedBytes,
      maxQueued,
      maxQueuedBytes,
      runningLimit: "workers",
      maxRunning,
    };
  }
}
