import { dirname, join } from "node:path";
import { z } from "zod";
import { type ClientSettings, Secret } from "../../config/mod.ts";
import { describeError, Failure } from "../terminal/failure.ts";
import { parseJson } from "./api_error.ts";

/** The credentials of the command line. */
export type Credentials =
  | { readonly kind: "token"; readonly accessToken: Secret }
  | { readonly kind: "client"; readonly clientId: string; readonly clientSecret: Secret };

/** A server and the credentials for it. */
export interface Target {
  /** Without a trailing slash. */
  readonly serverUrl: string;
  readonly credentials: Credentials;
  /** Certificates in PEM that are trusted besides those of the system. */
  readonly caCerts: readonly string[];
}

/** The data directory of a local server. */
export interface DataDir {
  readonly path: string;
  /** Whether the user named it; otherwise the directories above are searched, too. */
  readonly isNamed: boolean;
}

const CredentialsFile = z.object({
  serverUrl: z.url({ protocol: /^https?$/ }),
  clientId: z.string().min(1),
  clientSecret: z.string().min(1),
});

/** Reads C1's variables first, then `credentials.json` of a local server's data directory. */
export async function findTarget(settings: ClientSettings, dataDir: DataDir): Promise<Target> {
  const { serverUrl } = settings;
  const credentials = environmentCredentials(settings);
  if (credentials === undefined) return await localTarget(serverUrl, dataDir);
  if (serverUrl === undefined) {
    throw new Failure("Cannot use the credentials of the environment: no variable names a server", {
      next: "set INVOKED_SERVER_URL or CONDUCTORONE_TENANT_DOMAIN, or give --server",
      exit: "usage",
    });
  }
  return { serverUrl, credentials, caCerts: await readCa(await findDataDir(dataDir)) };
}

function environmentCredentials(
  { accessToken, credentials }: ClientSettings,
): Credentials | undefined {
  if (accessToken !== undefined) return { kind: "token", accessToken };
  return credentials === undefined ? undefined : { kind: "client", ...credentials };
}

async function localTarget(serverUrl: string | undefined, dataDir: DataDir): Promise<Target> {
  const directory = await findDataDir(dataDir);
  const file = await readCredentials(directory);
  const origin = new URL(file.serverUrl).origin;
  if (serverUrl !== undefined && serverUrl !== origin) {
    throw new Failure(
      `Cannot use the credentials in ${join(directory, "credentials.json")}: they are for ` +
        `${origin}, not for ${serverUrl}`,
      {
        next: `set INVOKED_CLIENT_ID and INVOKED_CLIENT_SECRET to those of ${serverUrl}`,
        exit: "server",
      },
    );
  }
  return {
    serverUrl: origin,
    credentials: {
      kind: "client",
      clientId: file.clientId,
      clientSecret: new Secret(file.clientSecret),
    },
    caCerts: await readCa(directory),
  };
}

/**
 * The data directory, or the one of the same name in the nearest directory above. It must belong to this user: a file
 * of another user, such as one in /tmp, must not choose the server.
 */
async function findDataDir({ path, isNamed }: DataDir): Promise<string> {
  if (isNamed) return path;
  const name = path.slice(dirname(path).length + 1);
  for (let directory = dirname(path);; directory = dirname(directory)) {
    const candidate = join(directory, name);
    const info = await Deno.stat(join(candidate, "credentials.json")).catch(() => undefined);
    if (info?.isFile && info.uid === Deno.uid()) return candidate;
    if (directory === dirname(directory)) return path;
  }
}

async function readCredentials(dataDir: string): Promise<z.output<typeof CredentialsFile>> {
  const path = join(dataDir, "credentials.json");
  const text = await Deno.readTextFile(path).catch((error) => {
    throw new Failure(
      `Cannot read the credentials in ${path}: ${whyUnread(error, dataDir)}`,
      {
        next:
          "start a server with invoked serve, name its data directory with --data, or set the " +
          "INVOKED_* or CONDUCTORONE_* variables",
        exit: "server",
      },
    );
  });
  const credentials = CredentialsFile.safeParse(parseJson(text));
  if (credentials.success) return credentials.data;
  throw new Failure(
    `Cannot use the credentials in ${path}: the file is not a JSON object with serverUrl, clientId ` +
      "and clientSecret",
    { next: "name the data directory of a server with --data", exit: "server" },
  );
}

function whyUnread(error: unknown, dataDir: string): string {
  if (error instanceof Deno.errors.NotFound) return "the file does not exist";
  if (error instanceof Deno.errors.NotADirectory) return `${dataDir} is not a directory`;
  return describeError(error);
}

/** The local CA of a server with `--tls-self-signed`; empty without one. */
async function readCa(dataDir: string): Promise<readonly string[]> {
  const ca = await Deno.readTextFile(join(dataDir, "tls", "ca.pem")).catch(() => undefined);
  return ca === undefined ? [] : [ca];
}
