import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { call, type Schemas } from "../../api/client.ts";
import { keys, paging } from "../../api/queries.ts";
import { USAGE_CSV_HEAD, usageCsvLine } from "../../../../src/resources/usage.ts";
import { unlessDenied } from "../../shell/rights.ts";
import { type Dimension, rangeOf } from "./days.ts";

export type UsageGroup = Schemas["invoked.UsageGroup"];
export type UsageSums = Schemas["invoked.Usage"];

const PAGE_SIZE = 100;
/** Usage changes with each end of an invocation: it is read anew in this interval, in ms. */
const REFRESH_INTERVAL = 30_000;
/** Lines that a download has at most: the page holds them in memory until it ends. */
export const DOWNLOAD_LINES_MAX = 50_000;

async function readUsage(
  month: string,
  by: readonly Dimension[],
  pageToken: string,
  signal: AbortSignal | undefined,
) {
  return await call("GET /api/v1/usage", {
    query: {
      ...rangeOf(month),
      group_by: by.join(","),
      page_size: PAGE_SIZE,
      page_token: pageToken,
    },
    signal,
  });
}

/** The usage of each day of a month, and of all of the month. */
export function daysQuery(month: string) {
  return queryOptions({
    queryKey: keys.usage({ month }),
    queryFn: async ({ signal }) => {
      const { list, total } = await readUsage(month, ["day"], "", signal);
      return { days: new Map(list.map((group) => [group.day ?? "", group])), total };
    },
    refetchInterval: unlessDenied(REFRESH_INTERVAL),
  });
}

/** The groups of a month. */
export function groupsQuery(month: string, by: Dimension) {
  return infiniteQueryOptions({
    queryKey: keys.usage({ month, by }),
    queryFn: ({ pageParam, signal }) => readUsage(month, [by], pageParam, signal),
    ...paging,
  });
}

/** The usage of a month by day, function and principal, as CSV. Throws `ApiError`. */
export async function downloadUsage(
  month: string,
): Promise<{ readonly file: Blob; readonly isWhole: boolean }> {
  // A byte order mark says to spreadsheets that the names are in UTF-8.
  const lines = [`\ufeff${USAGE_CSV_HEAD}`];
  let token = "";
  do {
    const page = await readUsage(month, ["day", "function", "principal"], token, undefined);
    lines.push(...page.list.map(usageCsvLine));
    token = page.nextPageToken;
  } while (token !== "" && lines.length <= DOWNLOAD_LINES_MAX);
  return { file: new Blob(lines, { type: "text/csv" }), isWhole: token === "" };
}
