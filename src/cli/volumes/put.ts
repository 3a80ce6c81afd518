import type { Command } from "commander";
import { addExamples, addJsonOption } from "../options/common_options.ts";
import { addServerOptions } from "../options/server_options.ts";
import { Failure } from "../terminal/failure.ts";
import { copy, counted, endOf, printCopied } from "./copying.ts";
import {
  findVolumePath,
  needVolumePath,
  PATH_ARGUMENT,
  PATH_HELP,
  showVolumePath,
} from "./volume_path.ts";

const STDIN = "-";

/** `invoked volumes put`: writes a file to a volume. */
export function register(command: Command): void {
  command
    .argument("<file>", "File to read; - for stdin")
    .argument(PATH_ARGUMENT, `${PATH_HELP}; in a directory the file keeps its name`);
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(
    command,
    "invoked volumes put sales.csv data:/in/",
    "pg_dump shop | invoked volumes put - data:/backup/shop.sql",
  );
  command.action(async (file: string, text: string, { json }: { readonly json?: true }) => {
    const target = needVolumePath(text);
    using api = await server.connect();
    if (file !== STDIN) {
      const to = await endOf(api, target);
      const local = await endOf(api, file);
      return printCopied(await copy(local, to, { recursive: false }), json ?? false);
    }
    if (target.isDirectory) {
      throw new Failure(
        `Target ${JSON.stringify(text)} is a directory: stdin is written to a file`,
        {
          next: "add the name of the file",
          exit: "usage",
        },
      );
    }
    const path = await findVolumePath(api, text);
    const content = counted(Deno.stdin.readable);
    await api.volumes.write(path.volume, path.path, content.bytes);
    const to = showVolumePath(path);
    printCopied({ from: STDIN, to, files: 1, bytes: content.length() }, json ?? false);
  });
}
