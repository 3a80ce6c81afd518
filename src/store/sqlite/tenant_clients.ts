import { DatabaseSync } from "node:sqlite";
import { assertCurrent } from "../migrations/mod.ts";
import { migrationsOf } from "./snapshot.ts";

/** A client of a tenant, whose secret is sealed. */
interface SealedClient {
  readonly id: string;
  readonly tenantId: string;
  readonly host: string;
  readonly clientId: string;
  readonly sealedSecret: Uint8Array;
}

/**
 * The clients of a tenant in a database that a server may be using, the oldest first. The example tenant has none.
 * @param tenant its id, name or host; names and hosts in any case
 * @param name of the database in messages
 * @throws DataDirError for a database of another version
 */
export function tenantClientsIn(file: string, tenant: string, name: string): SealedClient[] {
  using db = opened(file, name);
  return db.prepare(
    `SELECT c.id, c.tenant_id, t.host, c.client_id, c.sealed_secret
    FROM tenant_credentials c JOIN tenants t ON t.id = c.tenant_id
    WHERE t.is_example = 0 AND (t.id = :id OR lower(t.name) = :name OR t.host = :name)
    ORDER BY c.id`,
  ).all({ id: tenant, name: tenant.toLowerCase() }).map((row) => ({
    id: `${row["id"]}`,
    tenantId: `${row["tenant_id"]}`,
    host: `${row["host"]}`,
    clientId: `${row["client_id"]}`,
    sealedSecret: row["sealed_secret"] as Uint8Array,
  }));
}

/**
 * The names of all tenants in such a database.
 * @throws DataDirError for a database of another version
 */
export function tenantNamesIn(file: string, name: string): string[] {
  using db = opened(file, name);
  return db.prepare("SELECT name FROM tenants ORDER BY id").all().map((row) => `${row["name"]}`);
}

function opened(file: string, name: string): DatabaseSync {
  const db = new DatabaseSync(file, { readOnly: true });
  try {
    db.exec("PRAGMA busy_timeout = 5000");
    assertCurrent(migrationsOf(db), name);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}
