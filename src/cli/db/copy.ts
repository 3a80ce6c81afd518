import { resolve } from "node:path";
import type { Command } from "commander";
import type { InstallationCopy } from "../../compose/copy.ts";
import {
  ALL_SETTINGS,
  type Config,
  countOf,
  formatBytes,
  readEnvironment,
  resolveConfig,
} from "../../config/mod.ts";
import { addExamples, addJsonOption } from "../options/common_options.ts";
import { addSettingFlags } from "../options/setting_flags.ts";
import { describeError, Failure, failureMessage } from "../terminal/failure.ts";
import { printJson } from "../terminal/output.ts";

/** Settings of the server that will use the copy. */
const FLAGS: readonly string[] = ["server.dataDir", "identity.masterKeyFile"];

const HELP = `
Stop the server before. The database must be empty, and the data directory is not changed. First the
blobs are copied and read again, then all rows in one transaction, of which a digest is compared.
After a failure the database has no row; run the copy again.`;

interface CopyOptions {
  readonly toData?: string;
  readonly json?: true;
}

/** `invoked db copy`: copies a data directory into PostgreSQL, and its blobs into another directory. */
export function register(command: Command): void {
  const readFlags = addSettingFlags(
    command,
    ALL_SETTINGS.filter(({ path, group }) => FLAGS.includes(path) || group === "database"),
  );
  command.option("--to-data <dir>", "New data directory for the blobs");
  addJsonOption(command);
  addExamples(
    command,
    "invoked db copy --data .invoked --database postgres://db/invoked --to-data /var/lib/invoked",
  );
  command.addHelpText("after", HELP);
  command.action(async ({ toData, json }: CopyOptions) => {
    const { config } = resolveConfig(readFlags(), readEnvironment());
    const copy = await run(config, targetDir(config, toData));
    if (json) return printJson(copy);
    console.log(report(copy));
  });
}

function targetDir({ database, server }: Config, toData: string | undefined): string {
  if (database.url === undefined) {
    throw new Failure("Cannot copy: --database is not set", {
      next: "name an empty database with --database postgres://...",
    });
  }
  if (toData === undefined) {
    throw new Failure("Cannot copy the blobs: --to-data is not set", {
      next: "name a new data directory",
    });
  }
  const path = resolve(toData);
  if (path !== server.dataDir) return path;
  throw new Failure(`Cannot copy the blobs: --to-data ${path} is the data directory itself`, {
    next: "name a new directory",
  });
}

async function run(config: Config, toDataDir: string): Promise<InstallationCopy> {
  const { copyInstallation } = await import("../../compose/copy.ts");
  try {
    return await copyInstallation(config, toDataDir);
  } catch (error) {
    throw new Failure(failureMessage("Cannot copy the installation", describeError(error)));
  }
}

function report({ tables, blobs, carryOver }: InstallationCopy): string {
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  const { commits, volumes } = blobs;
  const bytes = formatBytes(commits.bytes + volumes.bytes);
  return [
    `Copied ${countOf(rows, "row")} of ${countOf(tables.length, "table")}, ` +
    `${countOf(commits.blobs, "commit blob")} and ${countOf(volumes.blobs, "volume blob")} ` +
    `with ${bytes}; all of them are the same on both sides.`,
    "Before you start servers on the copy:",
    ...carryOver.map((step) => `- ${step}`),
  ].join("\n");
}
