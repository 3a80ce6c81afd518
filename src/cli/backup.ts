import { type Command, Option } from "commander";
import { countOf, formatBytes, formatCount } from "../config/mod.ts";
import type { Expired } from "../store/backup/expire.ts";
import type { BackupReport } from "../store/backup/take.ts";
import { isArchiveName } from "../store/backup/targets.ts";
import {
  installationSettings,
  isS3Url,
  loadInstallation,
  storageFailure,
} from "./options/installation.ts";
import {
  addExamples,
  addJsonOption,
  type JsonFlag,
  parseCountOf,
} from "./options/common_options.ts";
import { addSettingFlags } from "./options/setting_flags.ts";
import { Failure, oneLine, UsageFailure } from "./terminal/failure.ts";
import { note, printJson } from "./terminal/output.ts";

const HELP = `
Reads the data directory, or the database and the object store, beside a running server: the
database first, then the contents that it references. A name that ends with .tar is an archive,
s3://BUCKET/PREFIX?region=REGION is a bucket of S3 with the keys in AWS_ACCESS_KEY_ID and
AWS_SECRET_ACCESS_KEY, and any other name is a folder. Folders and buckets get each content once.
Without --with-keys, secrets in the backup are useless without the master key: keep the key apart.

With --keep 7, a folder or bucket keeps the newest 7 backups of undamaged data and all newer ones. Once
the new backup is complete, older backups are removed, and the contents that no other backup has.

Exit codes:
  0  the data is whole, and so is the backup
  1  nothing was backed up; or --keep failed, and the message says that the backup is complete
  2  invalid arguments
  3  the data is damaged: the backup lists the damages, and has everything else`;

interface Options extends JsonFlag {
  readonly withKeys?: boolean;
  readonly keep?: number;
}

/** `invoked backup`: takes a backup beside a running server. */
export function register(command: Command): void {
  command.argument(
    "<path>",
    "New archive (ends with .tar), folder of backups, or URL of a bucket of S3",
  );
  const readFlags = addSettingFlags(command, installationSettings());
  command.option(
    "--with-keys",
    "Include the master key, the administrator's credentials and the key of TLS",
  );
  command.addOption(
    new Option("--keep <NUMBER>", "Backups of undamaged data that stay in the folder or bucket")
      .argParser((text) => parseCountOf("--keep", text)),
  );
  addJsonOption(command);
  addExamples(
    command,
    "invoked backup backup.tar --data .invoked",
    "invoked backup /mnt/backups --data /var/lib/invoked --keep 7",
    "invoked backup 's3://bucket/backups?region=eu-central-1' --data /var/lib/invoked --keep 7",
    "invoked backup backup.tar --database postgres://db/invoked --nats nats://127.0.0.1:4222 --master-key-file master.key",
  );
  command.addHelpText("after", HELP);
  command.action(
    async (path: string, { withKeys = false, keep, json }: Options) => {
      checkUsage(path, keep);
      const config = loadInstallation(readFlags());
      const { backUp } = await import("../compose/backup.ts");
      const onWait = () => note("Waiting for a deletion of files by the server");
      const report = await backUp(config, path, { withKeys, keep, onWait }).catch((error) => {
        throw storageFailure("Nothing was backed up", error);
      });
      if (json) printJson(report);
      else console.log([...inWords(report, withKeys), ...expiredInWords(report)].join("\n"));
      reportDamages(report);
    },
  );
}

/** @throws Failure */
function checkUsage(path: string, keep: number | undefined): void {
  if (isS3Url("Nothing was backed up", path)) return;
  if (keep === undefined || !isArchiveName(path)) return;
  throw new UsageFailure(
    `Nothing was backed up: --keep is for a folder, and ${path} is an archive`,
    { next: "name a folder or a bucket, or omit --keep" },
  );
}

/** @throws Failure if the data was damaged: the backup has everything else */
function reportDamages({ path, damages, missing }: BackupReport): void {
  if (damages.length === 0) return;
  for (const { kind, message } of damages) note(`${kind}: ${oneLine(message)}`);
  const lacks = missing.length === 0 ? "" : `, and lacks ${countOf(missing.length, "content")}`;
  throw new Failure(
    `Backup ${path} was taken of damaged data: it lists ${
      countOf(damages.length, "damage")
    }${lacks}`,
    { next: "see what is lost with invoked verify --online, and repair it", exit: "code" },
  );
}

function inWords(
  { path, createdAt, contents, newContents, replacedContents, bytes, writtenBytes }: BackupReport,
  withKeys: boolean,
): string[] {
  const written = newContents === contents
    ? ""
    : `, of which ${formatCount(newContents)} are new; ${formatBytes(writtenBytes)} were written`;
  const replaced = replacedContents === 0 ? [] : [
    `Earlier backups in the folder had ${
      countOf(replacedContents, "damaged content")
    }; this backup replaced what was damaged`,
  ];
  return [
    `Backup of ${createdAt} is in ${path}: ${formatBytes(bytes)} with ${
      countOf(contents, "content")
    }${written}`,
    ...replaced,
    withKeys
      ? "It contains the master key, which opens every secret in it"
      : "It contains no key: keep the master key apart, because a restore needs it",
  ];
}

function expiredInWords({ expired }: { readonly expired: Expired | undefined }): string[] {
  if (expired === undefined || expired.backups.length + expired.contents === 0) return [];
  return [
    `Removed ${countOf(expired.backups.length, "older backup")}, and ${
      countOf(expired.contents, "content")
    } with ${formatBytes(expired.bytes)} that no other backup has`,
  ];
}
