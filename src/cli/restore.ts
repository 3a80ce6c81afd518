import type { Command } from "commander";
import { countOf, formatBytes } from "../config/mod.ts";
import type { RestoreReport } from "../compose/restore.ts";
import { installationSettings, loadInstallation, storageFailure } from "./options/installation.ts";
import { addExamples, addJsonOption } from "./options/common_options.ts";
import { addSettingFlags } from "./options/setting_flags.ts";
import { printJson } from "./terminal/output.ts";
import { quoteForShell } from "./terminal/shell.ts";

const HELP = `
Reads and verifies the whole backup, and then moves it into the data directory, which must be empty.
With --database, the database must be empty, too; with --nats, contents go into the object store.
The restored server starts paused: schedules, webhooks, retries and asynchronous invocations wait
for invoked resume, because the original may still run.`;

/** `invoked restore`: restores a backup into an empty data directory or database. */
export function register(command: Command): void {
  command.argument("<path>", "Archive, or folder of backups");
  const readFlags = addSettingFlags(command, installationSettings());
  command.option("--backup <NAME>", "Backup in the folder; by default the newest");
  addJsonOption(command);
  addExamples(
    command,
    "invoked restore backup.tar --data restored --master-key-file master.key",
    "invoked restore /mnt/backups --data restored --master-key-file master.key",
    "invoked restore backup.tar --data restored --database postgres://db/restored",
  );
  command.addHelpText("after", HELP);
  command.action(async (path: string, { backup, json }: { backup?: string; json?: true }) => {
    const config = loadInstallation(readFlags());
    const { restoreBackup } = await import("../compose/restore.ts");
    const report = await restoreBackup(config, path, backup).catch((error) => {
      throw storageFailure("Nothing was restored", error);
    });
    if (json) return printJson(report);
    console.log(inWords(report));
  });
}

function inWords(
  { backup, createdAt, files, bytes, dataDir, database, hasKeys, masterKeyFile }: RestoreReport,
): string {
  const where = database === undefined ? dataDir : `${database} and ${dataDir}`;
  const flag = masterKeyFile === undefined
    ? ""
    : ` --master-key-file ${quoteForShell(masterKeyFile)}`;
  const key = hasKeys || masterKeyFile !== undefined ? "" : ", and with INVOKED_MASTER_KEY";
  return [
    `Restored ${backup} of ${createdAt} into ${where}: ${countOf(files, "file")} with ${
      formatBytes(bytes)
    }, all verified`,
    `Start the server with invoked serve --data ${
      quoteForShell(dataDir)
    }${flag}${key}; it is paused`,
    "When the original has ended, run invoked resume",
  ].join("\n");
}
