import { type Kysely, type Selectable, sql } from "kysely";
import { errorColumns } from "./failures.ts";
import type { DelayedInvocationTable, InvocationTable } from "./invocation_tables.ts";
import { countRows } from "./paging.ts";
import type { Schema } from "./schema.ts";

export type DelayedInvocationRow = Selectable<DelayedInvocationTable>;

/** Reads the invocations that wait for their time. */
export class DelayedInvocationReader {
  constructor(protected readonly db: Kysely<Schema>) {}

  /** When the next invocation is due; undefined without one. */
  async nextDueAt(): Promise<string | undefined> {
    const row = await this.db.selectFrom("delayedCalls").select("dueAt")
      .orderBy("dueAt").limit(1).executeTakeFirst();
    return row?.dueAt;
  }

  /** The invocations that are due, in the order of their times. */
  due(now: string, limit: number): Promise<DelayedInvocationRow[]> {
    return this.db.selectFrom("delayedCalls").selectAll()
      .where("dueAt", "<=", now).orderBy("dueAt").orderBy("invocationId").limit(limit).execute();
  }

  /** The first invocations of a function that wait for its rate limit, in their order. */
  firstInLine(functionId: string, limit: number): Promise<DelayedInvocationRow[]> {
    return this.line(functionId).selectAll().limit(limit).execute();
  }

  /** The delay of an invocation; undefined if it does not wait for its time. */
  get(invocationId: string): Promise<DelayedInvocationRow | undefined> {
    return this.db.selectFrom("delayedCalls").selectAll()
      .where("invocationId", "=", invocationId).executeTakeFirst();
  }

  /** The invocations of a function that wait for its rate limit, in their order. */
  protected line(functionId: string) {
    return this.db.selectFrom("delayedCalls").where("functionId", "=", functionId)
      .where("reason", "=", "rate-limit")
      .where("since", "is not", null).orderBy("since").orderBy("invocationId");
  }
}

/** Delays invocations, and ends their delays. */
export class DelayedInvocationWriter extends DelayedInvocationReader {
  /** Delays an invocation whose row is PENDING and has no owner. */
  async insert(row: DelayedInvocationRow): Promise<void> {
    await this.db.insertInto("delayedCalls").values(row).execute();
    const { reason, invocationId, dueAt } = row;
    if (reason === "debounce" || reason === "rate-limit") await this.#show(invocationId, dueAt);
  }

  /** How many invocations of a function wait, but no more than the limit. */
  async count(functionId: string, limit: number): Promise<number> {
    const rows = await this.db.selectFrom("delayedCalls").select("invocationId")
      .where("functionId", "=", functionId).limit(limit).execute();
    return rows.length;
  }

  /** The invocation of a function that waits with a debounce key. */
  debounced(functionId: string, key: string): Promise<DelayedInvocationRow | undefined> {
    return this.db.selectFrom("delayedCalls").selectAll().where("functionId", "=", functionId)
      .where("reason", "=", "debounce").where("key", "=", key).executeTakeFirst();
  }

  /** Ids of the invocations of a function that its circuit breaker has paused. */
  async paused(functionId: string): Promise<string[]> {
    const rows = await this.db.selectFrom("delayedCalls").select("invocationId")
      .where("functionId", "=", functionId).where("reason", "=", "circuit-breaker")
      .orderBy("invocationId").execute();
    return rows.map(({ invocationId }) => invocationId);
  }

  /** Delays an invocation further. */
  async postpone(
    invocationId: string,
    change: Pick<DelayedInvocationRow, "dueAt" | "reason" | "key"> & Partial<DelayedInvocationRow>,
  ): Promise<void> {
    await this.db.updateTable("delayedCalls").set(change)
      .where("invocationId", "=", invocationId).execute();
    if (change.reason === "rate-limit") await this.#show(invocationId, change.dueAt);
  }

  /** How many invocations of a function wait for its rate limit. */
  async countLine(functionId: string): Promise<number> {
    return await countRows(
      this.db.selectFrom("delayedCalls")
        .where("functionId", "=", functionId).where("reason", "=", "rate-limit"),
    );
  }

  /** Ids of the invocations in the line of a function whose time has come, in their order. */
  async overdueInLine(functionId: string, now: string, limit: number): Promise<string[]> {
    const rows = await this.line(functionId).select("invocationId").where("dueAt", "<=", now)
      .limit(limit).execute();
    return rows.map(({ invocationId }) => invocationId);
  }

  /** Postpones the due invocations in the line of a function. */
  async delayOverdue(functionId: string, now: string, dueAt: string): Promise<void> {
    await this.db.updateTable("delayedCalls").set({ dueAt })
      .where("functionId", "=", functionId).where("reason", "=", "rate-limit")
      .where("dueAt", "<=", now).execute();
  }

  /** Makes the first invocation in the line of a function due, so that the scheduler checks at once whether it may start. */
  async wakeLine(functionId: string, now: string): Promise<void> {
    const first = this.line(functionId).select("invocationId").limit(1);
    await this.db.updateTable("delayedCalls").set({ dueAt: now })
      .where("invocationId", "=", first).where("dueAt", ">", now).execute();
  }

  /** Ends what the invocations of a function wait for: they are due. Each keeps its rank in the line for the rate limit. */
  async release(
    functionId: string,
    reason: "rate-limit" | "circuit-breaker",
    now: string,
  ): Promise<void> {
    const waiting = this.db.selectFrom("delayedCalls").select("invocationId")
      .where("functionId", "=", functionId).where("reason", "=", reason);
    await this.db.updateTable("invocations").set({ notBefore: now })
      .where("id", "in", waiting).where("notBefore", ">", now).execute();
    await this.db.updateTable("delayedCalls").set({ dueAt: now, reason: "released", key: null })
      .where("functionId", "=", functionId).where("reason", "=", reason).execute();
  }

  /** Wakes the invocations of a function that wait for other invocations with their key. */
  async wakeAll(functionId: string, now: string): Promise<void> {
    await this.db.updateTable("delayedCalls").set({ dueAt: now })
      .where("functionId", "=", functionId).where("reason", "=", "concurrency").execute();
  }

  /** Records the time that an invocation waits for, if the time is known. */
  async #show(id: string, notBefore: string): Promise<void> {
    await this.db.updateTable("invocations").set({ notBefore }).where("id", "=", id).execute();
  }

  /** Wakes the first invocation that waits for other invocations with its key. */
  async wake(functionId: string, key: string, now: string): Promise<void> {
    await this.db.updateTable("delayedCalls").set({ dueAt: now }).where(
      "invocationId",
      "=",
      this.db.selectFrom("delayedCalls").select("invocationId")
        .where("functionId", "=", functionId).where("reason", "=", "concurrency")
        .where("key", "=", key).where("dueAt", ">", now)
        .orderBy("invocationId").limit(1),
    ).execute();
  }

  /** Ends a waiting invocation that will not start. */
  async skip(
    invocationId: string,
    skipReason: NonNullable<InvocationTable["skipReason"]>,
    message: string,
    now: string,
  ): Promise<void> {
    await this.db.deleteFrom("delayedCalls").where("invocationId", "=", invocationId).execute();
    await this.db.updateTable("invocations").set({
      status: "ERROR",
      ...errorColumns({ code: "SKIPPED", message }),
      skipReason,
      variables: null,
      updatedAt: now,
    }).where("id", "=", invocationId)
      .where(sql<boolean>`status <> 'SUCCESS' and status = 'PENDING'`).execute();
  }

  /**
   * Ends the delay of an invocation: an owner runs it, or any node may claim it. False if it was no longer delayed.
   * @param owner null if any node may claim it
   */
  async end(invocationId: string, owner: string | null, now: string): Promise<boolean> {
    const { numDeletedRows } = await this.db.deleteFrom("delayedCalls")
      .where("invocationId", "=", invocationId).executeTakeFirst();
    if (numDeletedRows === 0n) return false;
    const { numUpdatedRows } = await this.db.updateTable("invocations")
      .set({ owner, updatedAt: now }).where("id", "=", invocationId)
      .where(sql<boolean>`status <> 'SUCCESS' and status = 'PENDING'`).executeTakeFirst();
    return numUpdatedRows > 0n;
  }
}
