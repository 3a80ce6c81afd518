/** The filter of the list: in the URL, and as the API takes it. */
import type { InvocationStatus, Schemas, TriggerKind } from "../../api/client.ts";
import { countOf, enumWords, formatExact } from "../../parts/format.ts";

export type ApiFilter = Schemas["invoked.InvocationFilter"];

/** What the URL has; absent members filter nothing. */
export interface ListSearch {
  /** Ids of functions. */
  readonly functions?: readonly string[];
  /** Without its prefix. */
  readonly status?: string;
  readonly word?: string;
  /** Without its prefix. */
  readonly trigger?: string;
  /** A preset such as `1h`, before now, or an RFC 3339 time. */
  readonly since?: string;
  readonly until?: string;
  readonly q?: string;
  /** The invocation that made the nested invocations. */
  readonly parent?: string;
}

export const STATUSES = ["PENDING", "RUNNING", "SUCCESS", "ERROR"] as const;
export const TRIGGERS = [
  "API",
  "SCHEDULE",
  "WEBHOOK",
  "HTTP",
  "DESTINATION",
  "REPLAY",
] as const;

/** Times before now that one click chooses, in ms. */
const PRESETS: Readonly<Record<string, number>> = {
  "15m": 15 * 60_000,
  "1h": 3_600_000,
  "24h": 24 * 3_600_000,
  "7d": 7 * 24 * 3_600_000,
};

/** Whether a time of the filter is one of `PRESETS`. */
export function isPreset(time: string): boolean {
  return Object.hasOwn(PRESETS, time);
}

/** The search of a URL, which anybody may have written. */
export function listSearchOf(search: Record<string, unknown>): ListSearch {
  const functions = [search["functions"]].flat().map(textOf).filter((id) => id !== "");
  const { status, trigger } = {
    status: textOf(search["status"]),
    trigger: textOf(search["trigger"]),
  };
  return {
    ...functions.length === 0 ? {} : { functions },
    ...isOneOf(status, STATUSES) ? { status } : {},
    ...isOneOf(trigger, TRIGGERS) ? { trigger } : {},
    ...timeIn("since", search["since"], true),
    ...timeIn("until", search["until"], false),
    ...textIn("word", search["word"]),
    ...textIn("q", search["q"]),
    ...textIn("parent", search["parent"]),
  };
}

function textOf(value: unknown): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}

function textIn<K extends string>(name: K, value: unknown): { [P in K]?: string } {
  const text = textOf(value);
  return text === "" ? {} : { [name]: text } as { [P in K]: string };
}

function timeIn<K extends string>(
  name: K,
  value: unknown,
  preset: boolean,
): { [P in K]?: string } {
  const text = textOf(value);
  const isTime = !Number.isNaN(Date.parse(text)) || (preset && isPreset(text));
  return isTime ? { [name]: text } as { [P in K]: string } : {};
}

function isOneOf(value: string, list: readonly string[]): boolean {
  return list.includes(value);
}

/** The filter of the API. @param now for presets */
export function apiFilterOf(search: ListSearch, now: Date): ApiFilter {
  const { functions, status, trigger, word, q, parent } = search;
  return {
    ...functions === undefined ? {} : { functionIds: [...functions] },
    ...statusFilterOf(status),
    ...trigger === undefined ? {} : { triggerKind: `TRIGGER_KIND_${trigger}` as TriggerKind },
    ...word === undefined ? {} : { errorWord: word },
    ...q === undefined ? {} : { query: q },
    ...parent === undefined ? {} : { parentInvocationId: parent },
    ...search.since === undefined ? {} : { since: instantOf(search.since, now) },
    ...search.until === undefined ? {} : { until: instantOf(search.until, now) },
  };
}

/** An answer from 500 on is an error here, and no success; the API calls both `failed`. */
function statusFilterOf(status: string | undefined): Pick<ApiFilter, "status" | "failed"> {
  if (status === undefined) return {};
  if (status === "ERROR") return { failed: true };
  return {
    status: `FUNCTION_INVOCATION_STATUS_${status}` as InvocationStatus,
    ...status === "SUCCESS" ? { failed: false } : {},
  };
}

function instantOf(time: string, now: Date): string {
  const preset = PRESETS[time];
  return (preset === undefined ? new Date(time) : new Date(now.getTime() - preset)).toISOString();
}

/** The filters whose label is their name and their value. */
const FILTER_WORDS = { q: "text", word: "error code", parent: "caller" } as const;
/** In the order of the page. */
const FILTERS = [
  "q",
  "functions",
  "status",
  "word",
  "trigger",
  "since",
  "until",
  "parent",
] as const;

/** The filters that are set. @param onChange gets the search without one of them */
export function activeFilters(
  search: ListSearch,
  onChange: (search: ListSearch) => void,
) {
  return FILTERS.filter((name) => search[name] !== undefined).map((name) => ({
    label: labelOf(name, search),
    onClear: () => {
      const { [name]: _, ...others } = search;
      onChange(others);
    },
  }));
}

const LABEL_CHARACTERS = 40;

function labelOf(name: keyof ListSearch, search: ListSearch): string {
  const value = String(search[name]);
  switch (name) {
    case "functions":
      return countOf(search.functions?.length ?? 0, "function");
    case "status":
      return `status: ${enumWords(value, "")}`;
    case "trigger":
      return `trigger: ${triggerWord(value)}`;
    case "since":
      return isPreset(value) ? `time: last ${value}` : `from: ${formatExact(new Date(value))}`;
    case "until":
      return `to: ${formatExact(new Date(value))}`;
    default:
      return `${FILTER_WORDS[name]}: ${value.slice(0, LABEL_CHARACTERS)}`;
  }
}

/** Whether it filters anything. */
export function isFiltered(search: ListSearch): boolean {
  return Object.keys(search).length > 0;
}

/** A time as an input of the type datetime-local has it: local, with the seconds if they are not 0. */
export function localTimeOf(time: string | undefined): string {
  if (time === undefined || isPreset(time)) return "";
  const date = new Date(time);
  const local = new Date(date.getTime() - date.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 19).replace(/:00$/, "");
}

/** The instant of a time as such an input has it; undefined for an empty one. */
export function timeOfLocal(local: string): string | undefined {
  const date = new Date(local);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}

/** A kind of trigger in words, with or without its prefix. */
export function triggerWord(kind: string | undefined): string {
  const word = (kind ?? "").replace("TRIGGER_KIND_", "");
  return word === "API" || word === "HTTP" ? word : enumWords(word, "");
}
