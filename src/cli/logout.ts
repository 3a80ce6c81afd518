import type { Command } from "commander";
import { profilesDir, readEnvironment } from "../config/mod.ts";
import { DEFAULT_PROFILE, Profiles } from "./client/profiles.ts";
import { addExamples, addJsonOption } from "./options/common_options.ts";
import { Failure } from "./terminal/failure.ts";
import { printJson } from "./terminal/output.ts";

interface Options {
  readonly profile?: string;
  readonly json?: true;
}

/** `invoked logout`: removes a profile. */
export function register(command: Command): void {
  command.option("--profile <PROFILE>", "Name of the profile [INVOKED_PROFILE, otherwise default]");
  addJsonOption(command);
  addExamples(command, "invoked logout", "invoked logout --profile production");
  command.action(async (options: Options) => {
    const env = readEnvironment();
    const name = options.profile ?? (env["INVOKED_PROFILE"] || DEFAULT_PROFILE);
    const profiles = new Profiles(profilesDir(env));
    if (!await profiles.remove(name)) {
      throw new Failure(`Profile ${name} not found: ${profiles.pathOf(name)} does not exist`, {
        next: "list the profiles with invoked whoami --profiles",
      });
    }
    if (options.json) printJson({ profile: name });
    else console.log(`Removed profile ${name}; the client keeps its secret on the server`);
  });
}
