import type { Kysely, Selectable } from "kysely";
import type { AuditExportTable } from "./audit_tables.ts";
import { containing, fetchPage, type Page, type PageRequest } from "./paging.ts";
import type { Capabilities } from "./dialect.ts";
import type { Schema } from "./schema.ts";

export type AuditExportRow = Selectable<AuditExportTable>;

/** Which exports to find. */
export interface AuditExportFilter {
  /** In the display name, in any case of ASCII letters; empty for all. */
  readonly displayName: string;
  /** Undefined for all. */
  readonly ids: readonly string[] | undefined;
}

/** Reads the exports of the audit log that are not deleted. */
export class AuditExportReader {
  constructor(
    protected readonly db: Kysely<Schema>,
    private readonly capabilities: Pick<Capabilities, "caseInsensitiveLike">,
  ) {}

  get(id: string): Promise<AuditExportRow | undefined> {
    return this.#live().where("id", "=", id).executeTakeFirst();
  }

  /** Newest first. */
  search(
    { displayName, ids }: AuditExportFilter,
    page: PageRequest,
  ): Promise<Page<AuditExportRow>> {
    let query = this.#live();
    if (displayName !== "") {
      const { caseInsensitiveLike } = this.capabilities;
      query = query.where("displayName", caseInsensitiveLike, containing(displayName));
    }
    if (ids !== undefined) query = query.where("id", "in", ids);
    return fetchPage(query, "id", page);
  }

  all(): Promise<AuditExportRow[]> {
    return this.#live().orderBy("id").execute();
  }

  #live() {
    return this.db.selectFrom("auditExports").selectAll().where("deletedAt", "is", null);
  }
}

/** Writes the exports of the audit log. */
export class AuditExportWriter extends AuditExportReader {
  async insert(row: AuditExportRow): Promise<void> {
    await this.db.insertInto("auditExports").values(row).execute();
  }

  async update(id: string, change: Partial<AuditExportRow>): Promise<void> {
    await this.db.updateTable("auditExports").set(change).where("id", "=", id).execute();
  }

  /**
   * Changes an export only if nobody has exported, changed or deleted it since it was read. False otherwise.
   */
  async advance(
    { id, watermarkSeq, dueAt }: AuditExportRow,
    change: Partial<AuditExportRow>,
  ): Promise<boolean> {
    const { numUpdatedRows } = await this.db.updateTable("auditExports").set(change)
      .where("id", "=", id).where("watermarkSeq", "=", watermarkSeq).where("dueAt", "=", dueAt)
      .where("deletedAt", "is", null).executeTakeFirst();
    return numUpdatedRows > 0n;
  }
}
