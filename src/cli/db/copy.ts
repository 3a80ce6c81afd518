import { resolve } from "node:path";
import type { Command } from "commander";
import type { BlobTarget, InstallationCopy } from "../../compose/copy.ts";
import {
  ALL_SETTINGS,
  type Config,
  countOf,
  formatBytes,
  loadConfig,
  readEnvironment,
} from "../../config/mod.ts";
import { addExamples, addJsonOption } from "../options/common_options.ts";
import { addSettingFlags } from "../options/setting_flags.ts";
import { describeError, Failure } from "../terminal/failure.ts";
import { printJson } from "../terminal/output.ts";

/** Settings of the nodes that will use the copy. */
const FLAGS: readonly string[] = [
  "server.configFile",
  "server.dataDir",
  "identity.masterKeyFile",
  "nats.urls",
  "nats.credentialsFile",
  "nats.caFile",
  "nats.objects",
  "nats.objectReplicas",
];

const HELP = `
Stop the server first. The database must be empty, and the data directory is not changed. Blobs go
into NATS, or into the directory of --to-data. First the blobs are copied and read again, then all
rows in one transaction, of which a digest is compared. After a failure the database has no row; run
the copy again: it sends only the missing blobs.`;

interface CopyOptions {
  readonly toData?: string;
  readonly json?: true;
}

/** `invoked db copy`: copies a data directory into PostgreSQL, and its blobs into NATS or another directory. */
export function register(command: Command): void {
  const readFlags = addSettingFlags(
    command,
    ALL_SETTINGS.filter(({ path, group }) => FLAGS.includes(path) || group === "database"),
  );
  command.option("--to-data <DIR>", "New data directory for the blobs, in place of NATS");
  addJsonOption(command);
  addExamples(
    command,
    "invoked db copy --data .invoked --database postgres://db/invoked --to-data /var/lib/invoked",
    "invoked db copy --data .invoked --database postgres://db/invoked --nats nats://127.0.0.1:4222",
  );
  command.addHelpText("after", HELP);
  command.action(async ({ toData, json }: CopyOptions) => {
    const { config } = loadConfig(readFlags(), readEnvironment());
    const copy = await run(config, targetOf(config, toData));
    if (json) return printJson(copy);
    console.log(report(copy));
  });
}

function targetOf({ database, nats, server }: Config, toData: string | undefined): BlobTarget {
  if (database.url === undefined) {
    throw new Failure("Nothing was copied: --database is not set", {
      next: "name an empty database with --database postgres://...",
    });
  }
  if ((nats.urls === undefined) === (toData === undefined)) {
    throw new Failure(
      `Nothing was copied: ${
        toData === undefined
          ? "neither --nats nor --to-data is set"
          : "both --nats and --to-data are set"
      }`,
      { next: "give --nats for several API nodes, or --to-data for a single server" },
    );
  }
  if (toData === undefined) return { kind: "objects" };
  const path = resolve(toData);
  if (path === server.dataDir) {
    throw new Failure(`Nothing was copied: --to-data ${path} is the data directory itself`, {
      next: "name a new directory",
    });
  }
  return { kind: "directory", path };
}

async function run(config: Config, target: BlobTarget): Promise<InstallationCopy> {
  const { copyInstallation } = await import("../../compose/copy.ts");
  try {
    return await copyInstallation(config, target);
  } catch (error) {
    throw new Failure(`The copy failed: ${describeError(error)}`);
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
