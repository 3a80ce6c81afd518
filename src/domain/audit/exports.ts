import type { AuditExportFilter, AuditExportRow } from "../../store/audit_exports.ts";
import type { Store, Writers } from "../../store/mod.ts";
import { invalid, notFound } from "../errors.ts";
import type { Ids } from "../ids.ts";
import { locks } from "../locks.ts";
import type { ListPage, PageQuery, Pages } from "../paging.ts";
import { namedFields, type UpdateMask } from "../update_mask.ts";
import type { AuditExporter } from "./exporter.ts";
import type { ExportTarget, ExportTargets } from "./export_targets.ts";

/** Exports of one server: each reads every event. */
const EXPORTS_MAX = 20;
/** The paths of an update mask. */
const FIELDS = ["displayName", "datasource"] as const;

/** What a caller sets of an export. */
interface ExportSettings {
  readonly displayName: string;
  readonly target: ExportTarget;
}

/** An export, and whether events wait for it. */
export interface AuditExport {
  readonly row: AuditExportRow;
  readonly state: "EXPORTING" | "WAITING" | "ERROR";
}

/** The exports of the audit log. */
export class AuditExports {
  constructor(
    private readonly store: Store,
    private readonly targets: ExportTargets,
    private readonly pages: Pages,
    private readonly ids: Ids,
    private readonly exporter: Pick<AuditExporter, "look">,
  ) {}

  /** Makes an export, which begins with the oldest event that is kept. @throws INVALID_FIELD */
  async create({ displayName, target }: ExportSettings): Promise<AuditExport> {
    this.#check(target, "datasource");
    const { id, time } = this.ids.nextWithTime();
    const now = time.toISOString();
    const row = await this.store.writeLocked([locks.auditExports], async (tx) => {
      const others = await tx.auditExports.all();
      if (others.length >= EXPORTS_MAX) {
        const description = `this server has ${EXPORTS_MAX} exports, and cannot have more`;
        throw invalid({ field: "datasource", description });
      }
      this.#checkAlone(target, others);
      const { baseSeq } = await tx.audit.head();
      const made: AuditExportRow = {
        id,
        displayName,
        ...target,
        watermarkSeq: baseSeq,
        watermarkUid: "",
        fileBytes: null,
        failures: 0,
        error: null,
        dueAt: now,
        createdAt: now,
        updatedAt: now,
        deletedAt: null,
      };
      await tx.auditExports.insert(made);
      return made;
    });
    this.exporter.look();
    return await this.#shown(row);
  }

  /** @throws EXPORT_NOT_FOUND */
  async get(id: string): Promise<AuditExport> {
    return await this.#shown(await exportOf(this.store.read, id));
  }

  /** Newest first. */
  async search(filter: AuditExportFilter, query: PageQuery): Promise<ListPage<AuditExport>> {
    const page = this.pages.open(["audit-exports", filter], query);
    const { rows, next } = await this.store.read.auditExports.search(filter, page);
    const list = await Promise.all(rows.map((row) => this.#shown(row)));
    return { list, nextPageToken: page.tokenFor(next) };
  }

  /**
   * Changes the masked fields. Another destination begins with the oldest event that is kept.
   * @throws EXPORT_NOT_FOUND, INVALID_FIELD
   */
  async update(
    id: string,
    change: Partial<ExportSettings>,
    mask: UpdateMask | undefined,
  ): Promise<AuditExport> {
    const { displayName, target } = change;
    const fields = namedFields(mask, FIELDS, { displayName, datasource: target }, "exporter");
    if (fields.has("datasource")) {
      if (target === undefined) {
        throw invalid({ field: "exporter.datasource", description: "must not be empty" });
      }
      this.#check(target, "exporter.datasource");
    }
    const now = new Date().toISOString();
    const row = await this.store.writeLocked([locks.auditExports], async (tx) => {
      const before = await exportOf(tx, id);
      const isMoved = fields.has("datasource") && target !== undefined;
      if (isMoved) {
        this.#checkAlone(target, (await tx.auditExports.all()).filter((one) => one.id !== id));
      }
      const { baseSeq } = await tx.audit.head();
      const isElsewhere = isMoved && this.targets.keyOf(target) !== this.targets.keyOf(before);
      const changed: Partial<AuditExportRow> = {
        ...fields.has("displayName") ? { displayName } : {},
        ...isMoved ? target : {},
        ...isElsewhere ? { watermarkSeq: baseSeq, watermarkUid: "", fileBytes: null } : {},
        // It tries again at once, and an attempt that runs does not count.
        ...isMoved ? { failures: 0, error: null, dueAt: now } : {},
        updatedAt: now,
      } as Partial<AuditExportRow>;
      await tx.auditExports.update(id, changed);
      return { ...before, ...changed };
    });
    this.exporter.look();
    return await this.#shown(row);
  }

  /** Ends an export; what it has written stays. @throws EXPORT_NOT_FOUND */
  async delete(id: string): Promise<void> {
    const now = new Date().toISOString();
    await this.store.writeLocked([locks.auditExports], async (tx) => {
      await exportOf(tx, id);
      await tx.auditExports.update(id, { deletedAt: now, updatedAt: now });
    });
  }

  /** The events that an export has written, oldest first, each as its JSON text. @throws EXPORT_NOT_FOUND */
  async events(id: string, query: PageQuery): Promise<ListPage<string>> {
    const page = this.pages.open(["audit-export-events", id], query);
    const { watermarkSeq: upTo } = await exportOf(this.store.read, id);
    const range = { after: Number(page.after ?? 0), upTo };
    const rows = await this.store.read.audit.find({}, range, "asc", page.size + 1);
    const shown = rows.slice(0, page.size);
    const next = rows.length > page.size ? String(shown.at(-1)?.seq) : undefined;
    return { list: shown.map(({ event }) => event), nextPageToken: page.tokenFor(next) };
  }

  #check(target: ExportTarget, prefix: string): void {
    const [field, description] = this.targets.violationOf(target) ?? [];
    if (field !== undefined && description !== undefined) {
      throw invalid({ field: `${prefix}.${field}`, description });
    }
  }

  /** Two exports in one file would remove each other's events. */
  #checkAlone(target: ExportTarget, others: readonly AuditExportRow[]): void {
    const key = this.targets.keyOf(target);
    const other = others.find((one) => this.targets.keyOf(one) === key);
    if (other === undefined) return;
    throw invalid({
      field: "datasource.datasourceId",
      description: `export ${other.id} writes there already`,
    });
  }

  async #shown(row: AuditExportRow): Promise<AuditExport> {
    const { seq } = await this.store.read.audit.head();
    const isBehind = row.watermarkSeq < seq;
    return { row, state: row.error !== null ? "ERROR" : isBehind ? "EXPORTING" : "WAITING" };
  }
}

/** @throws EXPORT_NOT_FOUND */
async function exportOf(
  { auditExports }: Pick<Store["read"] | Writers, "auditExports">,
  id: string,
): Promise<AuditExportRow> {
  const row = await auditExports.get(id);
  if (row !== undefined) return row;
  throw notFound("EXPORT_NOT_FOUND", "Export", id, "does not exist, or was deleted");
}
