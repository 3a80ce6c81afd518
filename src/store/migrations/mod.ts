import type { Kysely } from "kysely";
import { type Migration, Migrator } from "kysely/migration";
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

/** The migrations by name. They are numbered and only appended. */
export function migrationsOf({ capabilities }: Dialect): Record<string, Migration> {
  return {
    "001_initial": { up: initial.up(capabilities) },
    "002_volumes": { up: volumes.up(capabilities) },
    "003_tests_and_types": { up: testsAndTypes.up },
    "004_nested_invocations": { up: nestedInvocations.up },
    "005_rare_ends": { up: rareEnds.up },
    "006_reuse": { up: reuse.up },
    "007_process_reuse": { up: processReuse.up },
    "008_unfinished": { up: unfinished.up },
    "009_process_kind": { up: processKind.up },
  };
}

/** Migrates the database to the newest version. */
export async function migrate(db: Kysely<Schema>, dialect: Dialect): Promise<void> {
  const migrator = new Migrator({
    db,
    provider: { getMigrations: () => Promise.resolve(migrationsOf(dialect)) },
  });
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) throw error;
}
