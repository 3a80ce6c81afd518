import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { call } from "../../api/client.ts";
import { keys } from "../../api/queries.ts";
import { unlessDenied } from "../../shell/rights.ts";

/** Ranges of the overview: their length and that of a step, in seconds. */
export const RANGES = {
  "1h": { label: "1 hour", seconds: 3_600, step: 60 },
  "24h": { label: "24 hours", seconds: 86_400, step: 900 },
  "7d": { label: "7 days", seconds: 604_800, step: 7_200 },
} as const;

/** How often statistics are counted anew, in ms. */
const STATISTICS_INTERVAL = 15_000;

export type Range = keyof typeof RANGES;

function timesOf(range: Range): { readonly since: string; readonly step: string } {
  const { seconds, step } = RANGES[range];
  // Steps begin at whole multiples, so that a refresh does not move them.
  const end = Math.ceil(Date.now() / 1_000 / step) * step;
  return { since: new Date((end - seconds) * 1_000).toISOString(), step: `${step}s` };
}

export function stepsQuery(range: Range) {
  return queryOptions({
    queryKey: keys.statistics({ range }),
    queryFn: async ({ signal }) => {
      const { list = [] } = await call("GET /api/v1/functions/statistics", {
        query: timesOf(range),
        signal,
      });
      return list;
    },
    placeholderData: keepPreviousData,
    refetchInterval: unlessDenied(STATISTICS_INTERVAL),
  });
}

export type Order = "STATISTICS_ORDER_P99" | "STATISTICS_ORDER_CPU_TIME";

const TOP = 5;

export function topQuery(range: Range, order: Order) {
  return queryOptions({
    queryKey: keys.statistics({ range, order }),
    queryFn: async ({ signal }) => {
      const query = {
        ...timesOf(range),
        by_function: "true",
        order_by: order,
        limit: TOP,
      } as const;
      const { functions = [] } = await call("GET /api/v1/functions/statistics", {
        query,
        signal,
      });
      return functions;
    },
    placeholderData: keepPreviousData,
    refetchInterval: unlessDenied(STATISTICS_INTERVAL),
  });
}

/** How often alerts are read, in ms: by default the server checks them once a minute. */
const ALERTS_INTERVAL = 15_000;

export const alertsQuery = queryOptions({
  queryKey: keys.alerts,
  queryFn: ({ signal }) => call("GET /api/v1/alerts", { signal }),
  refetchInterval: unlessDenied(ALERTS_INTERVAL),
});

/** The state of the server changes without events. */
const STATUS_INTERVAL = 5_000;

export const statusQuery = queryOptions({
  queryKey: keys.status,
  queryFn: ({ signal }) => call("GET /api/v1/status", { signal }),
  refetchInterval: unlessDenied(STATUS_INTERVAL),
});
