/** Reads the client of a tenant beside the server that has it. */
import { type Config, Secret, type TenantClient } from "../config/mod.ts";
import { tenantSecretContext } from "../domain/tenants/tenants.ts";
import { exists } from "../shared/files.ts";
import { databaseOf } from "../store/data_use.ts";
import { tenantClientsIn, tenantNamesIn } from "../store/sqlite/tenant_clients.ts";
import { masterKeysIn } from "./reading.ts";
import { sealerOf } from "./sealer.ts";

/**
 * The names of the tenants of a server on this machine; empty without a database in the data directory.
 * @throws DataDirError for a database of another version
 */
export async function readTenantNames(directory: string): Promise<readonly string[]> {
  const database = databaseOf(directory);
  return await exists(database) ? tenantNamesIn(database, `data directory ${directory}`) : [];
}

/**
 * The client that a server on this machine has for a tenant. Undefined without the tenant, its credential, a database in
 * the data directory, or a master key that this user can read.
 * @throws DataDirError for a database of another version, and for a damaged file of keys
 */
export async function readTenantClient(
  config: Config,
  directory: string,
  { tenant, credentialId }: {
    /** Its id, name or host. */
    readonly tenant: string;
    /** Undefined for the oldest credential. */
    readonly credentialId: string | undefined;
  },
): Promise<TenantClient | undefined> {
  const database = databaseOf(directory);
  if (!await exists(database)) return undefined;
  const clients = tenantClientsIn(database, tenant, `data directory ${directory}`);
  const found = credentialId === undefined
    ? clients[0]
    : clients.find(({ id }) => id === credentialId);
  const keys = found === undefined ? undefined : await masterKeysIn(config, directory);
  if (found === undefined || keys === undefined) return undefined;
  const context = tenantSecretContext(found.tenantId, found.id);
  const secret = sealerOf(keys).open(found.sealedSecret, context);
  return {
    host: found.host,
    clientId: found.clientId,
    clientSecret: new Secret(new TextDecoder().decode(secret)),
  };
}
