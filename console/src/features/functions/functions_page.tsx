import {
  keepPreviousData,
  queryOptions,
  useInfiniteQuery,
  useQueries,
  type UseQueryResult,
} from "@tanstack/react-query";
import { Link, useRouteContext, useSearch } from "@tanstack/react-router";
import { useMemo, useRef } from "react";
import { call, type Fn } from "../../api/client.ts";
import { keys, pagedQuery } from "../../api/queries.ts";
import { FunctionState } from "../../parts/badge.tsx";
import { countOf, formatCount, visibleText } from "../../parts/format.ts";
import { ListSearch, NothingFound, PagedTable } from "../../parts/list.tsx";
import { Page } from "../../parts/page.tsx";
import { Empty } from "../../parts/states.tsx";
import type { Column } from "../../parts/table.tsx";
import { Name, Time, timeColumn } from "../../parts/values.tsx";
import { useLastPosition } from "../../shell/list_position.tsx";
import { unlessDenied, useMay } from "../../shell/rights.ts";

/** Functions in pages, newest first; those whose name or description has the text. */
function functionsQuery(query: string) {
  return pagedQuery<Fn>(
    keys.functions(query),
    ({ page_size: pageSize, page_token: pageToken }, signal) =>
      call("POST /api/v1/search/functions", {
        body: { query, functionTypes: [], pageSize, pageToken },
        signal,
      }),
  );
}

export function FunctionsPage() {
  const { q = "" } = useSearch({ from: "/shell/functions" });
  const { visit } = useRouteContext({ from: "/shell/functions" });
  useLastPosition("/functions", q === "" ? {} : { q }, visit);
  const query = useInfiniteQuery({ ...functionsQuery(q), placeholderData: keepPreviousData });
  const rows = useMemo(() => query.data?.pages.flatMap(({ list }) => list) ?? [], [query.data]);
  const columns = useColumns(rows);
  return (
    <Page
      title="Functions"
      actions={<NewFunction />}
    >
      <div>
        <ListSearch page="/functions" label="Name or description" value={q} />
        <PagedTable
          query={query}
          label="Functions"
          columns={columns}
          rowId={(fn) => fn.id}
          empty={<NoFunctions query={q} />}
          rowKeys
        />
      </div>
    </Page>
  );
}

function useColumns(functions: readonly Fn[]): readonly Column<Fn>[] {
  const activity = useActivity(useMemo(() => functions.map(({ id }) => id), [functions]));
  return useMemo(() => [
    {
      header: "Name",
      sortBy: (fn) => fn.displayName.toLowerCase(),
      cell: (fn) => (
        <Link to="/functions/$functionId" params={{ functionId: fn.id }}>
          <Name value={fn.displayName} />
        </Link>
      ),
    },
    { header: "State", width: "168px", cell: (fn) => <FunctionState {...fn} /> },
    {
      header: "Triggers",
      width: "80px",
      align: "end",
      minor: true,
      sortBy: (fn) => fn.hookRefs?.length ?? 0,
      cell: (fn) => fn.hookRefs?.length ?? 0,
    },
    {
      header: "Invocations in 24 h",
      width: "215px",
      minor: true,
      sortBy: (fn) => activity.get(fn.id)?.calls ?? 0,
      cell: (fn) => <InvocationsCell name={fn.displayName} activity={activity.get(fn.id)} />,
    },
    {
      header: "Last run",
      width: "110px",
      minor: true,
      sortBy: (fn) => activity.get(fn.id)?.lastRun ?? "",
      cell: (fn) => <LastRunCell activity={activity.get(fn.id)} />,
    },
    timeColumn("Updated", 96, (fn) => fn.updatedAt, { isSortable: true }),
  ], [activity]);
}

/** Leads those to the templates who may create a function. */
function NewFunction() {
  const mayCreate = useMay()("c1.api.functions.v1.FunctionsService.CreateFunction");
  return mayCreate
    ? <Link to="/functions/new" className="button button-primary">New function</Link>
    : null;
}

function NoFunctions({ query }: { readonly query: string }) {
  return query === ""
    ? (
      <Empty
        title="No functions yet"
        action={<NewFunction />}
      >
        Start from a template, or deploy a folder with <code>invoked deploy</code>.
      </Empty>
    )
    : (
      <NothingFound page="/functions" title="No functions match">
        The search looks in names and descriptions.
      </NothingFound>
    );
}

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
function useActivity(ids: readonly string[]): Activities {
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

function InvocationsCell(
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

function LastRunCell({ activity }: { readonly activity: Activity | undefined }) {
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
