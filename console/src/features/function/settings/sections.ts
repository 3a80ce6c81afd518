/** The sections of the settings that are saved together, in the order of the page. */
import type { Fn } from "../../../api/types.ts";
import { DESTINATIONS, type DestinationsDraft } from "./destinations.tsx";
import { FLOW, type FlowDraft } from "./flow.tsx";
import { GENERAL, type GeneralDraft } from "./general.tsx";
import { LIMITS, type LimitsDraft } from "./limits.tsx";
import { NETWORK, type NetworkDraft } from "./network.tsx";
import type { Settings } from "./patch.ts";
import { RETRIES, type RetriesDraft } from "./retries.tsx";
import { RUNNING, type RunningDraft } from "./running.tsx";
import type { FieldLabels } from "./section.tsx";
import { VARIABLES, type VariablesDraft } from "./variables.tsx";

export type SettingsDraft =
  & GeneralDraft
  & VariablesDraft
  & NetworkDraft
  & LimitsDraft
  & RunningDraft
  & RetriesDraft
  & DestinationsDraft
  & FlowDraft;
export type SettingName = keyof SettingsDraft;

/** The sections that are saved together, as the page has them. */
export const SECTIONS = [
  GENERAL,
  VARIABLES,
  NETWORK,
  LIMITS,
  RUNNING,
  RETRIES,
  DESTINATIONS,
  FLOW,
] as const;

export const FIELDS: FieldLabels = Object.assign({}, ...SECTIONS.map(({ fields }) => fields));

/** What the page edits of a function. */
export function draftOf(fn: Fn): SettingsDraft {
  return {
    ...GENERAL.read(fn),
    ...VARIABLES.read(fn),
    ...NETWORK.read(fn),
    ...LIMITS.read(fn),
    ...RUNNING.read(fn),
    ...RETRIES.read(fn),
    ...DESTINATIONS.read(fn),
    ...FLOW.read(fn),
  };
}

/** The settings of these names. Throws `ApiError` for drafts that no request can carry. */
export function settingsOf(draft: SettingsDraft, names: readonly SettingName[]): Settings {
  const all = Object.assign({}, ...SECTIONS.map(({ write }) => write(draft)));
  return Object.fromEntries(names.map((name) => [name, all[name]]));
}
