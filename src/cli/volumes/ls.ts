import type { Command } from "commander";
import { addExamples, addJsonOption, addLimitOption } from "../options/common_options.ts";
import { addServerOptions } from "../options/server_options.ts";
import { printJson, printTable, showBytes, showTime } from "../terminal/output.ts";
import { findVolumePath, PATH_HELP } from "./volume_path.ts";

const DEFAULT_LIMIT = 1000;

/** `invoked volumes ls`: lists a directory of a volume. */
export function register(command: Command): void {
  command
    .argument("<volume[:/path]>", `${PATH_HELP}; without a path the root`)
    .option("-r, --recursive", "List everything below it");
  addLimitOption(command, "entries", DEFAULT_LIMIT);
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked volumes ls data", "invoked volumes ls data:/in --recursive");
  command.action(
    async (
      text: string,
      options: { readonly recursive?: true; readonly limit: number; readonly json?: true },
    ) => {
      using api = await server.connect();
      const { volume, path } = await findVolumePath(api, text.includes(":") ? text : `${text}:/`);
      const query = { directory: path, recursive: options.recursive ?? false };
      const entries = await api.volumes.entries(volume, query, options.limit);
      if (options.json) return printJson(entries);
      printTable(
        ["PATH", "SIZE", "CHANGED"],
        entries.map(({ path, type, size, modifiedAt }) => [
          type === "directory" ? `${path}/` : path,
          type === "directory" ? "-" : showBytes(size),
          showTime(modifiedAt),
        ]),
        "The directory is empty",
      );
    },
  );
}
