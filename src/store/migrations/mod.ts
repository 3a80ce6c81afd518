import type { Kysely } from "kysely";
import { type Migration, Migrator } from "kysely/migration";
import type { Dialect } from "../dialect.ts";
import type { Schema } from "../schema.ts";
import * as initial from "./001_initial.ts";
import * as nestedInvocations from "./003_nested_invocations.ts";

/** Brings the database to the newest version. Migrations are numbered and only appended. */
export async function migrate(db: Kysely<Schema>, dialect: Dialect): Promise<void> {
  const migrations: Record<string, Migration> = {
    "001_initial": { up: initial.up(dialect.capabilities) },
    "003_nested_invocations": { up: nestedInvocations.up },
  };
  const migrator = new Migrator({
    db,
    provider: { getMigrations: () => Promise.resolve(migrations) },
  });
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) throw error;
}
