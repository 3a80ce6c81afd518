/** Commands about the files of a volume. */
import type { Command } from "commander";
import type { Bytes } from "../client/transfer.ts";
import { Failure, oneLine } from "../terminal/failure.ts";
import { printJson, printTable, showBytes, showTime } from "../terminal/output.ts";
import {
  addExamples,
  addJsonOption,
  addServerOptions,
  parseCount,
} from "../options/server_options.ts";
import { copy, counted, endOf, tellCopied } from "./copy.ts";
import {
  COMMAND_LOCATION,
  LOCATION_HELP,
  needLocation,
  parseLocation,
  placeOf,
  showPlace,
} from "./location.ts";
import { kindOnVolume, writeAll } from "./trees.ts";

const DEFAULT_LIMIT = 1000;
const STDIO = "-";

export function registerLs(volumes: Command): void {
  const command = volumes.command("ls")
    .description("List what is in a directory of a volume")
    .argument("<volume[:/path]>", `${LOCATION_HELP}; without a path its root`)
    .option("-r, --recursive", "Everything below as well")
    .option("--limit <NUMBER>", "At most so many", parseCount, DEFAULT_LIMIT);
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked volumes ls data", "invoked volumes ls data:/in --recursive");
  command.action(
    async (
      text: string,
      options: { readonly recursive?: true; readonly limit: number; readonly json?: true },
    ) => {
      using api = await server.connect();
      const { volume, path } = await placeOf(api, text.includes(":") ? text : `${text}:/`);
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
        "Nothing is there",
      );
    },
  );
}

export function registerCat(volumes: Command): void {
  const command = volumes.command("cat")
    .description("Print files of volumes")
    .argument("<volume:/path...>", LOCATION_HELP);
  const server = addServerOptions(command);
  addExamples(command, "invoked volumes cat data:/out/report.md");
  command.action(async (texts: string[]) => {
    texts.forEach(needLocation);
    using api = await server.connect();
    for (const text of texts) {
      const { volume, path } = await placeOf(api, text);
      await print(await api.volumes.read(volume, path));
    }
  });
}

export function registerPut(volumes: Command): void {
  const command = volumes.command("put")
    .description("Write a file to a volume; the directories above it are made")
    .argument("<file>", "File to read; - for stdin")
    .argument(COMMAND_LOCATION, `${LOCATION_HELP}; of a directory: the file keeps its name`);
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(
    command,
    "invoked volumes put sales.csv data:/in/",
    "pg_dump shop | invoked volumes put - data:/backup/shop.sql",
  );
  command.action(async (file: string, text: string, { json }: { readonly json?: true }) => {
    const location = needLocation(text);
    using api = await server.connect();
    if (file !== STDIO) {
      const to = await endOf(api, location);
      const local = await endOf(api, file);
      return tellCopied(await copy(local, to, { recursive: false }), json ?? false);
    }
    if (location.isDirectory) {
      throw new Failure(`${JSON.stringify(text)} is a directory, and stdin has no name`, {
        next: "write the name of the file behind it",
        exit: "usage",
      });
    }
    const place = await placeOf(api, text);
    const content = counted(Deno.stdin.readable);
    await api.volumes.write(place.volume, place.path, content.bytes);
    const to = showPlace(place);
    tellCopied({ from: STDIO, to, files: 1, bytes: content.length() }, json ?? false);
  });
}

export function registerGet(volumes: Command): void {
  const command = volumes.command("get")
    .description("Read a file of a volume into a file of this machine")
    .argument(COMMAND_LOCATION, LOCATION_HELP)
    .argument("[file]", "File or directory to write to; - for stdout", ".");
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(
    command,
    "invoked volumes get data:/out/report.md",
    "invoked volumes get data:/out/report.md today.md",
  );
  command.action(async (text: string, file: string, { json }: { readonly json?: true }) => {
    const location = needLocation(text);
    using api = await server.connect();
    if (file === STDIO) {
      const { volume, path } = await placeOf(api, text);
      return await print(await api.volumes.read(volume, path));
    }
    if (parseLocation(file) !== undefined) {
      throw new Failure(`${JSON.stringify(file)} is a place on a volume`, {
        next: "copy from volume to volume with invoked volumes cp, or write ./ before the file",
        exit: "usage",
      });
    }
    const copied = await copy(await endOf(api, location), await endOf(api, file), {
      recursive: false,
    });
    tellCopied(copied, json ?? false);
  });
}

export function registerRm(volumes: Command): void {
  const command = volumes.command("rm")
    .description("Remove a file of a volume; restoring an earlier version brings it back")
    .argument(COMMAND_LOCATION, LOCATION_HELP)
    .option("-r, --recursive", "A directory, with everything in it");
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked volumes rm data:/in/old.csv", "invoked volumes rm -r data:/in");
  command.action(async (text: string, options: { readonly recursive?: true; json?: true }) => {
    const recursive = options.recursive ?? false;
    using api = await server.connect();
    const place = await placeOf(api, text);
    if (!recursive && await kindOnVolume(api.volumes, place) === "directory") {
      throw new Failure(`${showPlace(place)} is a directory`, {
        next: "give -r to remove it with everything in it",
      });
    }
    await api.volumes.remove(place.volume, place.path, recursive);
    if (options.json) printJson({ volumeId: place.volume.id, path: place.path, removed: true });
    else console.log(`Removed ${oneLine(showPlace(place))}`);
  });
}

/** Writes a content to stdout, until whoever reads it has enough. */
async function print(content: Bytes): Promise<void> {
  try {
    await writeAll(Deno.stdout, content);
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}
