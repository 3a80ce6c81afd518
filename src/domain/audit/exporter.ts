import { getLogger } from "@logtape/logtape";
import { backoffMs } from "../../shared/backoff.ts";
import type { AuditEventRow } from "../../store/audit.ts";
import type { AuditExportRow } from "../../store/audit_exports.ts";
import type { Store } from "../../store/mod.ts";
import type { DueWork, Scheduler } from "../scheduling/scheduler.ts";
import { ExportError, type ExportTargets } from "./export_targets.ts";

const logger = getLogger(["invoked", "audit"]);

/** How often an export that has written every event looks for new ones. */
const LOOK_INTERVAL_MS = 5_000;
/** What one batch holds at most. */
const BATCH_EVENTS = 500;
const BATCH_CHARS = 1024 * 1024;
/** How long one batch keeps its export: longer than it can take. */
const ATTEMPT_MS = 60_000;
/** Bounds of the random wait after an attempt that failed, which doubles with each. */
const BACKOFF = { initialMs: 2_000, maxMs: 5 * 60 * 1000 } as const;
const ERROR_CHARS_MAX = 512;

/**
 * Exports the events of the audit log in the order of the chain. The watermark of an export moves once a batch is durably
 * where it belongs: no event is skipped, and after a crash the last batch may be posted again. A file has each event once.
 * One node exports at a time: each batch takes its export for itself.
 */
export class AuditExporter implements DueWork {
  readonly name = "exports of the audit log";
  /** Exports that write now. */
  readonly #running = new Set<string>();
  /** Up to this time of `performance.now` a look would find the same. */
  #looksAgainAt = 0;
  #next: Date | undefined;

  constructor(
    private readonly parts: {
      readonly store: Store;
      readonly targets: ExportTargets;
      readonly scheduler: Scheduler;
      readonly shutdown: AbortSignal;
    },
  ) {}

  async nextAt(): Promise<Date | undefined> {
    if (performance.now() < this.#looksAgainAt) return this.#next;
    const idle = await this.#idle();
    const { seq } = await this.parts.store.read.audit.head();
    const due = idle.filter(({ watermarkSeq }) => watermarkSeq < seq)
      .map(({ dueAt }) => Date.parse(dueAt));
    const later = Date.now() + LOOK_INTERVAL_MS;
    this.#next = idle.length === 0 ? undefined : new Date(Math.min(later, ...due));
    // Invocations wake the scheduler often, and pay nothing for exports.
    const isDue = this.#next !== undefined && this.#next.getTime() <= Date.now();
    this.#looksAgainAt = isDue ? 0 : performance.now() + LOOK_INTERVAL_MS;
    return this.#next;
  }

  /** Looks at once: an export is new or has changed. */
  look(): void {
    this.#looksAgainAt = 0;
    this.parts.scheduler.wake();
  }

  /** Begins to export, and does not wait for the end: a slow host keeps nothing else. */
  async runDue(now: Date): Promise<void> {
    const { seq } = await this.parts.store.read.audit.head();
    for (const row of await this.#idle()) {
      if (row.watermarkSeq < seq && Date.parse(row.dueAt) <= now.getTime()) void this.#export(row);
    }
  }

  async #idle(): Promise<AuditExportRow[]> {
    const rows = await this.parts.store.read.auditExports.all();
    return rows.filter(({ id }) => !this.#running.has(id));
  }

  /** Writes batches until every event is written or an attempt fails. */
  async #export(first: AuditExportRow): Promise<void> {
    const { shutdown } = this.parts;
    this.#running.add(first.id);
    try {
      for (let row: AuditExportRow | undefined = first; row !== undefined;) {
        if (shutdown.aborted) break;
        row = await this.#batch(row);
      }
    } catch (error) {
      // The export is due again once the time of the attempt is over.
      if (!shutdown.aborted) {
        logger.warn("Export {id} of the audit log stopped: {error}", { id: first.id, error });
      }
    } finally {
      this.#running.delete(first.id);
      this.look();
    }
  }

  /** Writes one batch; undefined if nothing is left, if the attempt failed, or if another node exports. */
  async #batch(row: AuditExportRow): Promise<AuditExportRow | undefined> {
    const { store, targets } = this.parts;
    const found = await store.read.audit.after(row.watermarkSeq, BATCH_EVENTS);
    const events = fitting(found);
    const last = events.at(-1);
    if (last === undefined) return undefined;
    const dueAt = new Date(Date.now() + ATTEMPT_MS).toISOString();
    if (!await this.#advance(row, { dueAt })) return undefined;
    const taken = { ...row, dueAt };
    try {
      const lines = events.map(({ event }) => `${event}\n`).join("");
      const fileBytes = await targets.send(taken, { lines, uid: last.uid });
      const change = {
        watermarkSeq: last.seq,
        watermarkUid: last.uid,
        fileBytes,
        failures: 0,
        error: null,
        dueAt: new Date().toISOString(),
      };
      const isOurs = await this.#advance(taken, change);
      const mayFollow = events.length < found.length || found.length === BATCH_EVENTS;
      return isOurs && mayFollow ? { ...taken, ...change } : undefined;
    } catch (error) {
      if (!(error instanceof ExportError)) throw error;
      await this.#fail(taken, error);
      return undefined;
    }
  }

  #advance(row: AuditExportRow, change: Partial<AuditExportRow>): Promise<boolean> {
    return this.parts.store.write((tx) => tx.auditExports.advance(row, change));
  }

  async #fail(row: AuditExportRow, { message }: ExportError): Promise<void> {
    const failures = row.failures + 1;
    const { id } = row;
    logger.warn("Export {id} of the audit log failed: {message}", { id, message, failures });
    await this.#advance(row, {
      failures,
      error: message.slice(0, ERROR_CHARS_MAX),
      dueAt: new Date(Date.now() + backoffMs(BACKOFF, failures)).toISOString(),
    });
  }
}

/** The first events, up to the size of a batch; at least one. */
function fitting(rows: readonly AuditEventRow[]): readonly AuditEventRow[] {
  let chars = 0;
  const end = rows.findIndex(({ event }, at) => (chars += event.length) > BATCH_CHARS && at > 0);
  return end < 0 ? rows : rows.slice(0, end);
}
