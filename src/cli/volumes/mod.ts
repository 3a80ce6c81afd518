/** `invoked volumes …`. */
import type { Command } from "commander";
import { countOf, formatCount } from "../../config/mod.ts";
import { findVolume } from "../client/find.ts";
import type { VolumeVersion } from "../client/schemas.ts";
import type { Subcommand } from "../command_entry.ts";
import { addApiAction, addApiOptions, addDeletion } from "../options/api_command.ts";
import {
  addExamples,
  addLimitOption,
  bytesOf,
  type JsonFlag,
  type ListFlags,
  parseCountOf,
} from "../options/common_options.ts";
import { addServerOptions } from "../options/server_options.ts";
import { Failure, oneLine, UsageFailure } from "../terminal/failure.ts";
import {
  nameAndId,
  note,
  printJson,
  printList,
  printResult,
  showBytes,
  showCount,
  showTime,
  sizeInWords,
} from "../terminal/output.ts";
import { copy, counted, endOf, printCopied } from "./copying.ts";
import { kindOnVolume, printContent } from "./trees.ts";
import {
  findVolumePath,
  needVolumePath,
  parseVolumePath,
  PATH_ARGUMENT,
  PATH_HELP,
  showVolumePath,
} from "./volume_path.ts";

export const COMMANDS: readonly Subcommand[] = [
  ["create", "Create an empty volume; print its id", registerCreate],
  ["list", "List volumes, newest first", registerList],
  ["ls", "List a directory of a volume", registerLs],
  ["cat", "Print files of volumes", registerCat],
  ["put", "Write a file to a volume; missing directories are created", registerPut],
  ["get", "Read a file of a volume into a file of this machine", registerGet],
  ["rm", "Remove a file of a volume; an earlier version can be restored", registerRm],
  ["cp", "Copy files to, from or between volumes", registerCp],
  [
    "history",
    "List the versions of a volume that can be restored, newest first",
    registerHistory,
  ],
  ["restore", "Restore the files of an earlier version, as a new version", registerRestore],
  ["delete", "Delete a volume with all of its files and versions", registerDelete],
];

const VOLUME = ["<volume>", "Name or id of the volume"] as const;
/** Volumes that are searched for one of the same name. */
const MAX_VOLUMES = 1000;
/** Names stdin or stdout in place of a file. */
const STREAM = "-";
/** Paths of a version that a table shows. */
const PATHS_SHOWN = 3;

/** `invoked volumes create`: creates an empty volume. */
function registerCreate(command: Command): void {
  command
    .argument("<name>", "Name of the volume")
    .option("--quota <BYTES>", "Limit of its files, such as 5GiB [default the server's limit]");
  const server = addApiOptions(
    command,
    "invoked volumes create data",
    "invoked volumes create data --quota 500MiB",
  );
  command.action(async (name: string, options: JsonFlag & { readonly quota?: string }) => {
    const quotaBytes = options.quota === undefined
      ? undefined
      : bytesOf("--quota", options.quota, "500MiB or 5GiB");
    const shown = JSON.stringify(oneLine(name));
    if (/[:/]/.test(name) || name.startsWith(".") || name === "" || name !== oneLine(name)) {
      const violation =
        "the name has a colon, a slash or a control character, begins with a dot, or " +
        "is not trimmed";
      throw new UsageFailure(`Invalid volume name ${shown}: ${violation}`, {
        next: "choose a name that can be written as VOLUME:/PATH",
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

/** `invoked volumes list`: lists the volumes of the server. */
function registerList(command: Command): void {
  addLimitOption(command, "volumes");
  const examples = ["invoked volumes list", "invoked volumes list --json"];
  addApiAction(command, examples, async (api, { limit, json }: ListFlags) => {
    const list = await api.volumes.list(limit);
    await printList(json, list, "No volumes; create one with invoked volumes create", {
      NAME: ({ displayName }) => displayName,
      ID: ({ id }) => id,
      USED: ({ usedBytes }) => showBytes(usedBytes),
      QUOTA: ({ quotaBytes }) => showBytes(quotaBytes),
      FILES: ({ fileCount }) => showCount(fileCount),
      VERSION: ({ version }) => String(version),
      CHANGED: ({ updatedAt }) => showTime(updatedAt),
    });
  });
}

interface RecursiveFlags extends JsonFlag {
  readonly recursive?: true;
}

/** `invoked volumes ls`: lists a directory of a volume. */
function registerLs(command: Command): void {
  command
    .argument("<volume[:/path]>", `${PATH_HELP}; without a path the root`)
    .option("-r, --recursive", "List everything below it");
  addLimitOption(command, "entries", 1000);
  const examples = ["invoked volumes ls data", "invoked volumes ls data:/in --recursive"];
  addApiAction(
    command,
    examples,
    async (api, text: string, options: RecursiveFlags & ListFlags) => {
      const { volume, path } = await findVolumePath(api, text.includes(":") ? text : `${text}:/`);
      const query = { directory: path, recursive: options.recursive ?? false };
      const entries = await api.volumes.entries(volume, query, options.limit);
      await printList(options.json, entries, "The directory is empty", {
        PATH: ({ path, type }) => type === "directory" ? `${path}/` : path,
        SIZE: ({ type, size }) => type === "directory" ? "-" : showBytes(size),
        CHANGED: ({ modifiedAt }) => showTime(modifiedAt),
      });
    },
  );
}

/** `invoked volumes cat`: prints files of volumes. */
function registerCat(command: Command): void {
  command.argument("<volume:/path...>", PATH_HELP);
  const server = addServerOptions(command);
  addExamples(command, "invoked volumes cat data:/out/report.md");
  command.action(async (texts: string[]) => {
    texts.forEach(needVolumePath);
    using api = await server.connect();
    for (const text of texts) {
      const { volume, path } = await findVolumePath(api, text);
      await printContent(await api.volumes.read(volume, path));
    }
  });
}

/** `invoked volumes put`: writes a file to a volume. */
function registerPut(command: Command): void {
  command
    .argument("<file>", "File to read; - for stdin")
    .argument(PATH_ARGUMENT, `${PATH_HELP}; in a directory the file keeps its name`);
  const server = addApiOptions(
    command,
    "invoked volumes put sales.csv data:/in/",
    "pg_dump shop | invoked volumes put - data:/backup/shop.sql",
  );
  command.action(async (file: string, text: string, { json }: JsonFlag) => {
    const target = needVolumePath(text);
    using api = await server.connect();
    if (file !== STREAM) {
      const to = await endOf(api, target);
      const local = await endOf(api, file);
      return printCopied(await copy(local, to, { recursive: false }), json);
    }
    if (target.isDirectory) {
      throw new UsageFailure(
        `Target ${JSON.stringify(text)} is a directory: stdin is written to a file`,
        { next: "add the name of the file" },
      );
    }
    const path = await findVolumePath(api, text);
    const content = counted(Deno.stdin.readable);
    await api.volumes.write(path.volume, path.path, content.bytes);
    const to = showVolumePath(path);
    printCopied({ from: STREAM, to, files: 1, bytes: content.length() }, json);
  });
}

/** `invoked volumes get`: reads a file of a volume. */
function registerGet(command: Command): void {
  command
    .argument(PATH_ARGUMENT, PATH_HELP)
    .argument("[file]", "File or directory to write to; - for stdout", ".");
  const server = addApiOptions(
    command,
    "invoked volumes get data:/out/report.md",
    "invoked volumes get data:/out/report.md today.md",
  );
  command.action(async (text: string, file: string, { json }: JsonFlag) => {
    const source = needVolumePath(text);
    using api = await server.connect();
    if (file === STREAM) {
      const { volume, path } = await findVolumePath(api, text);
      return await printContent(await api.volumes.read(volume, path));
    }
    if (parseVolumePath(file) !== undefined) {
      throw new UsageFailure(
        `Target ${JSON.stringify(file)} is on a volume: get copies to this machine`,
        { next: "copy between volumes with invoked volumes cp, or write ./ before the file" },
      );
    }
    const ends = [await endOf(api, source), await endOf(api, file)] as const;
    printCopied(await copy(...ends, { recursive: false }), json);
  });
}

/** `invoked volumes rm`: removes a file or directory of a volume. */
function registerRm(command: Command): void {
  command
    .argument(PATH_ARGUMENT, PATH_HELP)
    .option("-r, --recursive", "Remove a directory with everything in it");
  const examples = ["invoked volumes rm data:/in/old.csv", "invoked volumes rm -r data:/in"];
  addApiAction(command, examples, async (api, text: string, options: RecursiveFlags) => {
    const { recursive = false, json } = options;
    const found = await findVolumePath(api, text);
    const { volume, path } = found;
    if (!recursive && await kindOnVolume(api.volumes, found) === "directory") {
      throw new Failure(`${showVolumePath(found)} is a directory: nothing was removed`, {
        next: "give -r to remove it with everything in it",
      });
    }
    await api.volumes.remove(volume, path, recursive);
    const removed = { volumeId: volume.id, path, removed: true };
    printResult(json, removed, `Removed ${oneLine(showVolumePath(found))}`);
  });
}

/** `invoked volumes cp`: copies files between this machine and volumes. */
function registerCp(command: Command): void {
  command
    .description(
      "Copy files to, from or between volumes. Into an existing directory a copy keeps its name. " +
        "SOURCE/. copies what is in a directory. Each written file is a version",
    )
    .argument("<source>", `Path of this machine, or ${PATH_HELP}`)
    .argument("<target>", "The same; write ./ before a path of this machine with a colon")
    .option("-r, --recursive", "Copy a directory with everything in it");
  const server = addApiOptions(
    command,
    "invoked volumes cp -r ./reports data:/",
    "invoked volumes cp -r data:/out ./out",
    "invoked volumes cp data:/in/sales.csv archive:/2026/",
  );
  command.action(async (source: string, target: string, options: RecursiveFlags) => {
    const [from, to] = [parseVolumePath(source) ?? source, parseVolumePath(target) ?? target];
    if (from === source && to === target) {
      throw new UsageFailure("Neither the source nor the target is on a volume", {
        next: "write a path on a volume as VOLUME:/PATH",
      });
    }
    using api = await server.connect();
    const ends = [await endOf(api, from), await endOf(api, to)] as const;
    const { recursive = false, json } = options;
    printCopied(await copy(...ends, { recursive }), json);
  });
}

/** `invoked volumes history`: lists the versions of a volume. */
function registerHistory(command: Command): void {
  command.argument(...VOLUME);
  addLimitOption(command, "versions", 20);
  const examples = ["invoked volumes history data", "invoked volumes history data --limit 5"];
  addApiAction(command, examples, async (api, name: string, { limit, json }: ListFlags) => {
    const versions = await api.volumes.versions(await findVolume(api, name), limit);
    await printList(json, versions, "No versions", {
      VERSION: ({ version }) => String(version),
      CREATED: ({ createdAt }) => showTime(createdAt),
      BY: originOf,
      CHANGED: pathsOf,
    });
  });
}

function originOf({ invocationId, principalId, restoredVersion }: VolumeVersion): string {
  if (restoredVersion !== undefined) return `restore of ${restoredVersion}`;
  if (invocationId !== undefined) return `invocation ${invocationId}`;
  return principalId === undefined ? "-" : "request";
}

function pathsOf({ paths, pathCount }: VolumeVersion): string {
  const shown = paths.slice(0, PATHS_SHOWN);
  const others = pathCount - shown.length;
  return [...shown, ...others > 0 ? [`and ${formatCount(others)} more`] : []].join(", ") || "-";
}

/** `invoked volumes restore`: restores an earlier version of a volume. */
function registerRestore(command: Command): void {
  command
    .argument(...VOLUME)
    .argument("<version>", "Number of the version in invoked volumes history");
  const server = addApiOptions(command, "invoked volumes restore data 3");
  command.action(async (name: string, text: string, { json }: JsonFlag) => {
    const number = text === "0" ? 0 : parseCountOf("<version>", text);
    using api = await server.connect();
    const volume = await api.volumes.restore(await findVolume(api, name), number);
    const { displayName, version } = volume;
    const restored = `Restored version ${number} of ${oneLine(displayName)} as version ${version}`;
    printResult(json, volume, restored);
  });
}

/** `invoked volumes delete`: deletes a volume. */
function registerDelete(command: Command): void {
  command.argument(...VOLUME);
  const examples = ["invoked volumes delete data", "invoked volumes delete data --yes"];
  addDeletion(command, examples, async (api, name) => {
    const volume = await findVolume(api, name);
    return {
      shown: `volume ${nameAndId(volume)}`,
      consequence: ` with ${countOf(volume.fileCount, "file")}`,
      warning: " It cannot be restored",
      named: { volumeId: volume.id },
      remove: () => api.volumes.delete(volume),
    };
  });
}
