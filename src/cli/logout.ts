import type { Command } from "commander";
import { profilesDir, readEnvironment } from "../config/mod.ts";
import { ClientApi } from "./client/clients.ts";
import { credentialsOf } from "./client/credentials.ts";
import { DEFAULT_PROFILE, type Profile, Profiles } from "./client/profiles.ts";
import { Session } from "./client/session.ts";
import { addExamples, addJsonOption, type JsonFlag } from "./options/common_options.ts";
import { Failure } from "./terminal/failure.ts";
import { printJson } from "./terminal/output.ts";

interface Options extends JsonFlag {
  readonly profile?: string;
  readonly local?: true;
}

/** `invoked logout`: deletes the client that `invoked login` created, and removes the profile. */
export function register(command: Command): void {
  command.option("--profile <PROFILE>", "Name of the profile [INVOKED_PROFILE, otherwise default]");
  command.option("--local", "Remove the profile only, without a request to the server");
  addJsonOption(command);
  addExamples(command, "invoked logout", "invoked logout --profile production");
  command.action(async ({ profile, local, json }: Options) => {
    const env = readEnvironment();
    const name = profile ?? (env["INVOKED_PROFILE"] || DEFAULT_PROFILE);
    const profiles = new Profiles(profilesDir(env));
    // A file that is no valid profile can be removed, too.
    const present = local ? undefined : await profiles.read(name).catch(() => undefined);
    const isDeleted = present !== undefined && await deleteClient(present);
    if (!await profiles.remove(name)) {
      throw new Failure(`Profile ${name} not found: ${profiles.pathOf(name)} does not exist`, {
        next: "list the profiles with invoked whoami --profiles",
      });
    }
    if (json) return printJson({ profile: name, clientDeleted: isDeleted });
    const rest = isDeleted ? "deleted its client" : "the client keeps its secret on the server";
    console.log(`Removed profile ${name}; ${rest}`);
  });
}

/** Deletes the client of a login by browser. @returns false for a client that another way of login brought */
async function deleteClient(profile: Profile): Promise<boolean> {
  const { serverUrl, caCerts, personalClientId } = profile;
  if (personalClientId === undefined) return false;
  const source = "the profile";
  using session = new Session({ serverUrl, caCerts, source, credentials: credentialsOf(profile) });
  try {
    await new ClientApi(session).deleteOwn(personalClientId);
    return true;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    throw new Failure(error.message, {
      next: "try again, or remove the profile only with invoked logout --local",
      exit: "server",
    });
  }
}
