/** What commands share that read or write the data of a server itself. */
import { ALL_SETTINGS, type Given } from "../../config/mod.ts";
import { describeError, Failure, firstError } from "../terminal/failure.ts";

/** Where a server has its data and its master key, and the file that may say so. */
const PATHS: readonly string[] = [
  "server.configFile",
  "server.dataDir",
  "identity.masterKeyFile",
  "nats.urls",
  "nats.credentialsFile",
  "nats.caFile",
  "nats.objectReplicas",
];

/** The settings that name the data of a server. */
export function installationSettings() {
  return ALL_SETTINGS.filter(({ path, group }) => PATHS.includes(path) || group === "database");
}

/** The flags among some given ones that name the data of a server. */
export function installationFlags(given: Given): string[] {
  return installationSettings().flatMap(({ setting: { name } }) => {
    const value = given[name];
    return value === undefined ? [] : [`--${name}`, value];
  });
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
