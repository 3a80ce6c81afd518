import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { Command } from "commander";
import {
  ALL_SETTINGS,
  type Config,
  readEnvironment,
  resolveConfig,
  type Secret,
} from "../config/mod.ts";
import type { Resealed } from "../domain/identity/key_rotation.ts";
import { Failure } from "./terminal/failure.ts";
import { printJson } from "./terminal/output.ts";
import { addExamples, addJsonOption } from "./options/server_options.ts";
import { addSettingFlags } from "./options/setting_flags.ts";

/** `invoked keys rotate`: seals everything in a data directory under a new master key. */
export function registerKeys(program: Command): void {
  const keys = program.command("keys").description("Look after the master key");
  const command = keys.command("rotate").description(
    "Make a new master key and seal every secret and server key under it; the server must not run",
  );
  const readFlags = addSettingFlags(
    command,
    ALL_SETTINGS.filter(({ path }) => path === "server.dataDir"),
  );
  addJsonOption(command);
  addExamples(command, "invoked keys rotate --data /var/lib/invoked");
  command.addHelpText("after", ROTATE_HELP);
  command.action(async ({ json }: { readonly json?: true }) => {
    const { config } = resolveConfig(readFlags(), readEnvironment());
    const { resealed, next } = await rotate(config);
    if (json) return printJson({ ...resealed, next });
    const { secrets, serverKeys } = resealed;
    console.log(`Sealed ${secrets} secrets and ${serverKeys} server keys again: ${next}`);
  });
}

const ROTATE_HELP = `
Where the key comes from INVOKED_MASTER_KEY, the new one is taken from INVOKED_NEW_MASTER_KEY.
A rotation that is cut off at any point leaves every value readable; run it again.`;

interface Rotation {
  readonly resealed: Resealed;
  /** What the operator has to do now. */
  readonly next: string;
}

async function rotate({ server: { dataDir }, identity }: Config): Promise<Rotation> {
  const { masterKey, newMasterKey } = identity;
  if (masterKey === undefined && newMasterKey !== undefined) {
    throw new Failure(
      "Cannot rotate to INVOKED_NEW_MASTER_KEY: the key in use is not in INVOKED_MASTER_KEY; " +
        "without both a new key is made and kept in the data directory",
    );
  }
  if (masterKey !== undefined && newMasterKey === undefined) {
    throw new Failure(
      "Cannot rotate INVOKED_MASTER_KEY: this command cannot change a variable of the server; " +
        "set INVOKED_NEW_MASTER_KEY to the new key (openssl rand -base64 32)",
    );
  }
  await checkUsed(dataDir);
  const { openDataDir } = await import("../store/data_dir.ts");
  using directory = await openDataDir(dataDir);
  const resealed = masterKey !== undefined && newMasterKey !== undefined
    ? await rotateVariable(directory.path, masterKey, newMasterKey)
    : await rotateFile(directory.path);
  const next = masterKey === undefined
    ? "the new master key is in the data directory; back it up together with the database"
    : "start the server with INVOKED_MASTER_KEY set to the new key";
  return { resealed, next };
}

/** So that a mistyped directory is not made into an empty one. */
async function checkUsed(dataDir: string): Promise<void> {
  const database = join(dataDir, "invoked.db");
  await Deno.lstat(database).catch(() => {
    throw new Failure(
      `Cannot rotate the master key of ${dataDir}: there is no ${database}; start the server once ` +
        "with this --data, or name its directory",
    );
  });
}

/** The operator holds both keys, and the transaction decides which of them the values need. */
async function rotateVariable(dataDir: string, old: Secret, next: Secret): Promise<Resealed> {
  const [oldKey, newKey] = [old, next].map((key) => Buffer.from(key.reveal(), "base64"));
  if (oldKey === undefined || newKey === undefined) {
    throw new Failure("Cannot read the master keys");
  }
  return await reseal(dataDir, newKey, [oldKey]);
}

/**
 * First the file holds both keys, then the values move, then the old key is forgotten: wherever this is cut
 * off, the keys in the file open every value.
 */
async function rotateFile(dataDir: string): Promise<Resealed> {
  const { readMasterKeys, writeMasterKeys } = await import("../store/master_key.ts");
  const oldKeys = await readMasterKeys(dataDir);
  if (oldKeys === undefined) {
    throw new Failure(
      `Cannot rotate the master key of ${dataDir}: it holds no master.key; set INVOKED_MASTER_KEY ` +
        "and INVOKED_NEW_MASTER_KEY where the server takes its key from the environment",
    );
  }
  const newKey = Uint8Array.from(randomBytes(32));
  await writeMasterKeys(dataDir, [newKey, ...oldKeys]);
  const resealed = await reseal(dataDir, newKey, oldKeys);
  await writeMasterKeys(dataDir, [newKey]);
  return resealed;
}

async function reseal(
  dataDir: string,
  newKey: Uint8Array,
  oldKeys: readonly Uint8Array[],
): Promise<Resealed> {
  const { openStore } = await import("../store/mod.ts");
  const { Sealer } = await import("../store/sealing.ts");
  const { resealAll } = await import("../domain/identity/key_rotation.ts");
  await using store = await openStore(dataDir);
  const sealer = new Sealer(newKey, ...oldKeys);
  return await resealAll(store, sealer, sealer);
}
