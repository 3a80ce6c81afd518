import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { Command } from "commander";
import {
  ALL_SETTINGS,
  type Config,
  countOf,
  readEnvironment,
  resolveConfig,
  type Secret,
} from "../config/mod.ts";
import type { Resealed } from "../domain/key_rotation.ts";
import { Failure } from "./terminal/failure.ts";
import { printJson } from "./terminal/output.ts";
import { addExamples, addJsonOption } from "./options/common_options.ts";
import { addSettingFlags } from "./options/setting_flags.ts";

/** `invoked keys rotate`: encrypts all secrets and keys of a data directory with a new master key. */
export function register(command: Command): void {
  const readFlags = addSettingFlags(
    command,
    ALL_SETTINGS.filter(({ path, group }) =>
      path === "server.dataDir" || path === "identity.masterKeyFile" || group === "database"
    ),
  );
  addJsonOption(command);
  addExamples(command, "invoked keys rotate --data /var/lib/invoked");
  command.addHelpText("after", ROTATE_HELP);
  command.action(async ({ json }: { readonly json?: true }) => {
    const { config } = resolveConfig(readFlags(), readEnvironment());
    const { resealed, next } = await rotate(config);
    if (json) return printJson({ ...resealed, next });
    const { secrets, serverKeys } = resealed;
    const count = `${countOf(secrets, "secret")} and ${countOf(serverKeys, "server key")}`;
    console.log(`Encrypted ${count} with a new key: ${next}`);
  });
}

const ROTATE_HELP = `
If the server takes its key from INVOKED_MASTER_KEY, set INVOKED_NEW_MASTER_KEY to the new one.
An interrupted rotation leaves every value readable; run it again.`;

interface Rotation {
  readonly resealed: Resealed;
  /** The next step of the operator. */
  readonly next: string;
}

async function rotate(config: Config): Promise<Rotation> {
  const { server: { dataDir }, identity: { masterKey, newMasterKey, masterKeyFile } } = config;
  if (masterKey === undefined && newMasterKey !== undefined) {
    throw new Failure(
      "INVOKED_NEW_MASTER_KEY is set, but INVOKED_MASTER_KEY is not",
      {
        next: "set both variables, or none: a new key is then created in the data directory",
      },
    );
  }
  if (masterKey !== undefined && newMasterKey === undefined) {
    throw new Failure(
      "INVOKED_MASTER_KEY is set, but INVOKED_NEW_MASTER_KEY is not",
      { next: "set INVOKED_NEW_MASTER_KEY to the new key (openssl rand -base64 32)" },
    );
  }
  if (config.database.url === undefined) await checkUsed(dataDir);
  const { openDataDir } = await import("../store/data_dir.ts");
  using _directory = await openDataDir(dataDir);
  const resealed = masterKey !== undefined && newMasterKey !== undefined
    ? await rotateVariable(config, masterKey, newMasterKey)
    : await rotateFile(config);
  const next = masterKey === undefined
    ? `the new master key is in ${masterKeyFile ?? "the data directory"}; ` +
      "back it up together with the database"
    : "start the server with INVOKED_MASTER_KEY set to the new key";
  return { resealed, next };
}

/** Rejects a mistyped directory, which would otherwise be created. */
async function checkUsed(dataDir: string): Promise<void> {
  const database = join(dataDir, "invoked.db");
  await Deno.lstat(database).catch(() => {
    throw new Failure(
      `No server has used data directory ${dataDir}: ${database} does not exist`,
      { next: "start the server once with this --data, or name its directory" },
    );
  });
}

/** The operator has both keys; the transaction finds the key that each value needs. */
async function rotateVariable(config: Config, old: Secret, next: Secret): Promise<Resealed> {
  const [oldKey, newKey] = [old, next].map((key) => Buffer.from(key.reveal(), "base64"));
  if (oldKey === undefined || newKey === undefined) {
    throw new Failure("A master key is missing");
  }
  return await reseal(config, newKey, [oldKey]);
}

/**
 * The file first gets both keys, then the values are encrypted again, then the old key is removed. At every point
 * the keys in the file open every value.
 */
async function rotateFile(config: Config): Promise<Resealed> {
  const { server: { dataDir }, identity: { masterKeyFile } } = config;
  const { masterKeyFileOf, readMasterKeys, writeMasterKeys } = await import(
    "../store/master_key.ts"
  );
  const path = masterKeyFile ?? masterKeyFileOf(dataDir);
  const oldKeys = await readMasterKeys(path);
  if (oldKeys === undefined) {
    throw new Failure(
      `Master key ${path} does not exist`,
      {
        next:
          "set INVOKED_MASTER_KEY and INVOKED_NEW_MASTER_KEY, if the server takes its key from " +
          "the environment",
      },
    );
  }
  const newKey = Uint8Array.from(randomBytes(32));
  await writeMasterKeys(path, [newKey, ...oldKeys]);
  const resealed = await reseal(config, newKey, oldKeys);
  await writeMasterKeys(path, [newKey]);
  return resealed;
}

async function reseal(
  config: Config,
  newKey: Uint8Array,
  oldKeys: readonly Uint8Array[],
): Promise<Resealed> {
  const { openStore } = await import("../store/mod.ts");
  const { postgresOptionsOf } = await import("../store/postgres/address.ts");
  const { Sealer } = await import("../store/sealing.ts");
  const { resealAll } = await import("../domain/key_rotation.ts");
  const { checkServerKeys } = await import("../domain/identity/server_keys.ts");
  const sealer = new Sealer(newKey, ...oldKeys);
  await using store = await openStore(config.server.dataDir, {
    // The rotation ends with the write whose sync failed.
    onSyncFailure() {},
    checkKeys: (keys) => checkServerKeys(keys, sealer),
    postgres: postgresOptionsOf(config, { exclusive: true }),
  });
  return await resealAll(store, sealer, sealer);
}
