/** Where `--tenant` and `--record` take the address and the credentials of a tenant from. */
import {
  profilesDir,
  readEnvironment,
  resolveTenantSettings,
  resolveTenantUrl,
  type TenantClient,
} from "../../config/mod.ts";
import { Api } from "../client/api.ts";
import { environmentCredentials, profileTarget, type Target } from "../client/credentials.ts";
import { isOnThisMachine } from "../client/http.ts";
import { isProfileName, Profiles } from "../client/profiles.ts";
import { Session } from "../client/session.ts";
import { oneLine, UsageFailure } from "../terminal/failure.ts";

/**
 * Connects to a tenant with the credentials of this user. A server keeps the credentials of the tenants that its functions
 * call (`invoked tenants`) and gives them to nobody, so a deploy needs its own.
 *
 * @param name a profile of `invoked login`, or else the tenant of the `CONDUCTORONE_*` variables: its name, host or URL
 * @throws {Failure} without credentials for it. The caller closes the connection
 */
export async function connectToTenant(name: string): Promise<Api> {
  const target = await findTenant(name);
  const { serverUrl } = target;
  if (serverUrl.startsWith("https:") || isOnThisMachine(serverUrl)) {
    return new Api(new Session({ ...target, isTenant: true }));
  }
  throw new UsageFailure(`Tenant ${oneLine(name)} has the URL ${serverUrl}, which is not https`, {
    next: "sign in with the https URL of the tenant",
  });
}

/**
 * The client of this user for a tenant, from the same sources as {@link connectToTenant}. Undefined without a client, also
 * for a profile of an invoked server and for variables with another kind of credentials.
 */
export async function findTenantClient(
  name: string,
): Promise<(TenantClient & Pick<Target, "source" | "caCerts">) | undefined> {
  for (const find of [profileOf, variablesFor]) {
    const target = await find(name);
    if (target?.credentials.kind !== "key") continue;
    const { clientId, clientSecret } = target.credentials;
    const { serverUrl, source, caCerts } = target;
    return { host: new URL(serverUrl).host, clientId, clientSecret, source, caCerts };
  }
  return undefined;
}

/** The profiles of this user that are for tenants. Profiles that cannot be read are left out. */
export async function tenantProfiles(): Promise<readonly string[]> {
  const profiles = new Profiles(profilesDir(readEnvironment()));
  const names = profiles.isAvailable ? await profiles.names() : [];
  const isOfTenant = await Promise.all(
    names.map((name) => profiles.read(name).then((found) => found?.isTenant, () => false)),
  );
  return names.filter((_, at) => isOfTenant[at]);
}

async function profileOf(name: string): Promise<Target | undefined> {
  const profiles = new Profiles(profilesDir(readEnvironment()));
  const isKnown = isProfileName(name) && (await profiles.names()).includes(name);
  return isKnown ? await profileTarget(profiles, name, undefined) : undefined;
}

function variablesFor(name: string): Target | undefined {
  const settings = resolveTenantSettings(name, readEnvironment());
  const credentials = settings && environmentCredentials(settings);
  if (credentials === undefined) return undefined;
  return {
    serverUrl: settings?.serverUrl ?? resolveTenantUrl(name),
    credentials: credentials.kind === "client" ? { ...credentials, kind: "key" } : credentials,
    caCerts: [],
    source: "environment variables",
  };
}

async function findTenant(name: string): Promise<Target> {
  const target = await profileOf(name) ?? variablesFor(name);
  if (target !== undefined) return target;
  const url = resolveTenantUrl(name);
  throw new UsageFailure(
    `Tenant ${
      oneLine(name)
    } not found: no profile has this name, and the CONDUCTORONE_* variables ` +
      `have no credentials for ${url}`,
    { next: `sign in with invoked login --tenant ${oneLine(name)}` },
  );
}
