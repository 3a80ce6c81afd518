/** Whether a server could start on a database of PostgreSQL. Changes nothing, and takes no lock. */
import { DataDirError } from "../data_dir.ts";
import { assertKnown } from "../migrations/mod.ts";
import type { PostgresOptions } from "./address.ts";
import { DatabaseError } from "./database_error.ts";
import { Servers } from "./servers.ts";

/** Why a server could not start, in one line; undefined if it could. */
export async function databaseObstacle(
  { database }: Pick<PostgresOptions, "database">,
): Promise<string | undefined> {
  try {
    await tryDatabase(database);
  } catch (error) {
    if (error instanceof DatabaseError || error instanceof DataDirError) return error.message;
    throw error;
  }
  return undefined;
}

async function tryDatabase(database: PostgresOptions["database"]): Promise<void> {
  const { client } = await (await Servers.of(database)).connect();
  try {
    const { rows: [found] } = await client.query(
      "select to_regclass('kysely_migration') is not null as migrated",
    );
    if (found?.migrated !== true) return;
    const { rows } = await client.query<{ name: string }>(
      "select name from kysely_migration order by name",
    );
    assertKnown(rows.map(({ name }) => name), database.url.label);
  } finally {
    await client.end();
  }
}
