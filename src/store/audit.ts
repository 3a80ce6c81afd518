/** The audit log: a chain of events in which each hash covers the event and the hash before. */
import { createHash } from "node:crypto";
import { type Kysely, type Selectable, sql } from "kysely";
import { AUDITED, type AuditedChanges, factsOf } from "./audited_tables.ts";
import type { AuditEventTable, AuditHeadTable } from "./audit_tables.ts";
import { type Expired, expiredOf } from "./expired.ts";
import { containing } from "./paging.ts";
import type { Schema } from "./schema.ts";

export type AuditEventRow = Selectable<AuditEventTable>;

/** Where the chain ends, and the event after which it begins. */
export type AuditHead = Omit<Selectable<AuditHeadTable>, "id">;

/** An event that is not in the chain yet. */
export interface AuditEntry extends
  Pick<
    AuditEventRow,
    "uid" | "time" | "classUid" | "actor" | "actorName" | "operation"
  > {
  /** The OCSF event. Its position in the chain is added: `metadata.sequence` and `unmapped.previous_event_uid`. */
  readonly event: {
    readonly metadata: Readonly<Record<string, unknown>>;
    readonly unmapped?: Readonly<Record<string, unknown>>;
    readonly [name: string]: unknown;
  };
}

/**
 * The lock of a write that appends events: of several nodes, one appends at a time. {@link Store.write} takes it by
 * itself within an {@link AuditScope}.
 */
export const AUDIT_LOCK = "audit-chain";

/** The hash before the first event. */
const GENESIS = "0".repeat(64);
/** The chain without an event. */
const EMPTY: AuditHead = { seq: 0, uid: "", hash: GENESIS, baseSeq: 0, baseHash: GENESIS };
/** The id of the only row. */
const HEAD_ID = 1;

/** The hash of an event in its chain: anybody can compute it with `sha256sum`. */
export function chainHash(previous: string, event: string): string {
  return createHash("sha256").update(`${previous}\n${event}`).digest("hex");
}

/** What is behind the last dot of an operation. */
export function verbOf(operation: string): string {
  return operation.slice(operation.lastIndexOf(".") + 1);
}

/** Which events to find. */
export interface AuditFilter {
  /** Of this time or later. */
  readonly since?: string | undefined;
  /** Before this time. */
  readonly until?: string | undefined;
  /** Id or display name. */
  readonly actor?: string | undefined;
  /** An operation, or what is behind its last dot. */
  readonly operation?: string | undefined;
  /** Id or name of a resource. */
  readonly resource?: string | undefined;
  /** Whether the call or the sign-in failed. */
  readonly hasFailed?: boolean | undefined;
}

/** Positions in the chain: after the first, up to the second. */
export interface AuditRange {
  readonly after: number;
  readonly upTo: number;
}

/** Reads the audit log. */
export class AuditReader {
  /** @param long reads beside the event loop */
  constructor(protected readonly db: Kysely<Schema>, private readonly long: Kysely<Schema>) {}

  /** The head of the chain. */
  async head(): Promise<AuditHead> {
    const row = await this.db.selectFrom("auditHead")
      .select(["seq", "uid", "hash", "baseSeq", "baseHash"]).where("id", "=", HEAD_ID)
      .executeTakeFirst();
    return row ?? EMPTY;
  }

  /**
   * The oldest events before a time, up to a position: without a gap, as they are erased.
   * @returns undefined `last` without such an event
   */
  async expired(
    time: string,
    upTo: number,
  ): Promise<Expired & { readonly last: number | undefined }> {
    const { baseSeq } = await this.head();
    const events = this.long.selectFrom("auditEvents").where("seq", ">", baseSeq);
    const kept = await events.select("seq").where("time", ">=", time).orderBy("seq").limit(1)
      .executeTakeFirst();
    const { last, ...row } = await events.where("seq", "<=", upTo)
      .where("seq", "<", kept?.seq ?? Number.MAX_SAFE_INTEGER).select(({ fn }) => [
        fn.countAll<number | bigint>().as("count"),
        fn.min<string | null>("time").as("oldest"),
        fn.max<string | null>("time").as("newest"),
        fn.max<number | null>("seq").as("last"),
      ]).executeTakeFirstOrThrow();
    return { ...expiredOf(row), last: last ?? undefined };
  }

  /** The events after one, in the order of the chain. */
  after(seq: number, limit: number): Promise<AuditEventRow[]> {
    return this.db.selectFrom("auditEvents").selectAll().where("seq", ">", seq)
      .orderBy("seq").limit(limit).execute();
  }

  /** The position of an event; undefined for an unknown one, and for one that was erased. */
  async seqOf(uid: string): Promise<number | undefined> {
    const row = await this.db.selectFrom("auditEvents").select("seq").where("uid", "=", uid)
      .executeTakeFirst();
    return row?.seq;
  }

  /** The positions between which all events of a time are; undefined without an event. */
  async rangeOf({ since, until }: AuditFilter): Promise<AuditRange | undefined> {
    // Clocks may be set back, and those of nodes differ: the first event of a time need not be its oldest.
    let query = this.long.selectFrom("auditEvents")
      .select(({ fn }) => [fn.min("seq").as("first"), fn.max("seq").as("last")]);
    if (since !== undefined) query = query.where("time", ">=", since);
    if (until !== undefined) query = query.where("time", "<", until);
    const { first, last } = await query.executeTakeFirstOrThrow();
    return first === null ? undefined : { after: Number(first) - 1, upTo: Number(last) };
  }

  /** Events in the order of the chain, or the last first. */
  find(
    filter: AuditFilter,
    { after, upTo }: AuditRange,
    direction: "asc" | "desc",
    limit: number,
  ): Promise<AuditEventRow[]> {
    const { since, until, actor, operation, resource, hasFailed } = filter;
    const isFiltered = Object.values(filter).some((value) => value !== undefined);
    let query = (isFiltered ? this.long : this.db).selectFrom("auditEvents").selectAll()
      .where("seq", ">", after).where("seq", "<=", upTo);
    if (since !== undefined) query = query.where("time", ">=", since);
    if (until !== undefined) query = query.where("time", "<", until);
    if (operation !== undefined) {
      query = query.where(({ or, eb }) =>
        or([eb("operation", "=", operation), eb("verb", "=", operation)])
      );
    }
    if (actor !== undefined) {
      query = query.where(({ or, eb }) =>
        or([eb("actor", "=", actor), eb("actorName", "=", actor)])
      );
    }
    if (resource !== undefined) {
      const named = (field: string) => containing(`"${field}":${JSON.stringify(resource)}`);
      const isNamed = (field: string) => sql<boolean>`event like ${named(field)} escape '\\'`;
      query = query.where(({ or }) => or([isNamed("uid"), isNamed("name")]));
    }
    if (hasFailed !== undefined) {
      const status = containing(`"status_id":${hasFailed ? 2 : 1},`);
      query = query.where(sql<boolean>`event like ${status} escape '\\'`);
    }
    return query.orderBy("seq", direction).limit(limit).execute();
  }
}

/** Appends to the audit log. */
export class AuditWriter extends AuditReader {
  /** @param changes of the write that runs */
  constructor(
    db: Kysely<Schema>,
    long: Kysely<Schema>,
    private readonly changes: {
      readonly current: {
        readonly mayAppend: boolean;
        readonly audited: AuditedChanges | undefined;
      } | undefined;
    },
  ) {
    super(db, long);
  }

  /** Has the event of this transaction say what a row, which the transaction changes, had until now. */
  keepEarlier(table: keyof Schema, row: { readonly id: string }): void {
    const kind = AUDITED[table]?.kind;
    if (kind === undefined) return;
    const columns: Readonly<Record<string, unknown>> = { ...row };
    const facts = factsOf(table, (column) => columns[column]);
    this.changes.current?.audited?.earlier.push({ kind, id: row.id, facts });
  }

  /**
   * Appends an event: it is on record exactly if the transaction commits.
   * @throws TypeError if the write does not hold {@link AUDIT_LOCK}
   */
  async append({ event, ...columns }: AuditEntry): Promise<void> {
    if (this.changes.current?.mayAppend !== true) {
      throw new TypeError("A write that appends to the audit log must name locks.auditChain");
    }
    const { baseSeq, baseHash, ...last } = await this.head();
    const seq = last.seq + 1;
    const text = JSON.stringify({
      ...event,
      metadata: { ...event.metadata, sequence: seq },
      unmapped: { ...event.unmapped, previous_event_uid: last.uid },
    });
    const hash = chainHash(last.hash, text);
    const head = { seq, uid: columns.uid, hash };
    const verb = verbOf(columns.operation);
    await this.db.insertInto("auditEvents").values({ ...columns, verb, seq, event: text, hash })
      .execute();
    await this.db.insertInto("auditHead").values({ id: HEAD_ID, ...head, baseSeq, baseHash })
      .onConflict((c) => c.column("id").doUpdateSet(head)).execute();
  }

  /**
   * Erases the oldest events: those before the time, up to a position. The chain then begins after the last of them.
   * @param limit events that are erased at once
   * @returns how many were erased; fewer than the limit if none is left
   */
  async erase(before: string, upTo: number, limit: number): Promise<number> {
    const head = await this.head();
    const old = await this.db.selectFrom("auditEvents").select(["seq", "hash", "time"])
      .where("seq", ">", head.baseSeq).where("seq", "<=", upTo).orderBy("seq").limit(limit)
      .execute();
    // Without a gap: an event behind one that is kept is kept, too.
    const kept = old.findIndex(({ time }) => time >= before);
    const erased = kept < 0 ? old : old.slice(0, kept);
    const last = erased.at(-1);
    if (last === undefined) return 0;
    await this.db.deleteFrom("auditEvents").where("seq", ">", head.baseSeq)
      .where("seq", "<=", last.seq).execute();
    await this.db.updateTable("auditHead").set({ baseSeq: last.seq, baseHash: last.hash })
      .where("id", "=", HEAD_ID).execute();
    return erased.length;
  }
}
