import type { Command } from "commander";
import { parseBytes } from "../../config/mod.ts";
import { addExamples, addJsonOption } from "../options/common_options.ts";
import { addServerOptions } from "../options/server_options.ts";
import { Failure, oneLine } from "../terminal/failure.ts";
import { note, printJson, sizeInWords } from "../terminal/output.ts";

/** Volumes that are searched for one of the same name. */
const MAX_VOLUMES = 1000;

/** `invoked volumes create`: creates an empty volume. */
export function register(command: Command): void {
  command
    .argument("<name>", "Name of the volume")
    .option("--quota <BYTES>", "Limit of its files, such as 5GiB [default the server's limit]");
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked volumes create data", "invoked volumes create data --quota 500MiB");
  command.action(async (name: string, options: { readonly quota?: string; json?: true }) => {
    const quotaBytes = options.quota === undefined ? undefined : parseQuota(options.quota);
    const shown = JSON.stringify(oneLine(name));
    if (/[:/]/.test(name) || name.startsWith(".") || name === "" || name !== oneLine(name)) {
      const violation =
        "the name has a colon, a slash or a control character, begins with a dot, or " +
        "is not trimmed";
      throw new Failure(`Invalid volume name ${shown}: ${violation}`, {
        next: "choose a name that can be written as VOLUME:/PATH",
        exit: "usage",
      });
    }
    using api = await server.connect();
    const same = (await api.volumes.list(MAX_VOLUMES)).find((old) => old.displayName === name);
    if (same !== undefined) {
      throw new Failure(`Volume ${shown} already exists: volume ${same.id} has that name`, {
        next: "choose another name",
      });
    }
    const volume = await api.volumes.create(name, quotaBytes);
    if (options.json) return printJson(volume);
    note(`Created ${oneLine(name)} with a quota of ${sizeInWords(volume.quotaBytes)}`);
    console.log(volume.id);
  });
}

function parseQuota(text: string): number {
  const bytes = parseBytes(text);
  if (bytes !== undefined) return bytes;
  throw new Failure(`Invalid --quota: ${JSON.stringify(text)} is not a size`, {
    next: "write it with its unit, such as 500MiB or 5GiB",
    exit: "usage",
  });
}
