/** The live list: pages that were read once, and the newest rows, which changes refresh. */
import {
  type InfiniteData,
  infiniteQueryOptions,
  keepPreviousData,
  type QueryClient,
  queryOptions,
  useInfiniteQuery,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";
import { useCallback, useEffect, useMemo } from "react";
import { call, type Invocation } from "../../api/client.ts";
import { keys, paging } from "../../api/queries.ts";
import { errorCode } from "../../parts/badge.tsx";
import { type ApiFilter, apiFilterOf } from "./filter.ts";

const PAGE_SIZE = 100;
/** Pages with unfinished rows that one refresh reads again. */
const REFRESHED_PAGES_MAX = 5;

/** What a row shows of an invocation. */
export interface Row {
  readonly id: string;
  readonly functionId: string;
  readonly status: string;
  readonly skipReason?: string | undefined;
  readonly error?: string | undefined;
  readonly failure?: string | undefined;
  readonly http?: Invocation["http"];
  readonly createdAt: string;
  readonly startedAt?: string | undefined;
  readonly endedAt?: string | undefined;
  readonly trigger?: string | undefined;
  readonly attempt?: number | undefined;
  readonly preview: string;
}

interface Page {
  readonly list: readonly Row[];
  readonly nextPageToken: string;
}

type History = InfiniteData<Page, string>;

/** Reads one page of rows. Throws `ApiError`. */
export async function readPage(
  filter: ApiFilter,
  token: string,
  signal: AbortSignal,
  pageSize: number = PAGE_SIZE,
): Promise<Page> {
  const { list, nextPageToken } = await call("POST /api/v1/search/invocations", {
    body: { ...filter, view: "INVOCATION_VIEW_BASIC", pageSize, pageToken: token },
    signal,
  });
  return { list: list.map((entry) => rowOf(entry as Invocation)), nextPageToken };
}

function rowOf(entry: Invocation): Row {
  const { id, functionId, status, skipReason, createdAt, startedAt, endedAt, attempt } = entry;
  const { error, failure, http } = entry;
  return {
    id,
    functionId,
    status,
    skipReason,
    error,
    failure,
    http,
    createdAt,
    startedAt,
    endedAt,
    attempt,
    trigger: entry.trigger?.kind,
    preview: previewOf(entry),
  };
}

/** The request that it answered, and its error, or its input. */
function previewOf({ error, http, inputPreview = "" }: Invocation): string {
  const word = errorCode(error);
  const message = error?.slice(word === undefined ? 0 : word.length + 1).trim();
  const request = http && `${http.method} ${http.path}`;
  return [request, message].filter((part) => part !== undefined).join(": ") || inputPreview;
}

/** Whether an invocation will not change. */
export function hasEnded({ status }: { readonly status: string }): boolean {
  return status.endsWith("_SUCCESS") || status.endsWith("_ERROR");
}

/** One visit to the list; who comes back to it finds its rows, and a new one begins with the newest. */
interface Visit {
  readonly filter: ApiFilter;
  readonly visit: string;
}

/**
 * The filter of a search, written as JSON. Presets count back from when they were chosen: the filter of a visit must not
 * move, and is that of who comes back to it.
 */
export function filterQuery(visit: string, written: string) {
  const filter = () => apiFilterOf(JSON.parse(written), new Date());
  return queryOptions({
    queryKey: ["invocation_filter", visit, written],
    queryFn: filter,
    initialData: filter,
    staleTime: "static",
    gcTime: paging.gcTime,
  });
}

/** The key does not begin with `invocation`: a change must not read all pages again. */
function historyQuery({ filter, visit }: Visit) {
  return infiniteQueryOptions({
    queryKey: ["invocation_history", visit, filter],
    queryFn: ({ pageParam, signal }) => readPage(filter, pageParam, signal),
    ...paging,
    staleTime: "static",
    placeholderData: keepPreviousData,
  });
}

async function readNewest(
  queries: QueryClient,
  visit: Visit,
  signal: AbortSignal,
): Promise<Page> {
  const { filter } = visit;
  const { queryKey } = historyQuery(visit);
  const newest = await readPage(filter, "", signal);
  const changed = new Map(newest.list.map((row) => [row.id, row]));
  const known = queries.getQueryData<History>(queryKey)?.pages.flatMap(({ list }) => list) ?? [];
  for (let reads = 0; reads < REFRESHED_PAGES_MAX; reads++) {
    const unfinished = known.find((row) => !hasEnded(row) && !changed.has(row.id));
    if (unfinished === undefined) break;
    const until = new Date(Date.parse(unfinished.createdAt) + 1).toISOString();
    const page = await readPage({ ...filter, until }, "", signal);
    // One that ended may not match the filter any more; it is read no second time.
    changed.set(unfinished.id, unfinished);
    for (const row of page.list) changed.set(row.id, row);
  }
  queries.setQueryData<History>(queryKey, (history) => history && withRows(history, changed));
  return newest;
}

/**
 * Rows in place of older states of themselves; undefined if none is another. A row that no longer matches the filter stays
 * until the list is read anew.
 */
function withRows(history: History, changed: ReadonlyMap<string, Row>): History | undefined {
  const isOther = (row: Row) => {
    const read = changed.get(row.id);
    return read !== undefined && JSON.stringify(read) !== JSON.stringify(row);
  };
  if (!history.pages.some(({ list }) => list.some(isOther))) return undefined;
  return {
    ...history,
    pages: history.pages.map((page) =>
      page.list.some(isOther)
        ? { ...page, list: page.list.map((row) => changed.get(row.id) ?? row) }
        : page
    ),
  };
}

function withNewRows(history: History, rows: readonly Row[]): History {
  const [first, ...others] = history.pages;
  if (first === undefined) return history;
  // A click and a scroll to the top may show the same rows twice.
  const known = new Set(first.list.map(({ id }) => id));
  const added = rows.filter(({ id }) => !known.has(id));
  const list = [...added, ...first.list].sort((a, b) => a.id < b.id ? 1 : -1);
  return { ...history, pages: [{ ...first, list }, ...others] };
}

/** The rows of a filter, newest first, and the rows that arrived since. */
export function useInvocationList(visit: Visit) {
  const queries = useQueryClient();
  const history = useInfiniteQuery(historyQuery(visit));
  const newest = useQuery({
    queryKey: keys.invocations(visit),
    queryFn: ({ signal }) => readNewest(queries, visit, signal),
    enabled: history.data !== undefined && !history.isPlaceholderData,
    gcTime: 0,
  });
  const rows = useMemo(() => history.data?.pages.flatMap(({ list }) => list) ?? [], [history.data]);
  const fresh = useMemo(() => {
    const known = new Set(rows.slice(0, PAGE_SIZE * 3).map(({ id }) => id));
    return newest.data?.list.filter(({ id }) => !known.has(id)) ?? [];
  }, [rows, newest.data]);
  // More came than one page holds: between them and the known rows some would be missing.
  const hasGap = rows.length > 0 && newest.data !== undefined &&
    newest.data.nextPageToken !== "" && fresh.length === newest.data.list.length;

  const showFresh = useCallback(() => {
    const { queryKey } = historyQuery(visit);
    if (hasGap && newest.data !== undefined) {
      // The list begins anew with what is known, so that it is never empty meanwhile.
      queries.setQueryData<History>(queryKey, { pages: [newest.data], pageParams: [""] });
    } else {
      queries.setQueryData<History>(queryKey, (known) => known && withNewRows(known, fresh));
    }
  }, [queries, visit, fresh, hasGap, newest.data]);
  return { history, rows, fresh, hasGap, showFresh };
}

/** Below this the page counts as being at its top, in px. */
const TOP = 60;

/** Shows new rows at once while the reader is at the top of the list. */
export function useFreshAtTop(fresh: readonly Row[], showFresh: () => void): void {
  useEffect(() => {
    if (fresh.length === 0) return;
    const show = () => {
      if (scrollY < TOP) showFresh();
    };
    show();
    addEventListener("scroll", show, { passive: true });
    return () => removeEventListener("scroll", show);
  }, [fresh, showFresh]);
}
