/** What is wrong with the settings of a request by themselves, whoever sends them. */
import type { FunctionSettings, Setting } from "../../resources/functions.ts";
import { FUNCTION_SETTINGS } from "../../resources/functions.ts";
import type { FieldViolation } from "../errors.ts";
import { type Maxima, rangeViolations } from "../resource.ts";
import { flowViolations } from "./flow_settings.ts";
import { retryPolicyViolations } from "./retry_policy.ts";

/**
 * The violations of the settings that change.
 * @param prefix of the fields in the request
 * @param maxima of the operator
 */
export function settingViolations(
  settings: FunctionSettings,
  changed: readonly Setting[],
  prefix: string,
  maxima: Maxima,
): readonly FieldViolation[] {
  if (changed.includes("displayName") && !settings.displayName) {
    return [{ field: `${prefix}displayName`, description: "must not be empty" }];
  }
  const changes: FunctionSettings = Object.fromEntries(
    changed.map((setting) => [setting, settings[setting]]),
  );
  const outside = rangeViolations(FUNCTION_SETTINGS, changes, prefix, maxima);
  const contradictions = [
    ...retryPolicyViolations(changes, prefix),
    ...flowViolations(changes, prefix),
  ].filter(({ field }) => outside.every((violation) => violation.field !== field));
  return [...outside, ...contradictions];
}
