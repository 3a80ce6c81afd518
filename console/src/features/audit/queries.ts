import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { call, type Schemas } from "../../api/client.ts";
import { keys, paging } from "../../api/queries.ts";
import { instantOf } from "../../parts/time_range.ts";
import { type AuditEvent, summaryOf } from "./events.ts";
import type { AuditFilter } from "./filter.ts";

type Request = Schemas["c1.api.systemlog.v1.SystemLogServiceListEventsRequest"];

const PAGE_SIZE = 100;

/** The request of a filter, newest first. @param now for presets */
function requestOf({ since, until, outcome, ...names }: AuditFilter, now: Date): Request {
  return {
    ...names,
    ...since === undefined ? {} : { since: instantOf(since, now) },
    ...until === undefined ? {} : { until: instantOf(until, now) },
    ...outcome === undefined ? {} : { outcome: `EVENT_OUTCOME_${outcome}` as const },
    sortDirection: "SORT_DIRECTION_DESC",
    pageSize: PAGE_SIZE,
  };
}

interface EventPage {
  readonly list: readonly AuditEvent[];
  readonly nextPageToken: string;
  /** What asks for the pages after it: a preset must not move between two pages. */
  readonly request: Request;
}

async function readEvents(
  request: Request,
  pageToken: string,
  signal: AbortSignal | undefined,
): Promise<EventPage> {
  const { list = [], nextPageToken = "" } = await call("POST /api/v1/systemlog/events", {
    body: { ...request, pageToken },
    signal,
  });
  return { list: list as AuditEvent[], nextPageToken, request };
}

interface Position {
  readonly request: Request;
  readonly pageToken: string;
}

/** The events that a filter finds, newest first. */
export function eventsQuery(filter: AuditFilter) {
  return infiniteQueryOptions({
    queryKey: keys.audit(filter),
    queryFn: ({ pageParam, signal }) =>
      pageParam === undefined
        ? readEvents(requestOf(filter, new Date()), "", signal)
        : readEvents(pageParam.request, pageParam.pageToken, signal),
    gcTime: paging.gcTime,
    initialPageParam: undefined as Position | undefined,
    getNextPageParam: ({ nextPageToken: pageToken, request }): Position | undefined =>
      pageToken === "" ? undefined : { request, pageToken },
    placeholderData: keepPreviousData,
  });
}

/** One event; undefined for a uid that the log does not have. */
export function eventQuery(uid: string) {
  return queryOptions({
    queryKey: keys.audit({ event: uid }),
    queryFn: async ({ signal }) => {
      const request = {
        untilEventUid: uid,
        sortDirection: "SORT_DIRECTION_DESC",
        pageSize: 1,
      } as const;
      const { list } = await readEvents(request, "", signal);
      return list.find((event) => summaryOf(event).uid === uid) ?? null;
    },
    staleTime: "static",
    retry: false,
  });
}

/** Events that a download has at most: the page holds them in memory until it ends. */
export const DOWNLOAD_EVENTS_MAX = 50_000;

/**
 * The events that a filter finds as JSON lines, newest first. Throws `ApiError`.
 * @param onProgress how many events were read so far
 */
export async function downloadEvents(
  filter: AuditFilter,
  onProgress: (count: number) => void,
  signal: AbortSignal,
): Promise<{ readonly lines: Blob; readonly count: number; readonly isWhole: boolean }> {
  const request = requestOf(filter, new Date());
  const parts: string[] = [];
  let [count, token] = [0, ""];
  do {
    const { list, nextPageToken } = await readEvents(request, token, signal);
    parts.push(list.map((event) => `${JSON.stringify(event)}\n`).join(""));
    count += list.length;
    token = nextPageToken;
    onProgress(count);
  } while (token !== "" && count < DOWNLOAD_EVENTS_MAX);
  const lines = new Blob(parts, { type: "application/x-ndjson" });
  return { lines, count, isWhole: token === "" };
}
