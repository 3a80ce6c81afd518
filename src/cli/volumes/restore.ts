import type { Command } from "commander";
import { findVolume } from "../client/find.ts";
import { addExamples, addJsonOption, parseCountOf } from "../options/common_options.ts";
import { addServerOptions } from "../options/server_options.ts";
import { VOLUME_ARGUMENT, VOLUME_HELP } from "../options/volume_argument.ts";
import { oneLine } from "../terminal/failure.ts";
import { printJson } from "../terminal/output.ts";

/** `invoked volumes restore`: restores an earlier version of a volume. */
export function register(command: Command): void {
  command
    .argument(VOLUME_ARGUMENT, VOLUME_HELP)
    .argument("<version>", "Number of the version in invoked volumes history");
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked volumes restore data 3");
  command.action(async (name: string, text: string, { json }: { readonly json?: true }) => {
    const number = text === "0" ? 0 : parseCountOf("<version>", text);
    using api = await server.connect();
    const volume = await api.volumes.restore(await findVolume(api, name), number);
    if (json) return printJson(volume);
    const { displayName, version } = volume;
    console.log(`Restored version ${number} of ${oneLine(displayName)} as version ${version}`);
  });
}
