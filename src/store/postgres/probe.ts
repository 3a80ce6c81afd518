/** Whether a server could start on a database of PostgreSQL. Changes nothing, and takes no lock. */
import { DataDirError } from "../data_dir.ts";
import { assertKnown } from "../migrations/mod.ts";
import { clientConfigOf, type PostgresOptions } from "./address.ts";
import { connectFailure, openClient, readFacts, unsupportedReason } from "./connect.ts";
import { DatabaseError } from "./database_error.ts";

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
  const { label } = database.url;
  const config = await clientConfigOf(database);
  const client = await openClient(config).catch((error) => {
    throw connectFailure(error, label, config);
  });
  try {
    const reason = unsupportedReason(await readFacts(client));
    if (reason !== undefined) throw new DatabaseError(`${label} is not supported: ${reason}`);
    const { rows: [found] } = await client.query(
      "select to_regclass('kysely_migration') is not null as migrated",
    );
    if (found?.migrated !== true) return;
    const { rows } = await client.query<{ name: string }>(
      "select name from kysely_migration order by name",
    );
    assertKnown(rows.map(({ name }) => name), label);
  } finally {
    await client.end();
  }
}
