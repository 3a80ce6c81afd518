/** The filter of the list: in the URL, and as the API takes it. */
import type { InvocationStatus, Schemas, TriggerKind } from "../../api/client.ts";
import { countOf, enumWords } from "../../parts/format.ts";
import { textIn, textOf } from "../../parts/url_search.ts";
import { instantOf, timeIn, timeLabel, type TimeRange } from "../../parts/time_range.ts";
import { changed, type ChangeSearch } from "../../parts/search_change.ts";

export type ApiFilter = Schemas["invoked.InvocationFilter"];

/** What the URL has; absent members filter nothing. */
export interface ListSearch extends TimeRange {
  /** Ids of functions. */
  readonly functions?: readonly string[];
  /** Without its prefix. */
  readonly status?: string;
  readonly word?: string;
  /** Without its prefix. */
  readonly trigger?: string;
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

/** The filters that are set, each with what removes it. */
export function activeFilters(search: ListSearch, onChange: ChangeSearch<ListSearch>) {
  return FILTERS.filter((name) => search[name] !== undefined).map((name) => ({
    label: labelOf(name, search),
    onClear: () => onChange((search) => changed(search, { [name]: undefined })),
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
    case "until":
      return timeLabel(name, value);
    default:
      return `${FILTER_WORDS[name]}: ${value.slice(0, LABEL_CHARACTERS)}`;
  }
}

/** Whether it filters anything. */
export function isFiltered(search: ListSearch): boolean {
  return Object.keys(search).length > 0;
}

/** A kind of trigger in words, with or without its prefix. */
export function triggerWord(kind: string | undefined): string {
  const word = (kind ?? "").replace("TRIGGER_KIND_", "");
  return word === "API" || word === "HTTP" ? word : enumWords(word, "");
}
