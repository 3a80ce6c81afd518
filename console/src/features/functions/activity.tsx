import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { api, dataOf } from "../../api/client.ts";
import { keys } from "../../api/keys.ts";
import { countOf, formatCount } from "../../parts/format.ts";
import { Sparkline } from "../../parts/sparkline.tsx";
import { Time } from "../../parts/values.tsx";

const STEP_SECONDS = 1_800;
/** In ms; counting a day takes longer than a call. */
const REFRESH_INTERVAL = 30_000;

/** The calls of one function in the last 24 hours. */
export interface Activity {
  readonly calls: number;
  readonly callsByStep: readonly number[];
  readonly failuresByStep: readonly number[];
  /** When the last call was, at the latest; up to a step earlier. */
  readonly lastStep: string | undefined;
}

/** The activity of functions by id, from one request for all. */
export function useActivity(): ReadonlyMap<string, Activity> {
  const { data } = useQuery({
    queryKey: keys.statistics("functions"),
    queryFn: async ({ signal }) => {
      const query = { by_function: "true", step: `${STEP_SECONDS}s` } as const;
      const { functions = [] } = await dataOf(
        api.GET("/api/v1/functions/statistics", { params: { query }, signal }),
      );
      return { functions, at: Date.now() };
    },
    placeholderData: keepPreviousData,
    refetchInterval: REFRESH_INTERVAL,
  });
  return useMemo(
    () =>
      new Map(
        data?.functions.map((fn) => [fn.functionId, {
          calls: fn.calls,
          callsByStep: fn.callsByStep,
          failuresByStep: fn.failuresByStep,
          lastStep: lastStepOf(fn.callsByStep, data.at),
        }]),
      ),
    [data],
  );
}

function lastStepOf(calls: readonly number[], now: number): string | undefined {
  const index = calls.findLastIndex((count) => count > 0);
  if (index < 0) return undefined;
  return new Date(now - (calls.length - 1 - index) * STEP_SECONDS * 1_000).toISOString();
}

export function CallsCell(
  { name, activity }: { readonly name: string; readonly activity: Activity | undefined },
) {
  if (activity === undefined) return <span className="muted">none</span>;
  const failures = activity.failuresByStep.reduce((sum, count) => sum + count, 0);
  const text = `${countOf(activity.calls, "call")} of ${name}, ${formatCount(failures)} failed`;
  return (
    <span title={text}>
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
  return <Time value={activity?.lastStep} />;
}
