import { dirname, join } from "node:path";
import { z } from "zod";
import { type ClientSettings, Secret, type Source } from "../../config/mod.ts";
import { describeError, Failure, UsageFailure } from "../terminal/failure.ts";
import { exists } from "../../shared/files.ts";
import { parseJson } from "./api_error.ts";
import { DEFAULT_PROFILE, type Profile, type Profiles } from "./profiles.ts";

/** The credentials of the command line. */
export type Credentials =
  | { readonly kind: "token"; readonly accessToken: Secret }
  | { readonly kind: "client"; readonly clientId: string; readonly clientSecret: Secret }
  /** The key in the secret of a client signs assertions, as C1's own tools do: the secret stays here. */
  | { readonly kind: "key"; readonly clientId: string; readonly clientSecret: Secret }
  | { readonly kind: "workload"; readonly clientId: string; readonly oidcToken: Secret };

/** The credentials in a profile. */
export function credentialsOf(
  { clientId, clientSecret, isTenant }: Pick<Profile, "clientId" | "clientSecret" | "isTenant">,
): Credentials {
  return { kind: isTenant ? "key" : "client", clientId, clientSecret };
}

/** A server and the credentials for it. */
export interface Target {
  /** Without a trailing slash. */
  readonly serverUrl: string;
  readonly credentials: Credentials;
  /** Certificates in PEM that are trusted besides those of the system. */
  readonly caCerts: readonly string[];
  /** Whether the user named a C1 tenant as such. */
  readonly isTenant?: boolean | undefined;
  /** Where the credentials come from, in words. */
  readonly source: string;
  /** The profile that they come from. */
  readonly profile?: string;
}

/** The data directory of a local server. */
export interface DataDir {
  readonly path: string;
  /** What named it; by default the directories above are searched, too. */
  readonly namedBy: Source;
}

/** Where a command looks for its server and credentials. */
interface TargetSources {
  readonly settings: ClientSettings;
  /** The profile that `--profile` names. */
  readonly profile: string | undefined;
  readonly profiles: Profiles;
  readonly dataDir: DataDir;
}

/** The file in a data directory that a server writes at its first start. */
const CREDENTIALS_NAME = "credentials.json";
/** The local CA of a server with `--tls-self-signed`. */
const CA_PATH = join("tls", "ca.pem");

const CredentialsFile = z.object({
  serverUrl: z.url({ protocol: /^https?$/ }),
  clientId: z.string().min(1),
  clientSecret: z.string().min(1),
});

/**
 * Finds the server and the credentials of a command. By precedence: `--profile`, credentials of the environment,
 * `--data`, `INVOKED_PROFILE`, `INVOKED_DATA` or the nearest data directory above, the default profile.
 */
export async function findTarget(sources: TargetSources): Promise<Target> {
  const { settings, profile, profiles, dataDir } = sources;
  if (profile !== undefined) return await profileTarget(profiles, profile, settings.serverUrl);
  const credentials = environmentCredentials(settings);
  if (credentials !== undefined) {
    return await environmentTarget(settings.serverUrl, credentials, dataDir);
  }
  if (dataDir.namedBy !== "flag" && settings.profile !== undefined) {
    return await profileTarget(profiles, settings.profile, settings.serverUrl);
  }
  return await unnamedTarget(sources);
}

/** The server of a data directory that exists. */
export async function dataDirTarget(path: string): Promise<Target> {
  return await localTarget(undefined, path);
}

/** A server that needs no credentials of this command. */
interface FoundServer {
  /** Without a trailing slash. */
  readonly serverUrl: string;
  /** The data directory that was found; undefined for none. */
  readonly dataDir: string | undefined;
  readonly caCerts: readonly string[];
}

/** Finds a server by its URL, or by what it has left in its data directory. @param serverUrl wins */
export async function findServer(
  dataDir: DataDir,
  serverUrl: string | undefined,
): Promise<FoundServer> {
  const directory = await findDataDir(dataDir);
  const path = directory ?? dataDir.path;
  const url = serverUrl ?? await serverUrlIn(path);
  return { serverUrl: url, dataDir: directory, caCerts: await readCa(path) };
}

/** The URL in a file of credentials, which need not be valid. */
async function serverUrlIn(directory: string): Promise<string> {
  const path = join(directory, CREDENTIALS_NAME);
  const text = await Deno.readTextFile(path).catch(() => "");
  const file = CredentialsFile.pick({ serverUrl: true }).safeParse(parseJson(text));
  if (file.success) return new URL(file.data.serverUrl).origin;
  throw new UsageFailure(`No server is known: ${path} does not name one`, {
    next: "name the server with --server, such as --server http://127.0.0.1:8080",
  });
}

/** Nothing chooses a profile: the nearest data directory, or else the default profile. */
async function unnamedTarget({ settings, profiles, dataDir }: TargetSources): Promise<Target> {
  const { serverUrl } = settings;
  const directory = await findDataDir(dataDir);
  if (dataDir.namedBy !== "default" || (directory !== undefined && serverUrl === undefined)) {
    return await localTarget(serverUrl, directory ?? dataDir.path);
  }
  const profile = profiles.isAvailable ? await profiles.read(DEFAULT_PROFILE) : undefined;
  // Of a wanted server, the profile is used if it alone is for it.
  if (profile !== undefined && (directory === undefined || profile.serverUrl === serverUrl)) {
    return await profileTarget(profiles, DEFAULT_PROFILE, serverUrl);
  }
  if (directory !== undefined) return await localTarget(serverUrl, directory);
  const path = join(dataDir.path, CREDENTIALS_NAME);
  throw await exists(path).catch(() => false)
    ? unreadCredentials(path, "the file belongs to another user")
    : unreadCredentials(path, "the file does not exist");
}

async function environmentTarget(
  serverUrl: string | undefined,
  credentials: Credentials,
  dataDir: DataDir,
): Promise<Target> {
  if (serverUrl === undefined) {
    throw new UsageFailure("The environment has credentials, but no variable names a server", {
      next: "set INVOKED_SERVER_URL or CONDUCTORONE_TENANT_DOMAIN, or give --server",
    });
  }
  const directory = await findDataDir(dataDir) ?? dataDir.path;
  const isTrusted = dataDir.namedBy !== "default" || await isOwn(join(directory, CA_PATH));
  const caCerts = isTrusted ? await readCa(directory) : [];
  return { serverUrl, credentials, caCerts, source: "environment variables" };
}

/** The server of a profile. @param serverUrl the server that is wanted; undefined for any @throws {Failure} */
export async function profileTarget(
  profiles: Profiles,
  name: string,
  serverUrl: string | undefined,
): Promise<Target> {
  const profile = await profiles.read(name);
  if (profile === undefined) {
    const names = await profiles.names();
    throw new UsageFailure(`Profile ${name} not found: ${profiles.pathOf(name)} does not exist`, {
      next: names.length === 0
        ? `create it with invoked login --profile ${name}`
        : `use one of ${names.join(", ")}, or create it with invoked login --profile ${name}`,
    });
  }
  const source = `profile ${name}`;
  checkServer(
    serverUrl,
    profile.serverUrl,
    source,
    "log in to it with invoked login --profile NAME",
  );
  return {
    serverUrl: profile.serverUrl,
    credentials: credentialsOf(profile),
    caCerts: profile.caCerts,
    source,
    profile: name,
  };
}

/** Credentials must not reach another server. @param next the step to get credentials for the wanted server */
function checkServer(
  wanted: string | undefined,
  actual: string,
  source: string,
  next: string,
): void {
  if (wanted === undefined || wanted === actual) return;
  throw new Failure(
    `The credentials in ${source} are for ${actual}, not for ${wanted}`,
    { next, exit: "server" },
  );
}

/** The credentials of the environment, where an access token counts before a client. */
export function environmentCredentials(
  { accessToken, credentials }: ClientSettings,
): Credentials | undefined {
  if (accessToken !== undefined) return { kind: "token", accessToken };
  return credentials;
}

async function localTarget(serverUrl: string | undefined, directory: string): Promise<Target> {
  const file = await readCredentials(directory);
  const origin = new URL(file.serverUrl).origin;
  const source = join(directory, CREDENTIALS_NAME);
  checkServer(
    serverUrl,
    origin,
    source,
    `log in to ${serverUrl} with invoked login, or set INVOKED_CLIENT_ID and INVOKED_CLIENT_SECRET`,
  );
  return {
    serverUrl: origin,
    credentials: {
      kind: "client",
      clientId: file.clientId,
      clientSecret: new Secret(file.clientSecret),
    },
    caCerts: await readCa(directory),
    source,
  };
}

/**
 * The data directory, or the directory of the same name in the nearest directory above; undefined if none has
 * credentials. It must belong to this user: a file of another user, such as one in /tmp, must not choose the server.
 */
export async function findDataDir({ path, namedBy }: DataDir): Promise<string | undefined> {
  if (namedBy !== "default") return path;
  const name = path.slice(dirname(path).length + 1);
  for (let directory = dirname(path);; directory = dirname(directory)) {
    const candidate = join(directory, name);
    if (await isOwn(join(candidate, CREDENTIALS_NAME))) return candidate;
    if (directory === dirname(directory)) return undefined;
  }
}

/** Whether a path is a file of this user. */
async function isOwn(path: string): Promise<boolean> {
  const info = await Deno.stat(path).catch(() => undefined);
  return info?.isFile === true && info.uid === Deno.uid();
}

async function readCredentials(dataDir: string): Promise<z.output<typeof CredentialsFile>> {
  const path = join(dataDir, CREDENTIALS_NAME);
  const text = await Deno.readTextFile(path).catch((error) => {
    throw unreadCredentials(path, whyUnread(error, dataDir));
  });
  const credentials = CredentialsFile.safeParse(parseJson(text));
  if (credentials.success) return credentials.data;
  throw new Failure(
    `Invalid credentials in ${path}: the file is not a JSON object with serverUrl, clientId ` +
      "and clientSecret",
    { next: "name the data directory of a server with --data", exit: "server" },
  );
}

function unreadCredentials(path: string, why: string): Failure {
  return new Failure(`Failed to read the credentials in ${path}: ${why}`, {
    next: "start a server with invoked serve, name its data directory with --data, log in with " +
      "invoked login, or set the INVOKED_* or CONDUCTORONE_* variables",
    exit: "server",
  });
}

function whyUnread(error: unknown, dataDir: string): string {
  if (error instanceof Deno.errors.NotFound) return "the file does not exist";
  if (error instanceof Deno.errors.NotADirectory) return `${dataDir} is not a directory`;
  return describeError(error);
}

/** The certificate at {@link CA_PATH}; empty without a certificate. */
async function readCa(dataDir: string): Promise<readonly string[]> {
  const ca = await Deno.readTextFile(join(dataDir, CA_PATH)).catch(() => undefined);
  return ca === undefined ? [] : [ca];
}
