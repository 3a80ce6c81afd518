import type { Api, Files } from "../client/api.ts";
import type { RemoteFunction } from "../client/schemas.ts";
import { kindOf, type Trigger } from "../client/triggers.ts";
import { oneLine } from "../terminal/failure.ts";
import { warn } from "../terminal/output.ts";
import { handlersOf } from "./handlers.ts";
import { remoteTriggers } from "./triggers.ts";

/** The words for kinds in warnings. */
const WORDS = { schedule: "schedule", webhook: "webhook", http: "endpoint" } as const;

/**
 * Warns of triggers whose handler the `main.ts` of a commit does not export. No warning is given where the text of
 * `main.ts` does not show its exports, such as for an imported default export.
 *
 * @returns the warnings
 */
export async function warnOfHandlers(
  api: Api,
  fn: RemoteFunction,
  files: Files,
): Promise<readonly string[]> {
  const { fetch, json } = handlersOf(files);
  if (fetch !== false && json !== false) return [];
  const triggers = await remoteTriggers(api, fn);
  const endpoints = namesOf(triggers.filter(({ http }) => http !== undefined));
  const others = namesOf(triggers.filter(({ http }) => http === undefined));
  const warnings = [
    ...fetch === false && endpoints !== ""
      ? [`main.ts exports no fetch for ${endpoints}; write export default { fetch }`]
      : [],
    ...json === false && others !== ""
      ? [`main.ts exports no function by default for ${others}; write export default function`]
      : [],
  ];
  for (const warning of warnings) warn(`Warning: ${warning}`);
  return warnings;
}

function namesOf(triggers: readonly Trigger[]): string {
  return triggers.map((trigger) => `${WORDS[kindOf(trigger)]} ${oneLine(trigger.displayName)}`)
    .join(", ");
}
