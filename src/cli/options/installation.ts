/** What commands share that read or write the data of a server itself. */
import {
  ALL_SETTINGS,
  type Config,
  type Given,
  loadConfig,
  readEnvironment,
  s3AddressIn,
} from "../../config/mod.ts";
import { describeError, Failure, firstError, UsageFailure } from "../terminal/failure.ts";

/** The file that may say where a server has its data. */
const CONFIG_FILE = "server.configFile";

/** Where a server has its data and its master key. */
const DATA_PATHS: readonly string[] = [
  "server.dataDir",
  "identity.masterKey",
  "identity.masterKeyFile",
  "nats.urls",
  "nats.credentialsFile",
  "nats.caFile",
  "nats.objects",
  "nats.objectReplicas",
];

/** The settings that say where the data of a server is. */
export function dataSettings() {
  return ALL_SETTINGS.filter(({ path, group }) =>
    DATA_PATHS.includes(path) || group === "database"
  );
}

/** The settings of a command on the data of a server: where the data is, or the file that says so. */
export function installationSettings() {
  return [...ALL_SETTINGS.filter(({ path }) => path === CONFIG_FILE), ...dataSettings()];
}

/**
 * The configuration of a command on the data of a server. Other settings of the file are for the server, which may have
 * further flags: they are not checked.
 */
export function loadInstallation(flags: Given): Config {
  return loadConfig(flags, readEnvironment(), installationSettings()).config;
}

/** The failure of a command on data. Messages of errors that say what failed are kept. */
export function storageFailure(what: string, error: unknown): unknown {
  const first = firstError(error);
  if (first instanceof Failure || !(first instanceof Error)) return first;
  const message = describeError(first);
  if (first.name === "DataDirError") return new Failure(message);
  const next = "next" in first && typeof first.next === "string" ? first.next : undefined;
  if (first.name === "BackupError") return new Failure(message, { next });
  return new Failure(`${what}: ${message}`);
}

/**
 * Whether an argument is the URL of a bucket of S3, and no path on disk.
 * @param what did not happen, for the message @throws Failure for an invalid URL
 */
export function isS3Url(what: string, path: string): boolean {
  const address = s3AddressIn(path);
  if (typeof address !== "string") return address !== undefined;
  throw new UsageFailure(`${what}: the URL of backups is invalid: ${address}`, {
    next: "write it as s3://BUCKET/PREFIX?endpoint=https://HOST&region=REGION",
  });
}
