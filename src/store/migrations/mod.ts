import { type Kysely, sql } from "kysely";
import { DEFAULT_MIGRATION_TABLE, type Migration, Migrator } from "kysely/migration";
import { VERSION } from "../../shared/installation.ts";
import { DataDirError } from "../data_dir.ts";
import type { Dialect } from "../dialect.ts";
import type { Schema } from "../schema.ts";
import * as initial from "./001_initial.ts";
import * as volumes from "./002_volumes.ts";
import * as testsAndTypes from "./003_tests_and_types.ts";
import * as nestedInvocations from "./004_nested_invocations.ts";
import * as rareEnds from "./005_rare_ends.ts";
import * as reuse from "./006_reuse.ts";
import * as processReuse from "./007_process_reuse.ts";
import * as unfinished from "./008_unfinished.ts";
import * as processKind from "./009_process_kind.ts";
import * as publishes from "./010_publishes.ts";
import * as settings from "./011_settings.ts";
import * as purges from "./012_purges.ts";
import * as clients from "./013_clients.ts";
import * as nodes from "./014_nodes.ts";
import * as shared from "./015_shared.ts";
import * as triggers from "./016_triggers.ts";
import * as deliveries from "./017_deliveries.ts";
import * as retries from "./018_retries.ts";
import * as destinations from "./019_destinations.ts";
import * as flowControl from "./020_flow_control.ts";
import * as measurements from "./021_measurements.ts";
import * as consoleSessions from "./022_console_sessions.ts";
import * as queuedTimes from "./023_queued_times.ts";
import * as startPermits from "./024_start_permits.ts";
import * as history from "./025_history.ts";
import * as verifyTokens from "./026_verify_tokens.ts";
import * as uncheckedTypes from "./027_unchecked_types.ts";
import * as buildWarnings from "./028_build_warnings.ts";
import * as errorCode from "./029_error_code.ts";
import * as identity from "./030_identity.ts";
import * as audit from "./031_audit.ts";
import * as people from "./032_people.ts";
import * as device from "./033_device.ts";
import * as federation from "./034_federation.ts";
import * as signingKeys from "./035_signing_keys.ts";
import * as confirmedGroups from "./036_confirmed_groups.ts";
import * as deviceApprovers from "./037_device_approvers.ts";
import * as backups from "./038_backups.ts";
import * as usage from "./039_usage.ts";
import * as traces from "./040_traces.ts";
import * as alerts from "./041_alerts.ts";
import * as loadReports from "./042_load_reports.ts";
import * as lastWrites from "./043_last_writes.ts";
import * as objectStores from "./044_object_stores.ts";
import * as nodeClocks from "./045_node_clocks.ts";
import * as tenants from "./046_tenants.ts";

/** The migrations by name. They are numbered and only appended. */
export const MIGRATIONS: Readonly<Record<string, Migration>> = {
  "001_initial": initial,
  "002_volumes": volumes,
  "003_tests_and_types": testsAndTypes,
  "004_nested_invocations": nestedInvocations,
  "005_rare_ends": rareEnds,
  "006_reuse": reuse,
  "007_process_reuse": processReuse,
  "008_unfinished": unfinished,
  "009_process_kind": processKind,
  "010_publishes": publishes,
  "011_settings": settings,
  "012_purges": purges,
  "013_clients": clients,
  "014_nodes": nodes,
  "015_shared": shared,
  "016_triggers": triggers,
  "017_deliveries": deliveries,
  "018_retries": retries,
  "019_destinations": destinations,
  "020_flow_control": flowControl,
  "021_measurements": measurements,
  "022_console_sessions": consoleSessions,
  "023_queued_times": queuedTimes,
  "024_start_permits": startPermits,
  "025_history": history,
  "026_verify_tokens": verifyTokens,
  "027_unchecked_types": uncheckedTypes,
  "028_build_warnings": buildWarnings,
  "029_error_code": errorCode,
  "030_identity": identity,
  "031_audit": audit,
  "032_people": people,
  "033_device": device,
  "034_federation": federation,
  "035_signing_keys": signingKeys,
  "036_confirmed_groups": confirmedGroups,
  "037_device_approvers": deviceApprovers,
  "038_backups": backups,
  "039_usage": usage,
  "040_traces": traces,
  "041_alerts": alerts,
  "042_load_reports": loadReports,
  "043_last_writes": lastWrites,
  "044_object_stores": objectStores,
  "045_node_clocks": nodeClocks,
  "046_tenants": tenants,
};

/** The migrations that a database has, in their order; none for a new one. @throws DataDirError */
export async function executedMigrations(
  db: Kysely<Schema>,
  { name: database, schema }: Dialect,
): Promise<readonly string[]> {
  const all = await db.introspection.getTables({ withInternalKyselyTables: true });
  const tables = all.filter((table) => table.schema === schema && !table.isView);
  if (tables.length === 0) return [];
  if (!tables.some(({ name }) => name === DEFAULT_MIGRATION_TABLE)) {
    throw new DataDirError(
      `${database} was not written by invoked: it has other tables`,
      "name an empty database, or one of invoked",
    );
  }
  const { rows } = await sql<{ name: string }>`select name from ${
    sql.table(DEFAULT_MIGRATION_TABLE)
  } order by name`.execute(db);
  const names = rows.map(({ name }) => name);
  assertKnown(names, database);
  return names;
}

/**
 * Checks that this version knows the migrations of a database.
 * @param database names the database in the message
 * @throws DataDirError for a database of a later version
 */
export function assertKnown(names: readonly string[], database: string): void {
  const known = Object.keys(MIGRATIONS);
  const unknown = names.find((name, at) => name !== known[at]);
  if (unknown === undefined) return;
  throw new DataDirError(
    `${database} was written by a later version of invoked: it has the migration ${unknown}, and ` +
      `version ${VERSION} knows ${known[0]} to ${known.at(-1)}; nothing was changed`,
    "start the later version, or restore the backup from before the upgrade",
  );
}

/**
 * Checks that a database has exactly the migrations that this version knows.
 * @param database names the database in the message
 * @throws DataDirError
 */
export function assertCurrent(names: readonly string[], database: string): void {
  assertKnown(names, database);
  if (names.length === Object.keys(MIGRATIONS).length) return;
  throw new DataDirError(
    `${database} was written by an earlier version of invoked: its last migration is ` +
      `${names.at(-1) ?? "missing"}, and version ${VERSION} has ${Object.keys(MIGRATIONS).at(-1)}`,
    "use the version of its server, or start a server of this version on it once",
  );
}

/**
 * Migrates the database to the newest version, as a whole or not at all.
 * @param executed what {@link executedMigrations} answered
 */
export async function migrate(db: Kysely<Schema>, executed: readonly string[]): Promise<void> {
  if (executed.length === Object.keys(MIGRATIONS).length) return;
  const migrator = new Migrator({
    db,
    provider: { getMigrations: () => Promise.resolve(MIGRATIONS) },
  });
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) throw error;
}
