/** Reads the configuration file that a flag or a variable names, and resolves the settings with it. */
import { type ConfigFile, parseConfigFile } from "./config_file.ts";
import { file } from "./kinds.ts";
import { ConfigError, type Given, resolveConfig, type Resolved } from "./resolve.ts";
import { formatBytes } from "./units.ts";

/** Of the configuration file; every setting with its description takes a fraction of it. */
const CONFIG_FILE_MAX_BYTES = 256 * 1024;

/**
 * The configuration from flags, variables and the file that `--config` or `INVOKED_CONFIG` names. A flag wins over its
 * variable, and a variable over the file.
 *
 * @throws {ConfigError} as {@link resolveConfig} does, and for a file that cannot be read
 */
export function loadConfig(flags: Given, env: Given): Resolved {
  const path = file().parse(flags.config ?? env.INVOKED_CONFIG ?? "");
  return resolveConfig(flags, env, path === undefined ? undefined : readConfigFile(path));
}

function readConfigFile(path: string): ConfigFile {
  try {
    const { isFile, size, mode } = Deno.statSync(path);
    // Only a regular file can be read again on SIGHUP, and no other kind ends for certain.
    if (!isFile) throw new ConfigError([`${named(path)} is not a regular file`]);
    if (size > CONFIG_FILE_MAX_BYTES) {
      throw new ConfigError([
        `${named(path)} has ${formatBytes(size)}, but must have at most ${
          formatBytes(CONFIG_FILE_MAX_BYTES)
        }`,
      ]);
    }
    const text = new TextDecoder("utf-8", { fatal: true }).decode(Deno.readFileSync(path));
    return parseConfigFile(path, text, mode ?? 0);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const reason = error instanceof Deno.errors.NotFound
      ? "does not exist"
      : error instanceof Deno.errors.PermissionDenied
      ? "may not be read by this user"
      : error instanceof TypeError
      ? "is not UTF-8 text"
      : `failed to be read: ${error instanceof Error ? error.message : error}`;
    throw new ConfigError([`${named(path)} ${reason}`]);
  }
}

function named(path: string): string {
  return `Configuration file ${path}`;
}
