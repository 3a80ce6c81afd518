/** Reads the configuration file that a flag or a variable names, and resolves the settings with it. */
import { isUtf8 } from "node:buffer";
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readFileSync,
  realpathSync,
  statSync,
} from "node:fs";
import { dirname } from "node:path";
import { type ConfigFile, parseConfigFile } from "./config_file.ts";
import { file } from "./kinds.ts";
import type { PlacedSetting } from "./placed_settings.ts";
import { ConfigError, type Given, resolveConfig, type Resolved } from "./resolve.ts";
import { formatBytes } from "./units.ts";

/** Of the configuration file; every setting with its description takes a fraction of it. */
const CONFIG_FILE_MAX_BYTES = 256 * 1024;
/** Bits of a mode. */
const OTHERS_WRITE = 0o002;
const STICKY = 0o1000;

/**
 * The configuration from flags, variables and the file that `--config` or `INVOKED_CONFIG` names. A flag wins over its
 * variable, and a variable over the file.
 *
 * @param settings what the process uses; undefined for all
 * @throws {ConfigError} as {@link resolveConfig} does, and for a file that cannot be read, or that every user can change
 */
export function loadConfig(
  flags: Given,
  env: Given,
  settings?: readonly PlacedSetting[],
): Resolved {
  const path = file().parse(flags.config ?? env.INVOKED_CONFIG ?? "");
  return resolveConfig(flags, env, path === undefined ? undefined : readConfigFile(path), settings);
}

function readConfigFile(path: string): ConfigFile {
  try {
    assertFolder(path);
    const { text, mode } = readOpened(path);
    return parseConfigFile(path, text, mode);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const { code } = error as { readonly code?: unknown };
    const reason = code === "ENOENT"
      ? "does not exist"
      : code === "EACCES"
      ? "may not be read by this user"
      : `failed to be read: ${error instanceof Error ? error.message : error}`;
    throw new ConfigError([`${named(path)} ${reason}`]);
  }
}

/**
 * Rejects a folder in which every user may replace the file; in a folder with the sticky bit, such as /tmp, only owners
 * may. It is the folder to which links lead: Kubernetes links from a folder of mode 0777, which it mounts read-only.
 */
function assertFolder(path: string): void {
  const folder = dirname(realpathSync(path));
  const { mode } = statSync(folder);
  if ((mode & OTHERS_WRITE) === 0 || (mode & STICKY) !== 0) return;
  throw new ConfigError([
    `${named(path)} is in a folder in which every user may replace it; run chmod o-w ${folder}`,
  ]);
}

/** Text and permissions come from one descriptor: another file may take the path at any moment. */
function readOpened(path: string): { readonly text: string; readonly mode: number } {
  // Without a writer, a pipe would keep the process waiting.
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(descriptor);
    // Only a regular file can be read again on SIGHUP, and no other kind ends for certain.
    if (!stat.isFile()) throw new ConfigError([`${named(path)} is not a regular file`]);
    if (stat.size > CONFIG_FILE_MAX_BYTES) {
      throw new ConfigError([
        `${named(path)} has ${formatBytes(stat.size)}, but must have at most ${
          formatBytes(CONFIG_FILE_MAX_BYTES)
        }`,
      ]);
    }
    if ((stat.mode & OTHERS_WRITE) !== 0) {
      throw new ConfigError([`${named(path)} may be changed by every user; run chmod o-w ${path}`]);
    }
    const bytes = readFileSync(descriptor);
    if (!isUtf8(bytes)) throw new ConfigError([`${named(path)} is not UTF-8 text`]);
    return { text: new TextDecoder().decode(bytes), mode: stat.mode };
  } finally {
    closeSync(descriptor);
  }
}

function named(path: string): string {
  return `Configuration file ${path}`;
}
