/** The clients that a principal makes for itself. */
import assert from "node:assert/strict";
import { BUILTIN_ROLE_IDS } from "../../src/resources/roles.ts";
import { Client, type Credentials, type Json } from "../support/client.ts";
import { ok } from "../support/expect.ts";
import { INTROSPECT } from "./principals.ts";
import { type Proofs } from "./proofs.ts";

export const CLIENTS = "/api/v1/iam/personal_clients";
export const VIEWER = BUILTIN_ROLE_IDS["system:viewer"];
export const INVOKER = BUILTIN_ROLE_IDS["functions:invoker"];

export interface Made extends Credentials {
  readonly id: string;
  readonly answer: Json;
}

export async function make(client: Client, spec: Json): Promise<Made> {
  const answer = ok(await client.post(CLIENTS, spec));
  const { client: { id, clientId }, clientSecret } = answer;
  return { id, clientId, clientSecret, answer };
}

export function login(client: Client, { clientId, clientSecret }: Made): Promise<Client> {
  return Client.login(client.url, clientId, clientSecret);
}

export async function assertNoToken(client: Client, credentials: Credentials): Promise<void> {
  const { status, body } = await client.requestToken(credentials);
  assert.deepEqual([status, body.error], [401, "invalid_client"]);
}

export const set = (client: Client, { id }: Pick<Made, "id">, change: Json, updateMask?: string) =>
  client.post(`${CLIENTS}/${id}`, { client: change, updateMask });

export async function proven(url: string, token: string, proofs: Proofs) {
  const dpop = await proofs.prove("GET", `${url}${INTROSPECT}`, token);
  return { authorization: `DPoP ${token}`, dpop };
}
