/** Where `--tenant` takes the address and the credentials of a tenant from. */
import {
  profilesDir,
  readEnvironment,
  resolveTenantSettings,
  resolveTenantUrl,
} from "../../config/mod.ts";
import { Api } from "../client/api.ts";
import { environmentCredentials, profileTarget, type Target } from "../client/credentials.ts";
import { isOnThisMachine } from "../client/http.ts";
import { isProfileName, Profiles } from "../client/profiles.ts";
import { Session } from "../client/session.ts";
import { Failure, oneLine } from "../terminal/failure.ts";

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
    return new Api(new Session(target));
  }
  throw new Failure(`Tenant ${oneLine(name)} has the URL ${serverUrl}, which is not https`, {
    next: "sign in with the https URL of the tenant",
    exit: "usage",
  });
}

async function findTenant(name: string): Promise<Target> {
  const env = readEnvironment();
  const profiles = new Profiles(profilesDir(env));
  if (isProfileName(name) && (await profiles.names()).includes(name)) {
    return await profileTarget(profiles, name, undefined);
  }
  const settings = resolveTenantSettings(name, env);
  const credentials = settings && environmentCredentials(settings);
  const url = resolveTenantUrl(name);
  if (credentials !== undefined) {
    const serverUrl = settings?.serverUrl ?? url;
    return {
      serverUrl,
      credentials: credentials.kind === "client" ? { ...credentials, kind: "key" } : credentials,
      caCerts: [],
      source: "environment variables",
    };
  }
  throw new Failure(
    `Tenant ${
      oneLine(name)
    } not found: no profile has this name, and the CONDUCTORONE_* variables ` +
      `have no credentials for ${url}`,
    { next: `sign in with invoked login --tenant ${oneLine(name)}`, exit: "usage" },
  );
}
