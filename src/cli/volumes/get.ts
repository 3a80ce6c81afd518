import type { Command } from "commander";
import { addExamples, addJsonOption } from "../options/common_options.ts";
import { addServerOptions } from "../options/server_options.ts";
import { Failure } from "../terminal/failure.ts";
import { printContent } from "./cat.ts";
import { copy, endOf, printCopied } from "./copying.ts";
import {
  findVolumePath,
  needVolumePath,
  parseVolumePath,
  PATH_ARGUMENT,
  PATH_HELP,
} from "./volume_path.ts";

const STDOUT = "-";

/** `invoked volumes get`: reads a file of a volume. */
export function register(command: Command): void {
  command
    .argument(PATH_ARGUMENT, PATH_HELP)
    .argument("[file]", "File or directory to write to; - for stdout", ".");
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(
    command,
    "invoked volumes get data:/out/report.md",
    "invoked volumes get data:/out/report.md today.md",
  );
  command.action(async (text: string, file: string, { json }: { readonly json?: true }) => {
    const source = needVolumePath(text);
    using api = await server.connect();
    if (file === STDOUT) {
      const { volume, path } = await findVolumePath(api, text);
      return await printContent(await api.volumes.read(volume, path));
    }
    if (parseVolumePath(file) !== undefined) {
      throw new Failure(
        `Target ${JSON.stringify(file)} is on a volume: get copies to this machine`,
        {
          next: "copy between volumes with invoked volumes cp, or write ./ before the file",
          exit: "usage",
        },
      );
    }
    const ends = [await endOf(api, source), await endOf(api, file)] as const;
    printCopied(await copy(...ends, { recursive: false }), json ?? false);
  });
}
