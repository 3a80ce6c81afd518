import type { CallConfig } from "../../runtime/wire.ts";

/** The stored form of no variables. */
export const NO_VARIABLES = "{}";

/** The configuration of a call. @param variables JSON of an object; without any the field is absent */
export function configOf(
  secrets: Readonly<Record<string, string>>,
  variables: string,
): CallConfig {
  return variables === NO_VARIABLES
    ? { secrets }
    : { secrets, variables: JSON.parse(variables) as Record<string, string> };
}
