import { queryOptions, useQueries, type UseQueryResult } from "@tanstack/react-query";
import { useMemo, useRef } from "react";
import { call } from "../../api/client.ts";
import { keys } from "../../api/queries.ts";
import { countOf, formatCount, visibleText } from "../../parts/format.ts";
import { Time } from "../../parts/values.tsx";
import { unlessDenied } from "../../shell/rights.ts";

const STEP_SECONDS = 1_800;
/** In ms; counting a day takes longer than an invocation. */
const REFRESH_INTERVAL = 30_000;
/** Functions of one request, as the API limits them. */
const FUNCTIONS_MAX = 100;

/** The invocations of one function in the last 24 hours. */
interface Activity {
  readonly calls: number;
  readonly callsByStep: readonly number[];
  readonly failuresByStep: readonly number[];
  /** When the last invocation was, whether or not in the 24 hours; undefined without one. */
  readonly lastRun: string | undefined;
}

type Activities = ReadonlyMap<string, Activity>;

const activityQuery = (ids: readonly string[]) =>
  queryOptions({
    queryKey: keys.statistics({ functions: ids }),
    queryFn: async ({ signal }): Promise<Activities> => {
      const query = {
        by_function: "true",
        function_ids: ids.join(","),
        step: `${STEP_SECONDS}s`,
      } as const;
      const { functions = [] } = await call("GET /api/v1/functions/statistics", {
        query,
        signal,
      });
      return new Map(
        functions.map(({ functionId, calls, callsByStep, failuresByStep, newestAt }) => [
          functionId,
          { calls, callsByStep, failuresByStep, lastRun: newestAt },
        ]),
      );
    },
    refetchInterval: unlessDenied(REFRESH_INTERVAL),
  });

/** The activity of functions by id. @param ids in their order in the list, which grows at its end */
export function useActivity(ids: readonly string[]): Activities {
  const groups = Array.from(
    { length: Math.ceil(ids.length / FUNCTIONS_MAX) },
    (_, n) => ids.slice(n * FUNCTIONS_MAX, (n + 1) * FUNCTIONS_MAX),
  );
  const read = useQueries({ queries: groups.map(activityQuery), combine: together });
  // A function that is new moves the others to other groups: they keep what is known until these are read.
  const known = useRef<Activities>(new Map());
  return useMemo(() => known.current = new Map([...known.current, ...read]), [read]);
}

function together(results: readonly UseQueryResult<Activities>[]): Activities {
  return new Map(results.flatMap(({ data }) => [...data ?? []]));
}

export function InvocationsCell(
  { name, activity }: { readonly name: string; readonly activity: Activity | undefined },
) {
  if (activity === undefined) return <span className="muted">…</span>;
  if (activity.calls === 0) return <span className="muted">none</span>;
  const failures = activity.failuresByStep.reduce((sum, count) => sum + count, 0);
  const text = `${countOf(activity.calls, "invocation")} of ${name}, ${
    formatCount(failures)
  } failed`;
  return (
    <span title={visibleText(text)}>
      <Sparkline
        label={text}
        points={activity.callsByStep.map((calls, index) => ({
          calls,
          failures: activity.failuresByStep[index] ?? 0,
        }))}
      />
    </span>
  );
}

export function LastRunCell({ activity }: { readonly activity: Activity | undefined }) {
  if (activity === undefined) return <span className="muted">…</span>;
  return <Time value={activity.lastRun} />;
}

interface SparklinePoint {
  readonly calls: number;
  readonly failures: number;
}

const HEIGHT = 18;
const BAR = 3;
const GAP = 1;

/** Invocations over time as bars; the failed part of each bar is at its foot in the colour of errors. */
function Sparkline({ points, label }: {
  readonly points: readonly SparklinePoint[];
  readonly label: string;
}) {
  const most = Math.max(1, ...points.map((point) => point.calls));
  const heightOf = (count: number) => count === 0 ? 0 : Math.max(1, (count / most) * HEIGHT);
  return (
    <svg
      className="sparkline"
      width={points.length * (BAR + GAP)}
      height={HEIGHT}
      role="img"
      aria-label={visibleText(label)}
    >
      {points.map((point, index) => {
        const x = index * (BAR + GAP);
        const calls = heightOf(point.calls);
        const failures = Math.min(calls, heightOf(point.failures));
        return (
          <g key={index}>
            <rect
              className="sparkline-none"
              x={x}
              y={HEIGHT - 1}
              width={BAR}
              height={1}
            />
            <rect
              className="sparkline-calls"
              x={x}
              y={HEIGHT - calls}
              width={BAR}
              height={calls}
            />
            <rect
              className="sparkline-failures"
              x={x}
              y={HEIGHT - failures}
              width={BAR}
              height={failures}
            />
          </g>
        );
      })}
    </svg>
  );
}
