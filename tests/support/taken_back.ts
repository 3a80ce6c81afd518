/** Takes the last migrations of a database back, as if an earlier version had written it. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { MIGRATIONS } from "../../src/store/migrations/mod.ts";

/** What takes the last migrations back. */
const UNDO: Readonly<Record<string, string>> = {
  "046_tenants":
    "alter table functions drop column tenant; drop table tenant_credentials; drop table tenants",
  "045_node_clocks": "alter table nodes drop column clock_offset_ms",
  "043_last_writes": "drop table last_writes",
  "044_object_stores": "drop table object_stores",
  "042_load_reports": "drop index commits_unloaded; " +
    "alter table commits drop column load_report; alter table commits drop column load_state; " +
    "alter table functions drop column evaluation",
  "041_alerts": "drop table alert_posts; drop table alerts",
  "040_traces": "alter table invocations drop column traceparent; " +
    "alter table invocations drop column tracestate; " +
    "alter table functions drop column trace_fetch",
  "039_usage": "drop table usage",
  "038_backups": "drop table pauses; drop table verifications",
  "037_device_approvers": "alter table device_codes drop column approver_client_id; " +
    "alter table credentials drop column approver_client_id",
  "036_confirmed_groups": "alter table principals drop column groups_confirmed_at",
  "035_signing_keys": "alter table server_keys drop column signs_from",
  "034_federation": "drop table federation_trusts; drop table federation_providers",
};

export const LAST_MIGRATION = Object.keys(MIGRATIONS).at(-1) ?? "";

/** Takes a migration and all later ones back, so that the next start has to make them. No process uses the file. */
export function takeMigrationsBack(file: string, first = LAST_MIGRATION): void {
  using db = new DatabaseSync(file);
  for (const name of Object.keys(MIGRATIONS).toReversed()) {
    if (name < first) break;
    const undo = UNDO[name];
    assert.ok(undo !== undefined, `this takes ${name} back`);
    db.exec(undo);
    db.prepare("delete from kysely_migration where name = ?").run(name);
  }
}
