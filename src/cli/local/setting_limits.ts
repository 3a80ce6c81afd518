/** Settings of a folder beyond the limits of a server: found before a deploy. */
import { type Config, parseDuration } from "../../config/mod.ts";
import { FunctionLimits } from "../../domain/functions/limits.ts";
import type { FieldViolation } from "../../domain/errors.ts";
import type { Manifest } from "../folder/manifest.ts";
import { note, paintNote } from "../terminal/output.ts";

/** The settings that a server with this configuration rejects. */
export function settingsBeyond(
  { timeout, cpuTimeout, memoryMib, maxConcurrency, retention }: Manifest,
  { invocations, retention: { ageMs } }: Config,
): readonly FieldViolation[] {
  return new FunctionLimits({ ...invocations, retentionMs: ageMs }).faults({
    timeout: msOf(timeout),
    cpuTimeout: msOf(cpuTimeout),
    memoryMib,
    maxConcurrency,
    retention: msOf(retention),
  }, "");
}

/** Warns of settings that the server may reject to which the function is deployed. */
export function warnOfLimits(faults: readonly FieldViolation[]): void {
  if (faults.length === 0) return;
  const list = faults.map(({ field, description }) => `${field}: ${description}`).join("; ");
  note(paintNote("yellow", `Warning: settings beyond the limits of a server: ${list}`));
  note(
    "  a server with these limits rejects a deploy; give those of your server by the flags named",
  );
}

function msOf(duration: string | undefined): number | undefined {
  return duration === undefined ? undefined : parseDuration(duration);
}
