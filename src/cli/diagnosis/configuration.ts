/** Diagnoses the configuration file and the certificate for `invoked doctor`. */
import type { Resolved } from "../../config/mod.ts";
import { describeError } from "../terminal/failure.ts";

/** What the settings come from, and why a server could not start with them. */
export interface ConfigReport {
  /** Absolute path of the configuration file; null without one. */
  readonly file: string | null;
  /** Settings whose value in force comes from the file. */
  readonly settings: number;
  /** Why the certificate of `--tls-cert` cannot be used; null if it can. */
  readonly certificate: string | null;
}

/** Reports on settings that are valid: `loadConfig` has reported everything else. */
export async function diagnoseConfig(
  { config, file, sources }: Resolved,
): Promise<ConfigReport> {
  const { checkTls } = await import("../../compose/tls.ts");
  const certificate = await checkTls(config).then(() => null, describeError);
  return {
    file: file?.path ?? null,
    settings: Object.values(sources).filter((source) => source === "file").length,
    certificate,
  };
}
