import type { Command } from "commander";
import { countOf, formatBytes } from "../config/mod.ts";
import type { RestoreReport } from "../compose/restore.ts";
import {
  installationSettings,
  isS3Url,
  loadInstallation,
  storageFailure,
} from "./options/installation.ts";
import { addExamples, addJsonOption, type JsonFlag } from "./options/common_options.ts";
import { addSettingFlags } from "./options/setting_flags.ts";
import { damageLines } from "./terminal/damages.ts";
import { printJson } from "./terminal/output.ts";
import { quoteForShell } from "./terminal/shell.ts";

const HELP = `
Reads and verifies the whole backup, and then moves it into the data directory, which must be empty.
With --database, the database must be empty, too; with --nats, contents go into the object store.
The restored server starts paused: schedules, webhooks, retries and asynchronous invocations wait
for invoked resume, because the original may still run.

A backup of damaged data lists the damages. With --accept-damage, the command restores what is whole,
and prints what is lost and whom it concerns. Other damages still end the restore.`;

interface Options extends JsonFlag {
  readonly backup?: string;
  readonly acceptDamage?: boolean;
}

/** `invoked restore`: restores a backup into an empty data directory or database. */
export function register(command: Command): void {
  command.argument("<path>", "Archive, folder of backups, or URL of a bucket of S3");
  const readFlags = addSettingFlags(command, installationSettings());
  command.option("--backup <NAME>", "Backup in the folder or bucket; by default the newest");
  command.option(
    "--accept-damage",
    "Restore everything that is whole of a backup whose manifest lists damages",
  );
  addJsonOption(command);
  addExamples(
    command,
    "invoked restore backup.tar --data restored --master-key-file master.key",
    "invoked restore /mnt/backups --data restored --master-key-file master.key",
    "invoked restore backup.tar --data restored --database postgres://db/restored",
  );
  command.addHelpText("after", HELP);
  command.action(async (path: string, { backup, acceptDamage = false, json }: Options) => {
    isS3Url("Nothing was restored", path);
    const config = loadInstallation(readFlags());
    const { restoreBackup } = await import("../compose/restore.ts");
    const options = { chosen: backup, acceptDamage };
    const report = await restoreBackup(config, path, options).catch((error) => {
      throw storageFailure("Nothing was restored", error);
    });
    if (json) return printJson(report);
    console.log(inWords(report));
  });
}

function inWords(report: RestoreReport): string {
  const { backup, createdAt, files, bytes, dataDir, database } = report;
  const { hasKeys, masterKeyFile, damages } = report;
  const where = database === undefined ? dataDir : `${database} and ${dataDir}`;
  const flag = masterKeyFile === undefined
    ? ""
    : ` --master-key-file ${quoteForShell(masterKeyFile)}`;
  const key = hasKeys || masterKeyFile !== undefined ? "" : ", and with INVOKED_MASTER_KEY";
  const lost = damages.length === 0 ? [] : [
    "The backup was taken of damaged data, and lacks what was damaged:",
    ...damageLines(damages),
  ];
  return [
    `Restored ${backup} of ${createdAt} into ${where}: ${countOf(files, "file")} with ${
      formatBytes(bytes)
    }, all verified`,
    ...lost,
    `Start the server with invoked serve --data ${
      quoteForShell(dataDir)
    }${flag}${key}; it is paused`,
    "When the original has ended, run invoked resume",
  ].join("\n");
}
