/** Diagnoses the configuration file, and the files that settings name, for `invoked doctor`. */
import type { Resolved } from "../../config/mod.ts";

/** What the settings come from, and why a server could not start with them. */
export interface ConfigReport {
  /** Absolute path of the configuration file; null without one. */
  readonly file: string | null;
  /** Settings whose value in force comes from the file. */
  readonly settings: number;
  /** Why files that settings name cannot be used, such as the certificate. */
  readonly unusableFiles: readonly string[];
}

/** Reports on settings that are valid: `loadConfig` has reported everything else. */
export async function diagnoseConfig(
  { config, file, sources }: Resolved,
): Promise<ConfigReport> {
  const fromFile = Object.values(sources).filter((source) => source === "file");
  const { unusableFiles } = await import("../../compose/start_check.ts");
  return {
    file: file?.path ?? null,
    settings: fromFile.length,
    unusableFiles: await unusableFiles(config),
  };
}
