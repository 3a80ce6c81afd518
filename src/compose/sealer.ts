import type { Config } from "../config/mod.ts";
import type { DataDir } from "../store/data_dir.ts";
import { masterKeysOf, sharedMasterKeys } from "../store/master_key.ts";
import { Sealer } from "../store/sealing.ts";

/**
 * Seals with the configured master key, or with the newest key of the shared file or of the data directory.
 * @throws DataDirError
 */
export async function openSealer(
  { identity: { masterKey, masterKeyFile }, database }: Config,
  directory: DataDir,
): Promise<Sealer> {
  if (masterKey !== undefined) return new Sealer(Buffer.from(masterKey.reveal(), "base64"));
  return sealerOf(
    masterKeyFile === undefined
      ? await masterKeysOf(directory, database.url === undefined)
      : await sharedMasterKeys(masterKeyFile),
  );
}

/** Seals with the first of some keys. */
export function sealerOf([key, ...olderKeys]: readonly Uint8Array[]): Sealer {
  if (key === undefined) throw new Error("the file of master keys is empty");
  return new Sealer(key, ...olderKeys);
}
