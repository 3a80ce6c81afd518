import type { Command } from "commander";
import { countOf, formatBytes } from "../config/mod.ts";
import type { InstallationVerification } from "../compose/verify.ts";
import {
  installationSettings,
  isS3Url,
  loadInstallation,
  storageFailure,
} from "./options/installation.ts";
import { addExamples, addJsonOption, type JsonFlag } from "./options/common_options.ts";
import { addSettingFlags } from "./options/setting_flags.ts";
import { damageLines } from "./terminal/damages.ts";
import { Failure, UsageFailure } from "./terminal/failure.ts";
import { note, printJson } from "./terminal/output.ts";

const HELP = `
Verifies the pages of the database, every reference, the digest of every content, every sealed value
with the master key, and the chain of the audit log. Changes nothing.

Exit codes:
  0  everything is whole
  1  nothing was verified, such as without --online while the server runs
  2  invalid arguments
  3  data is damaged; the output names what is lost`;

interface Options extends JsonFlag {
  readonly online?: true;
  readonly backup?: string;
}

/** `invoked verify`: verifies all stored data, or a backup. */
export function register(command: Command): void {
  command.argument(
    "[path]",
    "Archive, folder or S3 URL of backups to verify; by default the server's data",
  );
  const readFlags = addSettingFlags(command, installationSettings());
  command.option("--online", "Verify beside a running server, at low priority");
  command.option("--backup <NAME>", "Backup in the folder or bucket; by default the newest");
  addJsonOption(command);
  addExamples(
    command,
    "invoked verify --data /var/lib/invoked",
    "invoked verify --online --data /var/lib/invoked --json",
    "invoked verify backup.tar --master-key-file master.key",
  );
  command.addHelpText("after", HELP);
  command.action(async (path: string | undefined, options: Options) => {
    checkUsage(path, options);
    const config = loadInstallation(readFlags());
    const { verifyBackup, verifyInstallation } = await import("../compose/verify.ts");
    const onWait = () => note("Waiting for a deletion of files by the server");
    const verifying = path === undefined
      ? verifyInstallation(config, { isOnline: options.online ?? false, onWait })
      : verifyBackup(config, path, options.backup);
    const result = await verifying.catch((error) => {
      throw storageFailure("Nothing was verified", error);
    });
    report(result, options);
  });
}

function checkUsage(path: string | undefined, { online, backup }: Options): void {
  if (path !== undefined) isS3Url("Nothing was verified", path);
  const wrong = path === undefined
    ? backup === undefined ? undefined : "--backup needs the folder of backups"
    : online
    ? "--online is for the data of a server, and not for a backup"
    : undefined;
  if (wrong === undefined) return;
  throw new UsageFailure(`Nothing was verified: ${wrong}`, { next: "see invoked verify --help" });
}

function report(result: InstallationVerification, { json }: Options): void {
  const { verified, hasKey, contents, bytes, sealedValues, auditEvents, damages, isCut } = result;
  if (!hasKey) note("Without the master key, no sealed value and no signature was verified");
  if (json) printJson(result);
  else if (damages.length === 0) {
    console.log(
      `${verified} is whole: the database, ${countOf(contents, "content")} with ${
        formatBytes(bytes)
      }, ${countOf(sealedValues, "sealed value")} and ${
        countOf(auditEvents, "event")
      } of the audit log`,
    );
  } else {
    for (const line of damageLines(damages)) console.log(line);
  }
  if (damages.length === 0) return;
  throw new Failure(
    `${verified} is damaged: ${countOf(damages.length, "damage")}${
      isCut ? ", and perhaps more" : ""
    }`,
    { next: "restore what the report lists from a backup", exit: "code" },
  );
}
