import { isAbsolute, join } from "node:path";
import type { Given } from "./resolve.ts";
import { ConfigError } from "./resolve.ts";
import type { CLIENT_VARIABLES } from "./client_variables.ts";
import { origin } from "./kinds.ts";
import { Secret } from "./secret.ts";

/** How the command line reaches its server, besides the data directory. */
export interface ClientSettings {
  /** Without a trailing slash. */
  readonly serverUrl: string | undefined;
  readonly accessToken: Secret | undefined;
  readonly credentials: GivenCredentials | undefined;
  /** The profile that `INVOKED_PROFILE` names. */
  readonly profile: string | undefined;
}

/** A client with its secret, or with the token of a workload that the trust of this client id accepts. */
type GivenCredentials =
  | { readonly kind: "client"; readonly clientId: string; readonly clientSecret: Secret }
  | { readonly kind: "workload"; readonly clientId: string; readonly oidcToken: Secret };

type ClientVariable = keyof typeof CLIENT_VARIABLES;

/** The names of the variables that are in force together. */
interface Family {
  readonly url: ClientVariable;
  readonly accessToken: ClientVariable;
  readonly oidcToken: ClientVariable;
  readonly clientId: ClientVariable;
  readonly clientSecret: ClientVariable;
}

const INVOKED: Family = {
  url: "INVOKED_SERVER_URL",
  accessToken: "INVOKED_ACCESS_TOKEN",
  oidcToken: "INVOKED_OIDC_TOKEN",
  clientId: "INVOKED_CLIENT_ID",
  clientSecret: "INVOKED_CLIENT_SECRET",
};
const C1: Family = {
  url: "CONDUCTORONE_SERVER_URL",
  accessToken: "CONDUCTORONE_ACCESS_TOKEN",
  oidcToken: "CONDUCTORONE_OIDC_TOKEN",
  clientId: "CONDUCTORONE_CLIENT_ID",
  clientSecret: "CONDUCTORONE_CLIENT_SECRET",
};

/**
 * Reads `--server` and the variables; the flag wins.
 *
 * @throws {ConfigError} for an invalid URL, and, without an access token, for a client id without a secret or
 * token, or one of these without an id
 */
export function resolveClientSettings(server: string | undefined, env: Given): ClientSettings {
  const given = (name: ClientVariable) => env[name] === "" ? undefined : env[name];
  const isSet = (name: ClientVariable) => given(name) !== undefined;
  const family = Object.values(INVOKED).some(isSet) ? INVOKED : C1;
  const secret = (name: ClientVariable) => isSet(name) ? new Secret(given(name) ?? "") : undefined;
  const tenant = family === C1 ? given("CONDUCTORONE_TENANT_DOMAIN") : undefined;
  return {
    serverUrl: readUrl("--server", server) ??
      readUrl(family.url, given(family.url)) ??
      readUrl("CONDUCTORONE_TENANT_DOMAIN", tenant === undefined ? undefined : tenantUrl(tenant)),
    accessToken: secret(family.accessToken),
    // An access token alone counts, whatever is beside it.
    credentials: isSet(family.accessToken)
      ? undefined
      : credentialsOf(family, given(family.clientId), secret),
    profile: given("INVOKED_PROFILE"),
  };
}

/** A client of a C1 tenant. */
export interface TenantClient {
  /** Undefined for the host in the client id. */
  readonly host: string | undefined;
  readonly clientId: string;
  readonly clientSecret: Secret;
}

/** The token of a workload counts before a secret. */
function credentialsOf(
  family: Family,
  clientId: string | undefined,
  secret: (name: ClientVariable) => Secret | undefined,
): GivenCredentials | undefined {
  const [oidcToken, clientSecret] = [secret(family.oidcToken), secret(family.clientSecret)];
  if (clientId !== undefined && oidcToken !== undefined) {
    return { kind: "workload", clientId, oidcToken };
  }
  if (clientId !== undefined && clientSecret !== undefined) {
    return { kind: "client", clientId, clientSecret };
  }
  if (oidcToken !== undefined) {
    throw new ConfigError([
      `Incomplete credentials: ${family.oidcToken} needs the client id of a trust in ${family.clientId}`,
    ]);
  }
  if ((clientId ?? clientSecret) === undefined) return undefined;
  throw new ConfigError([
    `Incomplete client credentials: ${family.clientId} and ${family.clientSecret} ` +
    "belong together, but only one is set",
  ]);
}

/** The folder of this user's profiles; undefined if the environment names no folder for the user's configuration. */
export function profilesDir(env: Given): string | undefined {
  // A relative path is invalid by the XDG Base Directory Specification.
  const [home, configured] = [env["HOME"], env["XDG_CONFIG_HOME"]].map((path) =>
    path !== undefined && isAbsolute(path) ? path : undefined
  );
  const config = configured ?? (home === undefined ? undefined : join(home, ".config"));
  return config && join(config, "invoked", "profiles");
}

function readUrl(name: string, text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const { parse, accepts } = origin();
  const url = parse(text);
  if (url === undefined) {
    throw new ConfigError([`Invalid ${name}: ${JSON.stringify(text)} is not ${accepts}`]);
  }
  return url;
}

/** The URL of a tenant of C1, by its name (`acme`), its host or its URL. @throws {ConfigError} */
export function resolveTenantUrl(tenant: string): string {
  const url = readUrl("--tenant", tenant === "" ? undefined : tenantUrl(tenant));
  if (url !== undefined) return url;
  throw new ConfigError(["Invalid --tenant: it is empty"]);
}

/**
 * The credentials of the `CONDUCTORONE_*` variables for a tenant; undefined without credentials, and if the variables are
 * for another tenant. `CONDUCTORONE_TENANT_DOMAIN` names the tenant, or else the URL, or else the id of the client. The
 * variables of invoked servers do not count.
 *
 * @throws {ConfigError} as {@link resolveClientSettings}
 */
export function resolveTenantSettings(tenant: string, env: Given): ClientSettings | undefined {
  const given = ofC1(env);
  const settings = resolveClientSettings(undefined, given);
  if ((settings.accessToken ?? settings.credentials) === undefined) return undefined;
  const url = resolveTenantUrl(tenant);
  const domain = given["CONDUCTORONE_TENANT_DOMAIN"];
  const [, host] = /@([^@/]+)\//.exec(given["CONDUCTORONE_CLIENT_ID"] ?? "") ?? [];
  const named = domain ? resolveTenantUrl(domain) : settings.serverUrl ?? (host && tenantUrl(host));
  return named === url ? settings : undefined;
}

function ofC1(env: Given): Given {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => name.startsWith("CONDUCTORONE_")),
  );
}

function tenantUrl(tenant: string): string {
  if (tenant.includes("://")) return tenant;
  return `https://${/[.:]/.test(tenant) ? tenant : `${tenant}.conductor.one`}`;
}
