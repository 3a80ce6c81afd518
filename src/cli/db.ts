/** `invoked db …`. */
import { resolve } from "node:path";
import type { Command } from "commander";
import type { BlobTarget, InstallationCopy } from "../compose/copy.ts";
import {
  ALL_SETTINGS,
  type Config,
  countOf,
  formatBytes,
  loadConfig,
  readEnvironment,
  resolveConfig,
} from "../config/mod.ts";
import type { Subcommand } from "./command_entry.ts";
import { addExamples, addJsonOption, type JsonFlag } from "./options/common_options.ts";
import { addSettingFlags } from "./options/setting_flags.ts";
import { describeError, Failure, UsageFailure } from "./terminal/failure.ts";
import { printJson, printResult } from "./terminal/output.ts";

export const COMMANDS: readonly Subcommand[] = [
  [
    "migrate",
    "Migrate the database to this version; servers do so when they start",
    registerMigrate,
  ],
  [
    "copy",
    "Copy a data directory into PostgreSQL, and its blobs into NATS or a new directory",
    registerCopy,
  ],
  [
    "compact",
    "Rewrite the SQLite database of a stopped server without its free space",
    registerCompact,
  ],
];

/** `invoked db migrate`: migrates a database of PostgreSQL to this version. */
function registerMigrate(command: Command): void {
  const readFlags = addSettingFlags(
    command,
    ALL_SETTINGS.filter(({ path, group }) => path === "server.configFile" || group === "database"),
  );
  addJsonOption(command);
  addExamples(command, "invoked db migrate --database postgres://invoked@db.example/invoked");
  command.action(async ({ json }: JsonFlag) => {
    const { config } = loadConfig(readFlags(), readEnvironment());
    const { postgresOptionsOf } = await import("../store/postgres/address.ts");
    const options = postgresOptionsOf(config, { exclusive: false });
    if (options === undefined) {
      throw new UsageFailure("Nothing was migrated: --database is missing", {
        next: "name the database with --database; serve migrates SQLite itself",
      });
    }
    const { migrateDatabase } = await import("../store/migrate_database.ts");
    const { database, from, to } = await migrateDatabase(options);
    const text = from === to
      ? `The ${database} has the migration ${to} already`
      : `Migrated ${database} from ${from ?? "an empty database"} to ${to}`;
    printResult(json, { database, from: from ?? null, to }, text);
  });
}

/** Settings of the nodes that will use the copy. */
const COPY_FLAGS: readonly string[] = [
  "server.configFile",
  "server.dataDir",
  "identity.masterKeyFile",
  "nats.urls",
  "nats.credentialsFile",
  "nats.caFile",
  "nats.objects",
  "nats.objectReplicas",
];

const COPY_HELP = `
Stop the server first. The database must be empty, and the data directory is not changed. Blobs go
into NATS, or into the directory of --to-data. First the blobs are copied and read again, then all
rows in one transaction, of which a digest is compared. After a failure the database has no row; run
the copy again: it sends only the missing blobs.`;

/** `invoked db copy`: copies a data directory into PostgreSQL, and its blobs into NATS or another directory. */
function registerCopy(command: Command): void {
  const readFlags = addSettingFlags(
    command,
    ALL_SETTINGS.filter(({ path, group }) => COPY_FLAGS.includes(path) || group === "database"),
  );
  command.option("--to-data <DIR>", "New data directory for the blobs, in place of NATS");
  addJsonOption(command);
  addExamples(
    command,
    "invoked db copy --data .invoked --database postgres://db/invoked --to-data /var/lib/invoked",
    "invoked db copy --data .invoked --database postgres://db/invoked --nats nats://127.0.0.1:4222",
  );
  command.addHelpText("after", COPY_HELP);
  command.action(async ({ toData, json }: JsonFlag & { readonly toData?: string }) => {
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
  const { copyInstallation } = await import("../compose/copy.ts");
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

const COMPACT_HELP = `
Stop the server first. The compacted copy replaces the database once it is complete and checked, so the file system needs that much free space. After the first run, the server itself
gives back what deletions free. PostgreSQL needs no such command: its autovacuum reuses space.`;

/** `invoked db compact`: rewrites the SQLite database of a stopped server without its free space. */
function registerCompact(command: Command): void {
  const readFlags = addSettingFlags(
    command,
    ALL_SETTINGS.filter(({ path }) => path === "server.dataDir"),
  );
  addJsonOption(command);
  addExamples(command, "invoked db compact --data /var/lib/invoked");
  command.addHelpText("after", COMPACT_HELP);
  command.action(async ({ json }: JsonFlag) => {
    const { config } = resolveConfig(readFlags(), readEnvironment());
    if (config.database.url !== undefined) {
      throw new Failure("Nothing was compacted: the server stores its records in PostgreSQL", {
        next: "leave the work to the autovacuum of PostgreSQL",
      });
    }
    const { dataDir } = config.server;
    const { compactDatabase } = await import("../store/compact.ts");
    const { bytesBefore, bytesAfter } = await compactDatabase(dataDir).catch((error) => {
      throw new Failure(describeError(error));
    });
    const [before, after] = [formatBytes(bytesBefore), formatBytes(bytesAfter)];
    const text = `Compacted the database of ${dataDir} from ${before} to ${after}`;
    printResult(json, { bytesBefore, bytesAfter }, text);
  });
}
