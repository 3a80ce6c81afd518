import type { Command } from "commander";
import { formatCount } from "../../config/mod.ts";
import { findVolume } from "../client/find.ts";
import type { VolumeVersion } from "../client/schemas.ts";
import { addExamples, addJsonOption, addLimitOption } from "../options/common_options.ts";
import { addServerOptions } from "../options/server_options.ts";
import { VOLUME_ARGUMENT, VOLUME_HELP } from "../options/volume_argument.ts";
import { printJson, printTable, showTime } from "../terminal/output.ts";

const DEFAULT_LIMIT = 20;
const PATHS_SHOWN = 3;

/** `invoked volumes history`: lists the versions of a volume. */
export function register(command: Command): void {
  command
    .argument(VOLUME_ARGUMENT, VOLUME_HELP);
  addLimitOption(command, "versions", DEFAULT_LIMIT);
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked volumes history data", "invoked volumes history data --limit 5");
  command.action(async (name: string, { limit, json }: { limit: number; json?: true }) => {
    using api = await server.connect();
    const versions = await api.volumes.versions(await findVolume(api, name), limit);
    if (json) return printJson(versions);
    printTable(
      ["VERSION", "CREATED", "BY", "CHANGED"],
      versions.map((version) => [
        String(version.version),
        showTime(version.createdAt),
        originOf(version),
        pathsOf(version),
      ]),
      "No versions",
    );
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
