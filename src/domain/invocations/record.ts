import type { Outcome } from "../../engine/contract.ts";
import type { InvocationRecord, Recorded, RecordedLog } from "../../engine/recorder.ts";
import type { Attempt, InvocationEnd, InvocationLogRow } from "../../store/invocations.ts";
import type { Store, Writers } from "../../store/mod.ts";
import type { HttpExchange } from "../endpoints/exchange.ts";
import { locks } from "../locks.ts";
import type { AttachedVolume } from "./attached_volume.ts";
import { conclude, type EndedCall } from "./conclusion.ts";
import type { Timeline } from "./timeline.ts";
import { type NextAttempt, nextAttempt, repeat, type Repeatable } from "./retries.ts";

/** The invocation has ended, or is another node's: nothing more of the attempt may happen. */
export class Superseded extends Error {
  override name = "Superseded";
}

/**
 * The record of one attempt of an invocation in the store. Each write checks in its transaction that the attempt is
 * still the current one of this owner: what was taken over meanwhile records nothing.
 */
export class StoredRecord implements InvocationRecord {
  /** Set once the invocation has its volume; its changes are then part of the transaction that records the outcome. */
  volume: AttachedVolume | undefined;

  /** As it is stored: a call that waits has the number of the attempt before. */
  #attempt: Attempt;

  constructor(
    private readonly store: Store,
    attempt: Attempt,
    private readonly rules: {
      readonly functionId: string;
      readonly call: Repeatable & EndedCall;
      /** Calls of the function that may run on all nodes; undefined if they are not counted. */
      readonly runningMax: number | undefined;
      /** Owner of a call whose next attempt may begin; null if any node may claim it. */
      readonly nextOwner: string | null;
    },
    private readonly timeline: Timeline,
    /** The request that the call answers. */
    private readonly exchange?: HttpExchange,
  ) {
    this.#attempt = attempt;
  }

  /** The number of the attempt under way. */
  get number(): number {
    return this.#attempt.attempt;
  }

  async start(): Promise<number | "over" | "full"> {
    const { functionId, runningMax } = this.rules;
    const next = { ...this.#attempt, attempt: this.#attempt.attempt + 1 };
    const started = await this.store.write(
      async (tx) => {
        const isFull = runningMax !== undefined &&
          await tx.invocations.countRunning(functionId) >= runningMax;
        if (isFull) return "full";
        if (!await tx.invocations.start(next, new Date().toISOString())) return "over";
        return next.attempt === 1 ? 0 : await tx.invocations.lastSequence(next.id);
      },
      "durable",
      runningMax === undefined ? [] : [locks.ofRunning(functionId)],
    );
    if (typeof started === "number") this.#attempt = next;
    return started;
  }

  /** Records the worker that runs the attempt, durably. @throws Superseded */
  async assign(worker: string): Promise<void> {
    const isCurrent = await this.store.write((tx) => tx.invocations.assign(this.#attempt, worker));
    if (!isCurrent) throw new Superseded(`Attempt of invocation ${this.#attempt.id} is over`);
  }

  async appendLogs(logs: readonly RecordedLog[]): Promise<void> {
    await this.store.write(async (tx) => {
      if (await tx.invocations.isCurrent(this.#attempt)) await this.#append(tx, logs);
    }, "committed");
  }

  async finish(
    outcome: Outcome,
    logs: readonly RecordedLog[],
    mayRepeat = false,
  ): Promise<Recorded> {
    const commit = await this.volume?.prepare(outcome);
    return await this.store.write(
      async (tx) => {
        // An end without lines and volume checks it in its own statement.
        const isAlone = logs.length === 0 && commit === undefined;
        if (!isAlone && !await tx.invocations.isCurrent(this.#attempt)) return undefined;
        await this.#append(tx, logs);
        const { outcome: recorded, ...versions } = await commit?.(tx) ?? { outcome };
        if (mayRepeat && recorded.kind === "error") {
          const next = nextAttempt(this.rules.call, recorded.code, this.number);
          if (next !== undefined) return await this.#repeat(tx, next, recorded);
        }
        const end = endOf(recorded);
        const conclusion = {
          end,
          ...versions,
          processKind: outcome.process,
          measures: this.timeline.columns(outcome, this.volume?.session.bytes),
          http: this.exchange && JSON.stringify(this.exchange.record),
        };
        const now = new Date().toISOString();
        if (!await tx.invocations.finish(this.#attempt, conclusion, now)) return undefined;
        await conclude(tx, this.rules.call, end, now);
        return recorded;
      },
      "durable",
      this.volume === undefined ? [] : this.volume.locks,
    );
  }

  async release(logs: readonly RecordedLog[]): Promise<Recorded> {
    return await this.store.write(async (tx) => {
      if (!await tx.invocations.isCurrent(this.#attempt)) return undefined;
      await this.#append(tx, logs);
      return await this.#repeat(tx, { delayMs: undefined }, undefined);
    });
  }

  /** @param outcome undefined if none of its code ran */
  async #repeat(tx: Writers, next: NextAttempt, outcome: Outcome | undefined): Promise<Recorded> {
    const { functionId, nextOwner } = this.rules;
    const end = outcome === undefined ? undefined : endOf(outcome);
    const error = end?.status === "ERROR" ? end.error : undefined;
    const attempt = { ...this.#attempt, functionId };
    if (!await repeat(tx, attempt, next, nextOwner, error)) return undefined;
    const counted = error === undefined ? this.number - 1 : this.number;
    return { kind: "repeat", attempt: counted, isDelayed: next.delayMs !== undefined };
  }

  async #append(tx: Writers, logs: readonly RecordedLog[]): Promise<void> {
    const rows = logs.map((log): InvocationLogRow => ({
      ...log,
      invocationId: this.#attempt.id,
      time: new Date(log.time).toISOString(),
    }));
    await tx.invocations.appendLogs(rows);
  }
}

/** An outcome in the columns of an invocation. */
export function endOf(outcome: Outcome): InvocationEnd {
  return outcome.kind === "success"
    ? { status: "SUCCESS", output: outcome.outputJson }
    : { status: "ERROR", error: `${outcome.code}: ${outcome.message}` };
}
