/** Service principals, and what acts as them. */
import { Client, type Json } from "../support/client.ts";
import { ok } from "../support/expect.ts";

export const PRINCIPALS = "/api/v1/service_principals";
export const ROLES = "/api/v1/iam/roles";
export const INTROSPECT = "/api/v1/auth/introspect";

/** Makes a service principal with these roles; answers its id. */
export async function makePrincipal(
  client: Client,
  displayName: string,
  roleIds: readonly string[] = [],
): Promise<string> {
  const { servicePrincipal: { id } } = ok(await client.post(PRINCIPALS, { displayName }));
  if (roleIds.length > 0) await setRolesOf(client, id, roleIds);
  return id;
}

export async function setRolesOf(client: Client, id: string, roleIds: readonly string[]) {
  return ok(await client.post(`${PRINCIPALS}/${id}/roles`, { roleIds })).servicePrincipal;
}

/** A new credential of a principal, with its secret. */
export async function makeCredential(
  client: Client,
  principalId: string,
  spec: Json = {},
): Promise<{ readonly credential: Json; readonly clientSecret: string }> {
  return ok(await client.post(`${PRINCIPALS}/${principalId}/credentials`, spec));
}

/** A client with an access token of a new credential. */
export async function signIn(client: Client, principalId: string, spec: Json = {}) {
  const { credential, clientSecret } = await makeCredential(client, principalId, spec);
  return {
    credential,
    clientSecret,
    as: await Client.login(client.url, credential.clientId, clientSecret),
  };
}

/** Makes a custom role; answers it. */
export async function makeRole(client: Client, role: Json): Promise<Json> {
  return ok(await client.post(ROLES, { role })).role;
}

/** The id of a principal itself. */
export async function ownId(client: Client): Promise<string> {
  return ok(await client.get(INTROSPECT)).userId;
}
