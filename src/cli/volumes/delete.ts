import type { Command } from "commander";
import { countOf } from "../../config/mod.ts";
import { findVolume } from "../client/find.ts";
import { addExamples, addJsonOption, addYesOption, YES_HINT } from "../options/common_options.ts";
import { addServerOptions } from "../options/server_options.ts";
import { VOLUME_ARGUMENT, VOLUME_HELP } from "../options/volume_argument.ts";
import { Failure, oneLine } from "../terminal/failure.ts";
import { printJson } from "../terminal/output.ts";
import { askForYes } from "../terminal/prompts.ts";

/** `invoked volumes delete`: deletes a volume. */
export function register(command: Command): void {
  command
    .argument(VOLUME_ARGUMENT, VOLUME_HELP);
  addYesOption(command);
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked volumes delete data", "invoked volumes delete data --yes");
  command.action(async (name: string, { yes, json }: { readonly yes?: true; json?: true }) => {
    using api = await server.connect();
    const volume = await findVolume(api, name);
    const { id, displayName, fileCount } = volume;
    const shown = `volume ${oneLine(displayName)} (${id})`;
    const question = `Delete ${shown} with ${countOf(fileCount, "file")} on ${api.url}? ` +
      "It cannot be restored";
    if (!yes && !await askForYes(question, YES_HINT)) {
      throw new Failure("Cancelled: nothing was deleted");
    }
    await api.volumes.delete(volume);
    if (json) printJson({ volumeId: id, deleted: true });
    else console.log(`Deleted ${shown}`);
  });
}
