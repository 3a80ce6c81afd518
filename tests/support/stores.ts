/** Opens stores on temporary directories, with SQLite or with a database of PostgreSQL. */
import { resolveConfig } from "../../src/config/mod.ts";
import { openStore, type Store } from "../../src/store/mod.ts";
import { type PostgresOptions, postgresOptionsOf } from "../../src/store/postgres/address.ts";

/** The options of `openStore` for a database of PostgreSQL. */
export function postgresOptions(url: string, exclusive = true): PostgresOptions {
  const { config } = resolveConfig({ database: url }, {});
  const options = postgresOptionsOf(config, { exclusive });
  if (options === undefined) throw new Error(`Cannot read ${url}`);
  return options;
}

/** Opens a store whose records are in a database of PostgreSQL. */
export async function openPostgresStore(
  dataDir: string,
  url: string,
  exclusive = true,
): Promise<Store> {
  return await openStore(dataDir, {
    onSyncFailure() {},
    checkKeys() {},
    postgres: postgresOptions(url, exclusive),
  });
}
