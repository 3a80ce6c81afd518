/** Builds the services that read the audit log, and its exports. */
import type { Config } from "../config/mod.ts";
import { ExportTargets } from "../domain/audit/export_targets.ts";
import { AuditExporter } from "../domain/audit/exporter.ts";
import { AuditExports } from "../domain/audit/exports.ts";
import { AuditLog } from "../domain/audit/log.ts";
import { AuditVerification } from "../domain/audit/verify.ts";
import type { Ids } from "../domain/ids.ts";
import type { Pages } from "../domain/paging.ts";
import type { Scheduler } from "../domain/scheduling/scheduler.ts";
import type { PublicPost } from "../sandbox/mod.ts";
import type { Store } from "../store/mod.ts";

interface AuditParts {
  readonly config: Config;
  readonly store: Store;
  readonly pages: Pages;
  readonly ids: Ids;
  readonly scheduler: Scheduler;
  readonly publicPost: PublicPost;
  /** Aborts when the server stops. */
  readonly shutdown: AbortSignal;
}

export function openAudit(
  { config, store, pages, ids, scheduler, publicPost, shutdown }: AuditParts,
) {
  const targets = new ExportTargets(config.audit.exportDir, publicPost);
  const exporter = new AuditExporter({ store, targets, scheduler, shutdown });
  scheduler.register(exporter);
  return {
    auditExports: new AuditExports(store, targets, pages, ids, exporter),
    auditLog: new AuditLog(store, pages),
    auditVerification: new AuditVerification(store),
  };
}
