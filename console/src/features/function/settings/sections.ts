/** The sections of the page, and what each edits. */
import {
  FUNCTION_SETTINGS,
  LIMITS as LIMIT_FIELDS,
} from "../../../../../src/resources/functions.ts";
import type { Fn } from "../../../api/client.ts";
import { DURATION_HINT } from "../typed_values.ts";
import { DESTINATIONS, type DestinationsDraft } from "./destinations.tsx";
import type { FieldLabels, Settings } from "./section.tsx";
import {
  draftOf as draftOfField,
  type Drafts,
  type FieldSetting,
  labelAt,
  leavesOf,
  type Path,
  type SectionOfFields,
  settingOf,
  valueOf,
} from "./setting_fields.tsx";
import { TENANT, type TenantDraft } from "./tenant.tsx";
import { VARIABLES, type VariablesDraft } from "./variables.tsx";

/** The rows of each section, which together have every setting. */
const ROWS = {
  general: [["displayName"], ["description"]],
  hosts: [["outboundNetworkAllowlist"], ["traceFetch"]],
  limits: [Object.keys(LIMIT_FIELDS) as (keyof typeof LIMIT_FIELDS)[]],
  running: [["vfsId", "processReuse", "provisionedConcurrency"], ["evaluation"]],
  identity: [["scopedRoleIds"]],
  retries: [["retryPolicy"]],
  flow: [
    ["rateLimit"],
    ["concurrencyKey", "maxConcurrencyPerKey"],
    ["debounce.delay", "debounce.maxDelay", "debounce.key"],
    ["circuitBreakerMax", "circuitBreakerPeriod"],
  ],
} as const satisfies Readonly<Record<string, readonly (readonly Path[])[]>>;
type Placed = (typeof ROWS)[keyof typeof ROWS][number][number];
type SettingAt<P> = P extends `${infer Name}.${string}` ? Name : P;
/** Settings that the page lacks. */
type Missing = Exclude<FieldSetting, SettingAt<Placed>>;
true satisfies [Missing] extends [never] ? true : Missing;

function fieldsSection(id: keyof typeof ROWS, title: string, about?: string): SectionOfFields {
  const rows: readonly (readonly Path[])[] = ROWS[id];
  const names = [...new Set(rows.flat().map(settingOf))];
  return {
    id,
    title,
    ...about === undefined ? {} : { about },
    rows,
    fields: Object.fromEntries(rows.flat().flatMap(leavesOf).map((path) => [path, labelAt(path)])),
    read: (fn) => {
      const values: Readonly<Record<string, unknown>> = { ...fn };
      return Object.fromEntries(
        names.map((name) => [name, draftOfField(FUNCTION_SETTINGS[name], values[name])]),
      );
    },
    write: (drafts) =>
      Object.fromEntries(
        names.map((name) => [name, valueOf(FUNCTION_SETTINGS[name], drafts[name] ?? "")]),
      ),
  };
}

export const GENERAL = fieldsSection("general", "General");
export const NETWORK = fieldsSection(
  "hosts",
  "Allowed hosts",
  "The function can reach only these hosts.",
);
export const LIMITS = fieldsSection(
  "limits",
  "Limits",
  `An empty field shows the server's default, which then applies. ${DURATION_HINT}.`,
);
export const RUNNING = fieldsSection("running", "Running");
export const IDENTITY = fieldsSection("identity", "Identity");
export const RETRIES = fieldsSection(
  "retries",
  "Retries",
  `Asynchronous invocations start again after these errors. ${DURATION_HINT}.`,
);
export const FLOW = fieldsSection(
  "flow",
  "Rates and queues",
  `Leave a field empty for no limit. Keys are JSON Pointers into the input, such as /user/id. ${DURATION_HINT}.`,
);

export type SettingsDraft = VariablesDraft & DestinationsDraft & TenantDraft & Drafts;
export type SettingName = keyof SettingsDraft;

/** The sections that are saved together, as the page has them. */
export const SECTIONS = [
  GENERAL,
  VARIABLES,
  NETWORK,
  LIMITS,
  RUNNING,
  IDENTITY,
  TENANT,
  RETRIES,
  DESTINATIONS,
  FLOW,
] as const;

export const FIELDS: FieldLabels = Object.assign({}, ...SECTIONS.map(({ fields }) => fields));

/** What the page edits of a function. */
export function draftOf(fn: Fn): SettingsDraft {
  return Object.assign({}, ...SECTIONS.map(({ read }) => read(fn)));
}

/** The settings of these names. Throws `ApiError` for drafts that no request can carry. */
export function settingsOf(draft: SettingsDraft, names: readonly SettingName[]): Settings {
  const all = Object.assign({}, ...SECTIONS.map(({ write }) => write(draft)));
  return Object.fromEntries(names.map((name) => [name, all[name]]));
}
