import { type Command, Option } from "commander";
import {
  type Given,
  profilesDir,
  readEnvironment,
  resolveClientSettings,
  Secret,
} from "../config/mod.ts";
import { readTextFile } from "../shared/files.ts";
import { findTarget, type Target } from "./client/credentials.ts";
import { isOnThisMachine, Unreachable } from "./client/http.ts";
import { readPrincipal } from "./client/principal.ts";
import { checkProfileName, DEFAULT_PROFILE, type Profile, Profiles } from "./client/profiles.ts";
import { Session } from "./client/session.ts";
import { addExamples, addJsonOption } from "./options/common_options.ts";
import { readStdin } from "./options/input.ts";
import { defaultDataDir } from "./options/server_options.ts";
import { describeError, Failure, oneLine } from "./terminal/failure.ts";
import { note, paintNote, printJson } from "./terminal/output.ts";
import { askForSecret, askForText } from "./terminal/prompts.ts";

interface Options {
  readonly server?: string;
  readonly clientId?: string;
  readonly ca?: string;
  readonly profile?: string;
  readonly json?: true;
}

/**
 * `invoked login`: keeps the credentials of a client. The secret is never an argument: every user can read arguments.
 */
export function register(command: Command): void {
  command
    .option("--server <URL>", "URL of the server; a terminal asks for it [INVOKED_SERVER_URL]")
    .option("--client-id <ID>", "Id of the client; a terminal asks for it")
    .option("--ca <FILE>", "CA certificates (PEM) to trust in addition to the system's")
    .addOption(
      new Option("--profile <PROFILE>", "Name of the profile [INVOKED_PROFILE, otherwise default]"),
    );
  addJsonOption(command);
  command.addHelpText("after", NOTES);
  addExamples(
    command,
    "invoked login",
    'printf %s "$SECRET" | invoked login --server URL --client-id ID --profile production',
  );
  command.action(async (options: Options) => {
    const env = readEnvironment();
    const settings = resolveClientSettings(options.server, env);
    const name = options.profile ?? settings.profile ?? DEFAULT_PROFILE;
    checkProfileName(name);
    const profiles = new Profiles(profilesDir(env));
    const path = profiles.pathOf(name);
    const profile = await askForProfile(settings.serverUrl, options);
    const principal = await check(profile);
    await keepOtherServer(profiles, name, profile);
    await profiles.write(name, profile);
    const { serverUrl, clientId } = profile;
    if (options.json) {
      printJson({ profile: name, path, serverUrl, clientId, principalId: principal.id });
    } else console.log(`Logged in to ${serverUrl} as ${oneLine(clientId)}: profile ${name}`);
    await noteUse(name, profiles, env);
  });
}

const NOTES = `
The secret comes from stdin, or from a prompt at a terminal. The profile is a file (0600) in
$XDG_CONFIG_HOME/invoked/profiles or ~/.config/invoked/profiles.`;

/** The replaced secret may be the only copy. @throws {Failure} if the profile is for another server */
async function keepOtherServer(
  profiles: Profiles,
  name: string,
  { serverUrl }: Profile,
): Promise<void> {
  const present = await profiles.read(name).catch(() => undefined);
  if (present === undefined || present.serverUrl === serverUrl) return;
  throw new Failure(`Profile ${name} is for another server, ${present.serverUrl}`, {
    next: `give --profile NAME for ${serverUrl}, or remove the profile with invoked logout`,
    exit: "usage",
  });
}

async function askForProfile(serverUrl: string | undefined, options: Options): Promise<Profile> {
  const caCerts = options.ca === undefined ? [] : [await readCertificates(options.ca)];
  const url = serverUrl ?? await askForServer();
  const clientId = options.clientId ?? await askForText("Client id", "give --client-id");
  if (clientId.trim() === "") {
    throw new Failure("The client id is empty", {
      next: "give --client-id, as invoked clients create prints it",
      exit: "usage",
    });
  }
  if (!url.startsWith("https:") && !isOnThisMachine(url)) {
    note(paintNote("yellow", `Warning: the connection to ${url} is not encrypted`));
  }
  return {
    serverUrl: url,
    clientId: clientId.trim(),
    clientSecret: new Secret(await readClientSecret()),
    caCerts,
  };
}

async function askForServer(): Promise<string> {
  const given = await askForText("URL of the server", "give --server");
  const { serverUrl } = resolveClientSettings(given, {});
  if (serverUrl !== undefined) return serverUrl;
  throw new Failure("The URL of the server is empty", {
    next: "give --server, such as https://invoked.example",
    exit: "usage",
  });
}

/** One line break at the end, as echo adds it, is not part of the secret. */
async function readClientSecret(): Promise<string> {
  const secret = Deno.stdin.isTerminal()
    ? await askForSecret("Client secret", "give the secret on stdin")
    : (await readStdin()).replace(/\r?\n$/, "");
  if (secret !== "") return secret;
  throw new Failure("The client secret is empty", {
    next: "give it on stdin, or at the prompt of a terminal",
    exit: "usage",
  });
}

const CA_HINT = "name a file with the certificate of the authority in PEM, or omit --ca";

async function readCertificates(path: string): Promise<string> {
  const text = await readTextFile(path).catch((error) => {
    throw new Failure(`Failed to read the certificates in ${path}: ${describeError(error)}`, {
      next: CA_HINT,
      exit: "usage",
    });
  });
  if (text.includes("-----BEGIN CERTIFICATE-----")) return text;
  throw new Failure(`Invalid --ca: ${path} has no certificate in PEM`, {
    next: CA_HINT,
    exit: "usage",
  });
}

/** The principal of the credentials. @throws {Failure} if the server does not accept them */
async function check(profile: Profile) {
  const { serverUrl, clientId, clientSecret, caCerts } = profile;
  const credentials = { kind: "client", clientId, clientSecret } as const;
  using session = openSession({ serverUrl, credentials, caCerts, source: "the answers" });
  try {
    return await readPrincipal(session);
  } catch (error) {
    if (error instanceof Unreachable && /certificate|UnknownIssuer/i.test(error.message)) {
      throw new Failure(error.message, {
        next: "give the certificate of its authority with --ca FILE",
        exit: "server",
      });
    }
    throw error;
  }
}

function openSession(target: Target): Session {
  try {
    return new Session(target);
  } catch (error) {
    throw new Failure(`Invalid --ca: ${describeError(error)}`, { next: CA_HINT, exit: "usage" });
  }
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
