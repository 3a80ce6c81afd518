/** How invocations end: waits for the end, and the outcomes of invocations that the server ends or does not run. */
import { getLogger } from "@logtape/logtape";
import type { Engine, NotStarted, Outcome } from "../../engine/contract.ts";
import type { InvocationNotifier } from "../../engine/notifier.ts";
import type { InvocationRow } from "../../store/invocations.ts";
import type { Store } from "../../store/mod.ts";
import type { Ownership } from "../ownership/contract.ts";
import { formatDuration } from "../../config/mod.ts";
import { damageOf } from "../../store/damage.ts";
import { RunEnd } from "../endpoints/ends.ts";
import { DomainError } from "../errors.ts";
import { waitsTooLong } from "./admission.ts";
import { traceIdOf } from "./trace.ts";

/** How often the end on another node is looked for without a notification, which may be lost. */
const POLL_INTERVAL_MS = 1_000;

/** Waits for the ends of invocations, here or on other nodes. */
export class InvocationEnds {
  /** Invocations whose row others may see, and which the engine does not track yet. */
  readonly #starting = new Map<string, Promise<void>>();

  constructor(
    private readonly parts: {
      readonly store: Store;
      readonly engine: Engine;
      readonly notifier: InvocationNotifier;
      readonly ownership: Ownership;
    },
  ) {}

  /** Marks a row as visible before the engine tracks its run, until disposed. */
  announceStart(id: string): Disposable {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#starting.set(id, promise);
    return {
      [Symbol.dispose]: () => {
        this.#starting.delete(id);
        resolve();
      },
    };
  }

  /** Whether an invocation is about to begin here: the engine does not track it yet. */
  isStarting(id: string): boolean {
    return this.#starting.has(id);
  }

  /** Resolves once the engine tracks an invocation that begins here. */
  async begun(id: string): Promise<void> {
    await this.#starting.get(id);
  }

  /**
   * Resolves once the invocation has ended, when the signal aborts, or when nothing runs the invocation and it may not
   * end here or elsewhere.
   */
  async wait(functionId: string, id: string, signal: AbortSignal): Promise<void> {
    const { engine, ownership } = this.parts;
    const aborted = new Promise<void>((resolve) =>
      signal.addEventListener("abort", () => resolve(), { once: true })
    );
    for (;;) {
      await this.begun(id);
      await Promise.race([engine.left(id), aborted]);
      if (signal.aborted) return;
      if (await ownership.mayStillEnd(id)) {
        return await this.#watch(functionId, id, aborted, signal);
      }
      // Its delay may have ended since it was looked for in the engine.
      if (!engine.has(id) && !this.isStarting(id)) return;
    }
  }

  async #watch(
    functionId: string,
    id: string,
    aborted: Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    const { store, notifier } = this.parts;
    using subscription = notifier.subscribe(id);
    while (!signal.aborted) {
      const status = (await store.read.invocations.state(functionId, id))?.status;
      if (status !== "PENDING" && status !== "RUNNING") return;
      await Promise.race([subscription.next(POLL_INTERVAL_MS), aborted]);
    }
  }
}

const logger = getLogger(["invoked", "domain"]);

/** The end of an invocation that could not run for a reason of the server. */
export function cannotRun(
  row: Pick<InvocationRow, "id" | "traceparent">,
  error: unknown,
): Outcome {
  if (error instanceof DomainError && error.reason === "VOLUME_NOT_FOUND") {
    return interrupted("it could not run: its volume was deleted before it started");
  }
  const named = { invocationId: row.id, traceId: traceIdOf(row) };
  const damage = damageOf(error);
  if (damage !== undefined) {
    logger.error("Failed to run invocation {invocationId}: {message}", {
      ...named,
      message: damage.message,
    });
    return interrupted(`it could not run: ${damage.message}`);
  }
  logger.error("Failed to run invocation {invocationId}", { ...named, error });
  return interrupted("the server could not run it; its log has the reason");
}

/** The end of an invocation whose code did not run. */
export function notStartedOutcome(
  reason: Exclude<NotStarted, "left-for-next-start">,
  signal: AbortSignal | undefined,
  queueTimeoutMs: number,
): Outcome {
  if (typeof reason !== "string") {
    return cancelled(`the invocation was not run: ${waitsTooLong(reason)}`);
  }
  switch (reason) {
    case "queue-timeout":
      return cancelled(
        `the invocation was queued for longer than the limit of ${
          formatDuration(queueTimeoutMs)
        } (--queue-timeout); none of its code ran`,
      );
    case "cancelled":
      return cancelledWithCaller(
        cancelled("the invocation was cancelled before it started"),
        signal,
      );
    case "interrupted":
      return interrupted("the server stopped before it started");
  }
}

/** The outcome; for an invocation that was cancelled by its signal, the reason of the signal. */
export function cancelledWithCaller(outcome: Outcome, signal: AbortSignal | undefined): Outcome {
  const isCancelled = outcome.kind === "error" && outcome.code === "CANCELLED";
  if (!isCancelled || signal?.aborted !== true) return outcome;
  const reason: unknown = signal.reason;
  return reason instanceof RunEnd
    ? { ...outcome, ...reason.outcome }
    : cancelled("the invocation that called it has ended");
}

/** The end of an invocation that was accepted before the rate limit of its function was set or lowered. */
export function rateLimitedOutcome(): Outcome {
  return cancelled(
    "the rate limit of the function (rateLimit) was set or lowered while the invocation was queued, " +
      "and is reached; none of its code ran",
  );
}

function cancelled(message: string): Outcome {
  return { kind: "error", code: "CANCELLED", message };
}

export function interrupted(message: string): Outcome {
  return { kind: "error", code: "INTERRUPTED", message };
}
