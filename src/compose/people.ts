/** Builds what signs people in: their sessions, their provider, and the links of the server's host. */
import type { Config } from "../config/mod.ts";
import { OidcProvider } from "../domain/identity/oidc/provider.ts";
import { Transactions } from "../domain/identity/oidc/transactions.ts";
import { BUILTIN_ROLES, roleIdOf } from "../domain/identity/mod.ts";
import { People } from "../domain/identity/people.ts";
import { Confirmations } from "../domain/sessions/confirmations.ts";
import { OwnerAssertions } from "../domain/sessions/owner_assertion.ts";
import { SessionLinks } from "../domain/sessions/session_links.ts";
import { OwnerLinks } from "../domain/sessions/owner_links.ts";
import { PROVIDER_SIGN_IN_PATH, ProviderSignIn } from "../domain/sessions/provider_sign_in.ts";
import { ConsoleSessions, type SignInMethods } from "../domain/sessions/sessions.ts";
import { readCertificates, readSecretFile } from "./setting_files.ts";
import type { Shared } from "./parts.ts";

const CALLBACK_PATH = "/auth/v1/oidc/callback";
const ROLE_ID = /^[0-9A-Za-z]{27}$/;

/** @throws Error for a setting whose file or role is not valid */
export async function openPeople(parts: Shared) {
  const { config: { identity, oidc, server }, store, sealer, audit, url } = parts;
  const people = new People({
    ...parts,
    roleMap: checkedRoles(oidc),
    groupsLifetimeMs: oidc.groupsLifetimeMs,
  });
  const provider = await openProvider(oidc, url);
  const confirmations = provider &&
    new Confirmations({ store, sealer, people, provider, audit, intervalMs: oidc.refreshMs });
  const consoleSessions = new ConsoleSessions({
    ...parts,
    confirmations,
    limits: { lifetimeMs: identity.sessionLifetimeMs, isProviderOnly: oidc.only },
  });
  const links = new SessionLinks({
    ...parts,
    limits: { linkLifetimeMs: identity.sessionLinkLifetimeMs, isProviderOnly: oidc.only },
  });
  const hostNames = [new URL(url).hostname, server.host];
  const assertions = new OwnerAssertions(sealer, hostNames);
  return {
    people,
    consoleSessions,
    sessionLinks: links,
    ownerLinks: new OwnerLinks({ store, assertions, links, liveClients: parts.liveClients, audit }),
    providerSignIn: new ProviderSignIn({
      store,
      provider: provider && confirmations && { provider, confirmations },
      transactions: new Transactions(sealer),
      people,
      sessions: consoleSessions,
      audit,
      url,
    }),
    signInMethods: methodsOf(oidc),
    oidcProvider: provider,
  };
}

function methodsOf({ issuer, only }: Config["oidc"]): SignInMethods {
  if (issuer === undefined) return {};
  return { providerSignInPath: PROVIDER_SIGN_IN_PATH, ...only ? { isProviderOnly: true } : {} };
}

/** What the files of `--oidc-client-secret-file` and `--oidc-ca` contain. @throws Error */
export async function readProviderFiles({ clientSecretFile, caFile }: Config["oidc"]) {
  return {
    clientSecret: clientSecretFile === undefined
      ? undefined
      : await readSecretFile("--oidc-client-secret-file", clientSecretFile),
    caCerts: caFile === undefined ? [] : [await readCertificates("--oidc-ca", caFile)],
  };
}

/** The provider of the settings; undefined without one. A provider that does not answer does not keep the server down. */
async function openProvider(
  oidc: Config["oidc"],
  url: string,
): Promise<OidcProvider | undefined> {
  const { issuer, clientId, groupsClaim } = oidc;
  if (issuer === undefined || clientId === undefined) return undefined;
  const provider = new OidcProvider({
    issuer,
    clientId,
    ...await readProviderFiles(oidc),
    groupsClaim,
    redirectUri: url + CALLBACK_PATH,
    signedOutUri: `${url}/sign-in`,
  });
  void provider.prepare();
  return provider;
}

/** The pairs of `--oidc-role-map`. Whether a custom role exists shows at each sign-in. @throws Error */
export function checkedRoles(
  { roleMap = [] }: Config["oidc"],
): NonNullable<Config["oidc"]["roleMap"]> {
  const unknown = roleMap.find(({ role }) => !ROLE_ID.test(roleIdOf(role)));
  if (unknown === undefined) return roleMap;
  const names = BUILTIN_ROLES.map(({ name }) => name).join(", ");
  throw new Error(
    `invalid --oidc-role-map: ${
      JSON.stringify(unknown.role)
    } is not a role; use ${names}, or the id of a custom role`,
  );
}
