import { type Command, Option } from "commander";
import {
  type Given,
  profilesDir,
  readEnvironment,
  resolveClientSettings,
  resolveTenantUrl,
} from "../config/mod.ts";
import { C1_DEVICE_CLIENT } from "../resources/clients.ts";
import {
  certificatesOf,
  deletePersonalClient,
  type LoginTarget,
  personalClientOf,
  withSession,
} from "./client/browser_login.ts";
import { credentialsOf, findTarget } from "./client/credentials.ts";
import { type DeviceClient, INVOKED_DEVICE } from "./client/device_login.ts";
import { isOnThisMachine } from "./client/http.ts";
import { readPrincipal } from "./client/principal.ts";
import { checkProfileName, DEFAULT_PROFILE, type Profile, Profiles } from "./client/profiles.ts";
import { addExamples, addJsonOption, type JsonFlag } from "./options/common_options.ts";
import { readClient } from "./options/client_secret.ts";
import { defaultDataDir } from "./options/server_options.ts";
import { parseLifetime } from "./options/time.ts";
import { describeError, oneLine, UsageFailure } from "./terminal/failure.ts";
import { note, printJson, warn } from "./terminal/output.ts";
import { askForText } from "./terminal/prompts.ts";

interface Options extends JsonFlag {
  readonly server?: string;
  readonly tenant?: string;
  /** True without a value: a terminal asks for the id. */
  readonly clientId?: string | true;
  readonly role: readonly string[];
  readonly expires?: number;
  readonly browser: boolean;
  readonly ca?: string;
  readonly profile?: string;
}

/**
 * `invoked login`: keeps the credentials of a client. By default a person approves the command line in a browser, and the
 * client is a new one of that person. The secret is never an argument: every user can read arguments.
 */
export function register(command: Command): void {
  command
    .argument("[url]", "URL of the server")
    .option("--server <URL>", "The same; a terminal asks for it [INVOKED_SERVER_URL]")
    .addOption(
      new Option(
        "--tenant <TENANT>",
        "Sign in to a C1 tenant instead, such as acme or acme.conductor.one",
      ).conflicts(["server", "role"]),
    )
    .option("--client-id [ID]", "Log in with the secret of this client instead of a browser")
    .option("--role <ROLE...>", "Roles of the new client, such as system:viewer", [])
    .addOption(
      new Option("--expires <DURATION>", "Lifetime of the new client, such as 30d; at most 180d")
        .argParser(parseLifetime).default(undefined, "until invoked logout"),
    )
    .option("--no-browser", "Print the address and the code, but open no browser")
    .option("--ca <FILE>", "CA certificates (PEM) to trust in addition to the system's")
    .addOption(
      new Option(
        "--profile <PROFILE>",
        "Name of the profile [INVOKED_PROFILE, otherwise the tenant or default]",
      ),
    );
  addJsonOption(command);
  command.addHelpText("after", NOTES);
  addExamples(
    command,
    "invoked login https://invoked.example",
    "invoked login --tenant acme",
    'printf %s "$SECRET" | invoked login URL --client-id ID --profile production',
  );
  command.action(async (url: string | undefined, options: Options) => {
    const env = readEnvironment();
    const ofTenant = options.tenant === undefined ? undefined : resolveTenantUrl(options.tenant);
    const settings = resolveClientSettings(serverOf(url, options.server ?? ofTenant), env);
    const name = options.profile ?? tenantName(ofTenant) ?? settings.profile ?? DEFAULT_PROFILE;
    checkProfileName(name);
    const profiles = new Profiles(profilesDir(env));
    const path = profiles.pathOf(name);
    const target = await askForTarget(settings.serverUrl, options);
    const earlier = await keepOtherServer(profiles, name, target);
    const profile = options.clientId === undefined
      ? await profileOfBrowser(target, options)
      : { ...target, ...await askForClient(options.clientId) };
    const principalId = await keep(profile, () => profiles.write(name, profile));
    await deleteEarlier(profile, earlier);
    const { serverUrl, clientId } = profile;
    if (options.json) printJson({ profile: name, path, serverUrl, clientId, principalId });
    else console.log(`Logged in to ${serverUrl} as ${oneLine(clientId)}: profile ${name}`);
    await noteUse(name, profiles, env);
  });
}

const NOTES = `
A browser shows who asks for access, and a person who is signed in there approves it. With --client-id, the secret comes
from stdin, or from a prompt at a terminal. The profile is a file (0600) in $XDG_CONFIG_HOME/invoked/profiles or
~/.config/invoked/profiles. A server may make the command wait for at most an hour, and 60 s between two requests.`;

/** `invoked login --tenant`. C1 takes roles only by their ids, so the client has all roles of the person. */
const C1_DEVICE: DeviceClient = {
  clientId: C1_DEVICE_CLIENT,
  command: "invoked login --tenant",
  otherwise: "log in with the id and the secret of a client of the tenant: give --client-id",
};

/** The profile of a tenant, which `--tenant` then names: the first part of its host, such as `acme`. */
function tenantName(tenantUrl: string | undefined): string | undefined {
  return tenantUrl && new URL(tenantUrl).hostname.split(".")[0];
}

function serverOf(url: string | undefined, server: string | undefined): string | undefined {
  if (url === undefined || server === undefined || url === server) return url ?? server;
  throw new UsageFailure(`Two servers are given: ${url} and --server ${server}`, {
    next: "give the URL once",
  });
}

/**
 * Checks the profile with a request, and writes it. A new client whose profile is not written is deleted.
 * @returns the id of the principal
 */
async function keep(profile: Profile, write: () => Promise<void>): Promise<string> {
  try {
    const { id } = await check(profile);
    await write();
    return id;
  } catch (error) {
    await deleteClientOf(profile).catch(() => {});
    throw error;
  }
}

/** The client of the profile before, which the new client replaces. */
async function deleteEarlier(profile: Profile, earlier: Profile | undefined): Promise<void> {
  if (earlier?.personalClientId === undefined || earlier.clientId === profile.clientId) return;
  try {
    await deleteClientOf(earlier);
  } catch (error) {
    warn(`Warning: the client of the earlier login still exists: ${describeError(error)}`);
  }
}

/** A new client of the person who approves in a browser. */
async function profileOfBrowser(
  target: LoginTarget,
  { role: roles, expires: lifetimeMs, browser: opensBrowser, tenant }: Options,
): Promise<Profile> {
  const device = tenant === undefined ? INVOKED_DEVICE : C1_DEVICE;
  return {
    ...target,
    ...await personalClientOf(target, { device, roles, lifetimeMs, opensBrowser }),
  };
}

/**
 * The profile that the new one replaces; undefined without one. The replaced secret may be the only copy.
 * @throws {Failure} if the profile is for another server
 */
async function keepOtherServer(
  profiles: Profiles,
  name: string,
  { serverUrl }: LoginTarget,
): Promise<Profile | undefined> {
  const present = await profiles.read(name).catch(() => undefined);
  if (present === undefined || present.serverUrl === serverUrl) return present;
  throw new UsageFailure(`Profile ${name} is for another server, ${present.serverUrl}`, {
    next: `give --profile NAME for ${serverUrl}, or remove the profile with invoked logout`,
  });
}

async function askForTarget(
  serverUrl: string | undefined,
  { ca, tenant }: Options,
): Promise<LoginTarget> {
  const caCerts = await certificatesOf(ca);
  const url = serverUrl ?? await askForServer();
  if (!url.startsWith("https:") && !isOnThisMachine(url)) {
    warn(`Warning: the connection to ${url} is not encrypted`);
  }
  return { serverUrl: url, caCerts, ...tenant === undefined ? {} : { isTenant: true } };
}

async function askForClient(
  given: string | true,
): Promise<Pick<Profile, "clientId" | "clientSecret">> {
  const clientId = given === true ? await askForText("Client id", "give --client-id ID") : given;
  if (clientId.trim() === "") {
    throw new UsageFailure("The client id is empty", {
      next: "give --client-id ID, as invoked clients create prints it",
    });
  }
  return await readClient(clientId);
}

async function askForServer(): Promise<string> {
  const given = await askForText("URL of the server", "give the URL as an argument");
  const { serverUrl } = resolveClientSettings(given, {});
  if (serverUrl !== undefined) return serverUrl;
  throw new UsageFailure("The URL of the server is empty", {
    next: "give it as an argument, such as https://invoked.example",
  });
}

/** The principal of the credentials. @throws {Failure} if the server does not accept them */
async function check(profile: Profile) {
  return await withSession(profile, credentialsOf(profile), readPrincipal);
}

/** Deletes the client of a profile, if the login has made it. */
async function deleteClientOf({ personalClientId, ...profile }: Profile): Promise<void> {
  if (personalClientId === undefined) return;
  await deletePersonalClient(profile, { ...profile, personalClientId });
}

/** Names what commands need to use the profile. */
async function noteUse(name: string, profiles: Profiles, env: Given): Promise<void> {
  const chosen = await findTarget({
    settings: resolveClientSettings(undefined, env),
    profile: undefined,
    profiles,
    dataDir: defaultDataDir(env),
  }).catch(() => undefined);
  if (chosen?.profile === name) return;
  const others = chosen === undefined ? "" : `; without it ${chosen.source} is used here`;
  note(`Use it with --profile ${name} or INVOKED_PROFILE=${name}${others}`);
}
