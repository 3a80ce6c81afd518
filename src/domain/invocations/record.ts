import type { Outcome } from "../../engine/contract.ts";
import {
  type InvocationRecord,
  LOG_LINES_PER_WRITE_MAX,
  type RecordedLog,
} from "../../engine/recorder.ts";
import type { InvocationEnd, InvocationLogRow } from "../../store/invocations.ts";
import type { Store, Writers } from "../../store/mod.ts";
import type { AttachedVolume } from "./attached_volume.ts";

/** The record of an invocation in the store. */
export class StoredRecord implements InvocationRecord {
  /** Set once the invocation has its volume; its changes are then part of the transaction that records the outcome. */
  volume: AttachedVolume | undefined;

  constructor(private readonly store: Store, private readonly invocationId: string) {}

  start(): Promise<boolean> {
    return this.store.write((tx) =>
      tx.invocations.start(this.invocationId, new Date().toISOString())
    );
  }

  async appendLogs(logs: readonly RecordedLog[]): Promise<void> {
    await this.store.write((tx) => this.#append(tx, logs), "committed");
  }

  async finish(outcome: Outcome, logs: readonly RecordedLog[]): Promise<Outcome> {
    const commit = await this.volume?.prepare(outcome);
    return await this.store.write(async (tx) => {
      for (let at = 0; at < logs.length; at += LOG_LINES_PER_WRITE_MAX) {
        await this.#append(tx, logs.slice(at, at + LOG_LINES_PER_WRITE_MAX));
      }
      // The first recorded outcome counts: a later one must not change a volume, either.
      const isLate = commit !== undefined && !await tx.invocations.isUnfinished(this.invocationId);
      const { outcome: recorded, ...versions } = isLate || commit === undefined
        ? { outcome }
        : await commit(tx);
      const conclusion = { end: endOf(recorded), ...versions, processKind: outcome.process };
      await tx.invocations.finish(this.invocationId, conclusion, new Date().toISOString());
      return recorded;
    });
  }

  async #append(tx: Writers, logs: readonly RecordedLog[]): Promise<void> {
    const rows = logs.map((log): InvocationLogRow => ({
      ...log,
      invocationId: this.invocationId,
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
