/** Commands about whole volumes. */
import type { Command } from "commander";
import { parseBytes } from "../../config/mod.ts";
import { findVolume } from "../client/find.ts";
import type { VolumeVersion } from "../client/schemas.ts";
import { Failure, oneLine } from "../terminal/failure.ts";
import {
  note,
  printJson,
  printTable,
  showBytes,
  showTime,
  sizeInWords,
} from "../terminal/output.ts";
import { askForYes } from "../terminal/prompts.ts";
import {
  addExamples,
  addJsonOption,
  addServerOptions,
  parseCount,
} from "../options/server_options.ts";

const DEFAULT_LIMIT = 100;
const DEFAULT_VERSIONS = 20;
/** Volumes that are looked through for one of the same name. */
const MAX_VOLUMES = 1000;
const PATHS_SHOWN = 3;

const VOLUME_ARGUMENT = "<volume>";
const VOLUME_HELP = "Name or id";

export function registerCreate(volumes: Command): void {
  const command = volumes.command("create")
    .description("Make an empty volume; print its id")
    .argument("<name>", "Name of the volume")
    .option("--quota <BYTES>", "Room for its files, such as 5GiB [all that the server allows]");
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked volumes create data", "invoked volumes create data --quota 500MiB");
  command.action(async (name: string, options: { readonly quota?: string; json?: true }) => {
    const quotaBytes = options.quota === undefined ? undefined : parseQuota(options.quota);
    if (/[:/]/.test(name) || name.startsWith(".")) {
      throw new Failure(`${JSON.stringify(name)} cannot be written as VOLUME:/PATH`, {
        next: "take a name without colon and slash that does not begin with a dot",
        exit: "usage",
      });
    }
    using api = await server.connect();
    const same = (await api.volumes.list(MAX_VOLUMES)).find((old) => old.displayName === name);
    if (same !== undefined) {
      throw new Failure(`There is a volume ${JSON.stringify(name)} already: ${same.id}`, {
        next: "take another name",
      });
    }
    const volume = await api.volumes.create(name, quotaBytes);
    if (options.json) return printJson(volume);
    note(`Created ${oneLine(name)} with room for ${sizeInWords(volume.quotaBytes)}`);
    console.log(volume.id);
  });
}

export function registerList(volumes: Command): void {
  const command = volumes.command("list").description("List volumes, newest first")
    .option("--limit <NUMBER>", "At most so many", parseCount, DEFAULT_LIMIT);
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked volumes list", "invoked volumes list --json");
  command.action(async ({ limit, json }: { readonly limit: number; readonly json?: true }) => {
    using api = await server.connect();
    const list = await api.volumes.list(limit);
    if (json) return printJson(list);
    printTable(
      ["NAME", "ID", "USED", "QUOTA", "FILES", "VERSION", "CHANGED"],
      list.map((volume) => [
        volume.displayName,
        volume.id,
        showBytes(volume.usedBytes),
        showBytes(volume.quotaBytes),
        String(volume.fileCount),
        String(volume.version),
        showTime(volume.updatedAt),
      ]),
      "There are no volumes; make one with invoked volumes create",
    );
  });
}

export function registerHistory(volumes: Command): void {
  const command = volumes.command("history")
    .description("List the versions of a volume that can be restored, newest first")
    .argument(VOLUME_ARGUMENT, VOLUME_HELP)
    .option("--limit <NUMBER>", "At most so many", parseCount, DEFAULT_VERSIONS);
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked volumes history data", "invoked volumes history data --limit 5");
  command.action(async (name: string, { limit, json }: { limit: number; json?: true }) => {
    using api = await server.connect();
    const versions = await api.volumes.versions(await findVolume(api, name), limit);
    if (json) return printJson(versions);
    printTable(
      ["VERSION", "MADE", "BY", "CHANGED"],
      versions.map((version) => [
        String(version.version),
        showTime(version.createdAt),
        makerOf(version),
        pathsOf(version),
      ]),
      "No versions",
    );
  });
}

export function registerRestore(volumes: Command): void {
  const command = volumes.command("restore")
    .description("Bring back the files of an earlier version, as a new version")
    .argument(VOLUME_ARGUMENT, VOLUME_HELP)
    .argument("<version>", "Number of the version, as invoked volumes history lists it");
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked volumes restore data 3");
  command.action(async (name: string, text: string, { json }: { readonly json?: true }) => {
    const version = text === "0" ? 0 : parseCount(text);
    using api = await server.connect();
    const volume = await api.volumes.restore(await findVolume(api, name), version);
    if (json) return printJson(volume);
    console.log(
      `${
        oneLine(volume.displayName)
      } is as in version ${version}; this is version ${volume.version}`,
    );
  });
}

export function registerDelete(volumes: Command): void {
  const command = volumes.command("delete")
    .description("Delete a volume with all of its files and versions")
    .argument(VOLUME_ARGUMENT, VOLUME_HELP)
    .option("--yes", "Do not ask");
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked volumes delete data", "invoked volumes delete data --yes");
  command.action(async (name: string, { yes, json }: { readonly yes?: true; json?: true }) => {
    using api = await server.connect();
    const volume = await findVolume(api, name);
    const { id, displayName, fileCount } = volume;
    const question = `Delete volume ${oneLine(displayName)} (${id}) with ${fileCount} files ` +
      `on ${api.url}? It cannot be brought back`;
    if (!yes && !await askForYes(question, "give --yes to delete without a question")) {
      throw new Failure("Cancelled: nothing was deleted");
    }
    await api.volumes.delete(volume);
    if (json) printJson({ volumeId: id, deleted: true });
    else console.log(`Deleted volume ${oneLine(displayName)} (${id})`);
  });
}

function parseQuota(text: string): number {
  const bytes = parseBytes(text);
  if (bytes !== undefined) return bytes;
  throw new Failure(`--quota is ${JSON.stringify(text)}, not a size`, {
    next: "write it with its unit, such as 500MiB or 5GiB",
    exit: "usage",
  });
}

function makerOf({ invocationId, principalId, restoredVersion }: VolumeVersion): string {
  if (restoredVersion !== undefined) return `restore of ${restoredVersion}`;
  if (invocationId !== undefined) return `invocation ${invocationId}`;
  return principalId === undefined ? "-" : "request";
}

function pathsOf({ paths, pathCount }: VolumeVersion): string {
  const shown = paths.slice(0, PATHS_SHOWN);
  const others = pathCount - shown.length;
  return [...shown, ...others > 0 ? [`and ${others} more`] : []].join(", ") || "-";
}
