import type { Command } from "commander";
import { addExamples, addJsonOption } from "../options/common_options.ts";
import { addServerOptions } from "../options/server_options.ts";
import { Failure } from "../terminal/failure.ts";
import { copy, endOf, printCopied } from "./copying.ts";
import { parseVolumePath, PATH_HELP } from "./volume_path.ts";

/** `invoked volumes cp`: copies files between this machine and volumes. */
export function register(command: Command): void {
  command
    .description(
      "Copy files to, from or between volumes. Into an existing directory a copy keeps its name. " +
        "SOURCE/. copies what is in a directory. Each written file is a version",
    )
    .argument("<source>", `Path of this machine, or ${PATH_HELP}`)
    .argument("<target>", "The same; write ./ before a path of this machine with a colon")
    .option("-r, --recursive", "Copy a directory with everything in it");
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(
    command,
    "invoked volumes cp -r ./reports data:/",
    "invoked volumes cp -r data:/out ./out",
    "invoked volumes cp data:/in/sales.csv archive:/2026/",
  );
  command.action(
    async (
      source: string,
      target: string,
      { recursive = false, json = false }: { readonly recursive?: boolean; json?: boolean },
    ) => {
      const [from, to] = [parseVolumePath(source) ?? source, parseVolumePath(target) ?? target];
      if (from === source && to === target) {
        throw new Failure("Neither the source nor the target is on a volume", {
          next: "write a path on a volume as VOLUME:/PATH",
          exit: "usage",
        });
      }
      using api = await server.connect();
      const ends = [await endOf(api, from), await endOf(api, to)] as const;
      printCopied(await copy(...ends, { recursive }), json);
    },
  );
}
