/** The audit log: a chain of events in which each hash covers the event and the hash before. */
import { createHash } from "node:crypto";
import type { Kysely, Selectable } from "kysely";
import type { AuditEventTable, AuditHeadTable } from "./audit_tables.ts";
import type { Schema } from "./schema.ts";

type AuditEventRow = Selectable<AuditEventTable>;

/** Where the chain ends, and the event after which it begins. */
type AuditHead = Omit<Selectable<AuditHeadTable>, "id">;

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

/** Reads the audit log. */
export class AuditReader {
  constructor(protected readonly db: Kysely<Schema>) {}

  /** The head of the chain. */
  async head(): Promise<AuditHead> {
    const row = await this.db.selectFrom("auditHead")
      .select(["seq", "uid", "hash", "baseSeq", "baseHash"]).where("id", "=", HEAD_ID)
      .executeTakeFirst();
    return row ?? EMPTY;
  }

  /** The events after one, in the order of the chain. */
  after(seq: number, limit: number): Promise<AuditEventRow[]> {
    return this.db.selectFrom("auditEvents").selectAll().where("seq", ">", seq)
      .orderBy("seq").limit(limit).execute();
  }
}

/** Appends to the audit log. */
export class AuditWriter extends AuditReader {
  /** @param changes of the write that runs */
  constructor(
    db: Kysely<Schema>,
    private readonly changes: { readonly current: { readonly mayAppend: boolean } | undefined },
  ) {
    super(db);
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
    await this.db.insertInto("auditEvents").values({ ...columns, seq, event: text, hash })
      .execute();
    await this.db.insertInto("auditHead").values({ id: HEAD_ID, ...head, baseSeq, baseHash })
      .onConflict((c) => c.column("id").doUpdateSet(head)).execute();
  }
}
