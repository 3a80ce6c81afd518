/** What the tests of workload federation share. */
import assert from "node:assert/strict";
import type { Answer, Client, Json } from "../support/client.ts";
import { ok } from "../support/expect.ts";
import type { TestServer } from "../support/server.ts";
import { makePrincipal, signIn } from "./principals.ts";
import type { TokenIssuer } from "./token_issuer.ts";

export const PROVIDERS = "/api/v1/workload_federation/providers";
export const PRINCIPALS = "/api/v1/service_principals";
export const CONDITION =
  "claims.repository == 'octo-org/octo-repo' && claims.ref == 'refs/heads/main'";
export const WELL_KNOWN = "WELL_KNOWN_WORKLOAD_PROVIDER";
export const VIEWER = "000000000000000systemviewer";
export const STRANGER = /^subject_token rejected: no usable trust with this client_id accepts/;

const exchange = {
  grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
  subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
};

export interface Stage {
  readonly server: TestServer;
  readonly client: Client;
  readonly stranger: Client;
  readonly issuer: TokenIssuer;
  /** The owner's service principal. */
  readonly principalId: string;
  /** What tokens name as their audience. */
  readonly audience: string;
}

export function trustsOf(principalId: string): string {
  return `${PRINCIPALS}/${principalId}/trusts`;
}

export function pathOf({ servicePrincipalId, clientId }: Json): string {
  return `${trustsOf(servicePrincipalId)}/${encodeURIComponent(clientId)}`;
}

export async function createProvider({ client, issuer }: Stage, path: string, kind: string) {
  const { provider } = ok(
    await client.post(PROVIDERS, {
      displayName: path.slice(1),
      issuerUrl: issuer.url(path),
      wellKnownProvider: `${WELL_KNOWN}_${kind}`,
      oidc: {},
    }),
  );
  return provider;
}

export async function createTrust(
  { client, principalId }: Stage,
  providerId: string,
  change: Json = {},
) {
  const settings = { displayName: "deploy", providerId, conditionExpression: CONDITION, ...change };
  return ok(await client.post(trustsOf(principalId), settings)).trust;
}

let jobs = 0;

/** Sends a token from an address of its own, so that no limit of addresses is met. */
export function present(
  { stranger }: Stage,
  trust: Json,
  token: string,
  more = {},
  from = nextAddress(),
) {
  const form = { ...exchange, client_id: trust.clientId, subject_token: token, ...more };
  return stranger.form("/auth/v1/token", form, { "x-forwarded-for": from });
}

function nextAddress(): string {
  jobs++;
  return `198.51.100.${jobs % 256}`;
}

/** The newest events of token exchanges. */
export async function eventsOf({ client }: Stage): Promise<Json[]> {
  const body = { pageSize: 100, sortDirection: "SORT_DIRECTION_DESC" };
  const { list } = ok(await client.post("/api/v1/systemlog/events", body));
  return list.filter((event: Json) => event.activity_name === "token_exchange");
}

export async function assertRecorded(stage: Stage, trust: Json, reason: string): Promise<void> {
  const [event] = await eventsOf(stage);
  assert.equal(event.status_code, reason, JSON.stringify(event));
  assert.equal(event.user.credential_uid, trust.clientId);
  assert.equal(event.status_id, 2);
}

export function assertRejected({ status, body }: Answer<Json>): void {
  assert.deepEqual([status, body.error], [400, "invalid_request"], JSON.stringify(body));
  assert.match(body.error_description, STRANGER);
}

/** A client that has run no tests yet: each principal may run few at once. */
export async function newTester({ client }: Pick<Stage, "client">): Promise<Client> {
  return (await signIn(client, await makePrincipal(client, "tester", [VIEWER]))).as;
}
