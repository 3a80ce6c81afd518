import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { type Command, Option } from "commander";
import {
  ALL_SETTINGS,
  type Config,
  countOf,
  type Given,
  loadConfig,
  readEnvironment,
  type Secret,
} from "../config/mod.ts";
import type { Resealed } from "../domain/key_rotation.ts";
import type { Subcommand } from "./command_entry.ts";
import { Failure, UsageFailure } from "./terminal/failure.ts";
import { printJson } from "./terminal/output.ts";
import { addExamples, addJsonOption, type JsonFlag } from "./options/common_options.ts";
import { addServerOptions, type Server } from "./options/server_options.ts";
import { addSettingFlags } from "./options/setting_flags.ts";
import { durationOf } from "./options/time.ts";

interface Options extends JsonFlag {
  readonly signing?: true;
  readonly after?: string;
  readonly revokeOld?: true;
}

export const COMMANDS: readonly Subcommand[] = [
  [
    "rotate",
    "Encrypt all secrets and server keys with a new master key, or rotate the signing key",
    registerRotate,
  ],
];

/** `invoked keys rotate`: a new master key for a stopped server, or a new signing key for a running one. */
function registerRotate(command: Command): void {
  command.option(
    "--signing",
    "Rotate the key that signs access tokens of a running server instead",
  );
  command.option(
    "--after <DURATION>",
    "With --signing: when the new key begins to sign (default 15m)",
  );
  command.addOption(
    new Option("--revoke-old", "With --signing: invalidate every access token at once")
      .conflicts("after"),
  );
  const server = addServerOptions(command);
  const readFlags = addSettingFlags(
    command,
    ALL_SETTINGS.filter(({ path, group }) =>
      path === "identity.masterKeyFile" || group === "database"
    ),
  );
  addJsonOption(command);
  addExamples(
    command,
    "invoked keys rotate --data /var/lib/invoked",
    "invoked keys rotate --signing --profile production",
    "invoked keys rotate --signing --revoke-old",
  );
  command.addHelpText("after", ROTATE_HELP);
  command.action(async (options: Options) => {
    assertFitting(options, command, readFlags());
    if (options.signing) return await rotateSigning(server, options);
    const { config } = loadConfig({ ...server.flags(), ...readFlags() }, readEnvironment());
    const { resealed, next } = await rotate(config);
    if (options.json) return printJson({ ...resealed, next });
    const { secrets, serverKeys } = resealed;
    const count = `${countOf(secrets, "secret")} and ${countOf(serverKeys, "server key")}`;
    console.log(`Encrypted ${count} with a new key: ${next}`);
  });
}

const ROTATE_HELP = `
Without --signing, stop the server first. If it takes its key from INVOKED_MASTER_KEY, set
INVOKED_NEW_MASTER_KEY to the new one. An interrupted rotation leaves every value readable; run it again.`;

/** @throws {Failure} for a flag of the other rotation */
function assertFitting(options: Options, command: Command, settings: Given): void {
  const { server, profile } = command.opts<
    { readonly server?: string; readonly profile?: string }
  >();
  const ofSigning = {
    "--after": options.after,
    "--revoke-old": options.revokeOld,
    "--server": server,
    "--profile": profile,
  };
  const ofMaster = Object.fromEntries(
    Object.entries(settings).map(([name, value]) => [`--${name}`, value]),
  );
  const [wrong] = Object.entries(options.signing ? ofMaster : ofSigning)
    .flatMap(([flag, value]) => value === undefined ? [] : [flag]);
  if (wrong === undefined) return;
  throw new UsageFailure(
    options.signing
      ? `${wrong} is not for --signing, which asks a running server`
      : `${wrong} needs --signing: the master key is rotated while the server is stopped`,
    { next: "see invoked keys rotate --help" },
  );
}

const AFTER_EXAMPLES = "15m or 1h; 0s signs at once";

async function rotateSigning(server: Server, { after, revokeOld, json }: Options): Promise<void> {
  const signsAfterMs = after === undefined
    ? undefined
    : durationOf("--after", after, AFTER_EXAMPLES);
  using api = await server.connect();
  const list = await api.signingKeys.rotate({ signsAfterMs, revokeOld });
  if (json) return printJson({ list });
  const [made, ...earlier] = list;
  if (revokeOld) {
    return console.log(`Key ${made?.id} signs from now on; every earlier access token is invalid`);
  }
  const until = earlier[0]?.verifiesUntil;
  console.log(
    `Key ${made?.id} signs from ${made?.signsFrom ?? "now on"}; access tokens of ` +
      `${countOf(earlier.length, "earlier key")} stay valid${
        until === undefined ? "" : ` until ${until}`
      }`,
  );
}

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
      { next: "set both variables, or none: a new key is then created in the data directory" },
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
