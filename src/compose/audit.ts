/** Builds the services that read the audit log, and its exports. */
import { ExportTargets } from "../domain/audit/export_targets.ts";
import { AuditExporter } from "../domain/audit/exporter.ts";
import { AuditExports } from "../domain/audit/exports.ts";
import { AuditLog } from "../domain/audit/log.ts";
import { AuditVerification } from "../domain/audit/verify.ts";
import type { Shared } from "./parts.ts";

export function openAudit(
  { config, store, pages, ids, scheduler, publicPost, shutdown }: Shared,
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
