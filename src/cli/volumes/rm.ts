import type { Command } from "commander";
import { addExamples, addJsonOption } from "../options/common_options.ts";
import { addServerOptions } from "../options/server_options.ts";
import { Failure, oneLine } from "../terminal/failure.ts";
import { printJson } from "../terminal/output.ts";
import { kindOnVolume } from "./trees.ts";
import { findVolumePath, PATH_ARGUMENT, PATH_HELP, showVolumePath } from "./volume_path.ts";

/** `invoked volumes rm`: removes a file or directory of a volume. */
export function register(command: Command): void {
  command
    .argument(PATH_ARGUMENT, PATH_HELP)
    .option("-r, --recursive", "Remove a directory with everything in it");
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked volumes rm data:/in/old.csv", "invoked volumes rm -r data:/in");
  command.action(async (text: string, options: { readonly recursive?: true; json?: true }) => {
    const recursive = options.recursive ?? false;
    using api = await server.connect();
    const found = await findVolumePath(api, text);
    const { volume, path } = found;
    if (!recursive && await kindOnVolume(api.volumes, found) === "directory") {
      throw new Failure(`${showVolumePath(found)} is a directory: nothing was removed`, {
        next: "give -r to remove it with everything in it",
      });
    }
    await api.volumes.remove(volume, path, recursive);
    if (options.json) printJson({ volumeId: volume.id, path, removed: true });
    else console.log(`Removed ${oneLine(showVolumePath(found))}`);
  });
}
