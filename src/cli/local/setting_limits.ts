/** Settings of a folder beyond the limits of a server: found before a deploy. */
import type { Config } from "../../config/mod.ts";
import { FunctionLimits } from "../../domain/limits.ts";
import type { FieldViolation } from "../../domain/errors.ts";
import { rangeViolations } from "../../domain/resource.ts";
import { isLimited } from "../../resources/field.ts";
import { FUNCTION_SETTINGS } from "../../resources/functions.ts";
import { domainValues } from "../folder/function_settings.ts";
import type { Manifest } from "../folder/manifest.ts";
import { note, warn } from "../terminal/output.ts";

const LIMITED = Object.fromEntries(
  Object.entries(FUNCTION_SETTINGS).filter(([, field]) => isLimited(field)),
);

/** The settings that a server with this configuration rejects. */
export function settingsBeyond(
  manifest: Manifest,
  { invocations, retention: { ageMs } }: Config,
): readonly FieldViolation[] {
  const { maxima } = new FunctionLimits({ ...invocations, retentionMs: ageMs });
  return rangeViolations(LIMITED, domainValues(LIMITED, manifest), "", maxima);
}

/** Warns of settings that the server may reject to which the function is deployed. */
export function warnOfLimits(violations: readonly FieldViolation[]): void {
  if (violations.length === 0) return;
  const list = violations.map(({ field, description }) => `${field}: ${description}`).join("; ");
  warn(`Warning: settings beyond the limits of a server: ${list}`);
  note(
    "  a server with these limits rejects a deploy; give those of your server by the flags named",
  );
}
