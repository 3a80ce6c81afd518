import type { Command } from "commander";
import { countOf, formatBytes, formatCount, loadConfig, readEnvironment } from "../config/mod.ts";
import type { BackupReport } from "../store/backup/take.ts";
import { installationSettings, storageFailure } from "./options/installation.ts";
import { addExamples, addJsonOption } from "./options/common_options.ts";
import { addSettingFlags } from "./options/setting_flags.ts";
import { note, printJson } from "./terminal/output.ts";

const HELP = `
Reads the data directory, or the database and the object store, beside a running server: the
database first, then the contents that it references. A name that ends with .tar is an archive; any
other is a folder, into which each content is copied once. Without --with-keys, secrets in the
backup are useless without the master key: keep the key apart.`;

/** `invoked backup`: takes a backup beside a running server. */
export function register(command: Command): void {
  command.argument("<path>", "New archive (ends with .tar), or folder of backups");
  const readFlags = addSettingFlags(command, installationSettings());
  command.option(
    "--with-keys",
    "Include the master key, the administrator's credentials and the key of TLS",
  );
  addJsonOption(command);
  addExamples(
    command,
    "invoked backup backup.tar --data .invoked",
    "invoked backup /mnt/backups --data /var/lib/invoked",
    "invoked backup backup.tar --database postgres://db/invoked --nats nats://127.0.0.1:4222 --master-key-file master.key",
  );
  command.addHelpText("after", HELP);
  command.action(
    async (path: string, { withKeys = false, json }: { withKeys?: boolean; json?: true }) => {
      const { config } = loadConfig(readFlags(), readEnvironment());
      const { backUp } = await import("../compose/backup.ts");
      const onWait = () => note("Waiting for another backup or verification of this server");
      const report = await backUp(config, path, { withKeys, onWait }).catch((error) => {
        throw storageFailure("Nothing was backed up", error);
      });
      if (json) return printJson(report);
      console.log(inWords(report, withKeys));
    },
  );
}

function inWords(
  { path, createdAt, contents, newContents, bytes, writtenBytes }: BackupReport,
  withKeys: boolean,
): string {
  const written = newContents === contents
    ? ""
    : `, of which ${formatCount(newContents)} are new; ${formatBytes(writtenBytes)} were written`;
  return [
    `Backup of ${createdAt} is in ${path}: ${formatBytes(bytes)} with ${
      countOf(contents, "content")
    }${written}`,
    withKeys
      ? "It contains the master key, which opens every secret in it"
      : "It contains no key: keep the master key apart, because a restore needs it",
  ].join("\n");
}
