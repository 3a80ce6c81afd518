/** The arguments of the commands about tenants. */
import { Secret } from "../../config/mod.ts";
import type { Tenant, TenantClient, TenantCredential } from "../client/tenants.ts";
import { readClientSecret } from "../options/client_secret.ts";
import { Failure, oneLine } from "../terminal/failure.ts";

export const TENANT_ARGUMENT = "<tenant>";
export const TENANT_HELP = "Name, host, id, or 6 or more first characters of the id";
export const CLIENT_ID_FLAG = "--client-id <ID>";
export const CLIENT_ID_HELP = "Id of a client of the tenant; its secret comes from stdin";
export const CREDENTIAL_FLAG = "--credential <CREDENTIAL>";
export const CREDENTIAL_HELP = "Id or client id of the credential, if the tenant has several";
export const FORCE_HELP = "Remove it although functions use it; their calls of the tenant fail";

/** The client of an id, with its secret from stdin or a prompt. */
export async function readClient(clientId: string): Promise<TenantClient> {
  return { clientId: clientId.trim(), clientSecret: new Secret(await readClientSecret()) };
}

/** The credential of a tenant that is named by its id or client id, or the only one. @throws {Failure} */
export function credentialOf(
  { name, credentials }: Tenant,
  named: string | undefined,
): TenantCredential {
  const [only, ...others] = named === undefined
    ? credentials
    : credentials.filter(({ id, clientId }) => id === named || clientId === named);
  if (only !== undefined && others.length === 0) return only;
  const shown = credentials.map(({ id, clientId }) => `${id} (${oneLine(clientId)})`).join(", ");
  throw new Failure(
    named === undefined
      ? `Tenant ${oneLine(name)} has several credentials: ${shown}`
      : `Credential ${JSON.stringify(oneLine(named))} not found: tenant ${
        oneLine(name)
      } has ${shown}`,
    { next: "name one with its id", exit: "usage" },
  );
}

/** Names the functions that have lost their access; empty without any. */
export function lostAccess(
  functions: readonly { readonly id: string; readonly displayName: string }[],
): string {
  if (functions.length === 0) return "";
  const names = functions.map(({ id, displayName }) => `${oneLine(displayName)} (${id})`);
  return `; functions that lost their access: ${names.join(", ")}`;
}
