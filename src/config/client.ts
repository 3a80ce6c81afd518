import type { Given } from "./resolve.ts";
import { ConfigError } from "./resolve.ts";
import { origin } from "./kinds.ts";
import { Secret } from "./secret.ts";

/** How the command line reaches its server, besides the data directory. */
export interface ClientSettings {
  /** Without a trailing slash. */
  readonly serverUrl: string | undefined;
  readonly accessToken: Secret | undefined;
  readonly credentials:
    | { readonly clientId: string; readonly clientSecret: Secret }
    | undefined;
}

/** The variables of C1's own SDKs and tools, with their meaning. */
export const CLIENT_VARIABLES = {
  CONDUCTORONE_SERVER_URL: "URL of the server",
  CONDUCTORONE_TENANT_DOMAIN: "tenant of C1 (acme or acme.conductor.one), if no URL is given",
  CONDUCTORONE_ACCESS_TOKEN: "access token; wins over client id and secret",
  CONDUCTORONE_CLIENT_ID: "client id, with CONDUCTORONE_CLIENT_SECRET",
  CONDUCTORONE_CLIENT_SECRET: "client secret, with CONDUCTORONE_CLIENT_ID",
} as const;

/**
 * Reads `--server` and C1's variables; the flag wins.
 *
 * @throws {ConfigError} for an invalid URL, and for one half of the client's credentials
 */
export function resolveClientSettings(server: string | undefined, env: Given): ClientSettings {
  const given = (name: keyof typeof CLIENT_VARIABLES) => env[name] === "" ? undefined : env[name];
  const secret = (text: string | undefined) => text === undefined ? undefined : new Secret(text);
  const [clientId, clientSecret] = [
    given("CONDUCTORONE_CLIENT_ID"),
    secret(given("CONDUCTORONE_CLIENT_SECRET")),
  ];
  const credentials = clientId === undefined || clientSecret === undefined
    ? undefined
    : { clientId, clientSecret };
  if (credentials === undefined && (clientId ?? clientSecret) !== undefined) {
    throw new ConfigError([
      "Cannot use the client credentials: CONDUCTORONE_CLIENT_ID and CONDUCTORONE_CLIENT_SECRET " +
      "belong together, but only one is set",
    ]);
  }
  const tenant = given("CONDUCTORONE_TENANT_DOMAIN");
  return {
    serverUrl: readUrl("--server", server) ??
      readUrl("CONDUCTORONE_SERVER_URL", given("CONDUCTORONE_SERVER_URL")) ??
      readUrl("CONDUCTORONE_TENANT_DOMAIN", tenant === undefined ? undefined : tenantUrl(tenant)),
    accessToken: secret(given("CONDUCTORONE_ACCESS_TOKEN")),
    credentials,
  };
}

function readUrl(name: string, text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const { parse, accepts } = origin();
  const url = parse(text);
  if (url === undefined) {
    throw new ConfigError([`Cannot use ${name}: ${JSON.stringify(text)} is not ${accepts}`]);
  }
  return url;
}

function tenantUrl(tenant: string): string {
  if (tenant.includes("://")) return tenant;
  return `https://${tenant.includes(".") ? tenant : `${tenant}.conductor.one`}`;
}
