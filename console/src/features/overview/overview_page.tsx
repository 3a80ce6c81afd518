import { useQuery } from "@tanstack/react-query";
import { Link, useSearch } from "@tanstack/react-router";
import { useMemo } from "react";
import type { Schemas } from "../../api/client.ts";
import { Badge } from "../../parts/badge.tsx";
import { TimeChart } from "../../parts/chart.tsx";
import { Figure } from "../../parts/figure.tsx";
import { formatCount, formatDuration, parseDuration } from "../../parts/format.ts";
import { Page, Section } from "../../parts/page.tsx";
import { Empty, Loaded, Loading } from "../../parts/states.tsx";
import { Count, Duration, Name, Time } from "../../parts/values.tsx";
import { useMay } from "../../shell/rights.ts";
import { alertsQuery, type Order, type Range, RANGES, stepsQuery, topQuery } from "./queries.ts";
import { ServerState } from "./server_state.tsx";

export function OverviewPage() {
  const { range = "24h" } = useSearch({ from: "/shell/" });
  const may = useMay();
  const mayCount = may("invoked.StatisticsService.Get");
  return (
    <Page title="Overview" actions={mayCount ? <RangeChoice chosen={range} /> : null}>
      {may("invoked.AlertService.List") && <Alerts />}
      {mayCount && <Statistics range={range} />}
      {may("invoked.ServerService.GetStatus") && (
        <Section title="Server">
          <ServerState />
        </Section>
      )}
    </Page>
  );
}

function Statistics({ range }: { readonly range: Range }) {
  const steps = useQuery(stepsQuery(range));
  return (
    <Loaded query={steps}>
      {(list) =>
        list.every(({ calls }) => calls === 0) ? <NoInvocations range={range} /> : (
          <>
            <InvocationCharts steps={list} />
            <div className="columns">
              <Failures steps={list} range={range} />
              <TopFunctions
                title="Slowest functions"
                range={range}
                order="STATISTICS_ORDER_P99"
              />
              <TopFunctions
                title="Most CPU time"
                range={range}
                order="STATISTICS_ORDER_CPU_TIME"
              />
            </div>
          </>
        )}
    </Loaded>
  );
}

function RangeChoice({ chosen }: { readonly chosen: Range }) {
  return (
    <nav className="row" aria-label="Time">
      {Object.entries(RANGES).map(([range, { label }]) => (
        <Link
          key={range}
          to="/"
          search={{ range: range as Range }}
          className="tab"
          aria-current={range === chosen ? "page" : undefined}
          activeProps={{}}
        >
          {label}
        </Link>
      ))}
    </nav>
  );
}

function NoInvocations({ range }: { readonly range: Range }) {
  const may = useMay();
  return (
    <Empty
      title={`No invocations in the last ${RANGES[range].label}`}
      action={
        <span className="row">
          {may("c1.api.functions.v1.FunctionsService.Invoke") && (
            <Link to="/welcome" className="button button-primary">Run the example</Link>
          )}
          {may("c1.api.functions.v1.FunctionsService.CreateFunction") && (
            <Link to="/functions/new" className="button">New function</Link>
          )}
        </span>
      }
    >
      Run a function to see its invocations, durations and failures here.
    </Empty>
  );
}

/** Failures by error code, the most frequent first; each leads to its invocations. */
function Failures(
  { steps, range }: { readonly steps: readonly Step[]; readonly range: Range },
) {
  const totals = new Map<string, number>();
  for (const { failures } of steps) {
    for (const [word, count] of Object.entries(failures)) {
      totals.set(word, (totals.get(word) ?? 0) + count);
    }
  }
  const words = [...totals].sort(([, a], [, b]) => b - a);
  return (
    <Section title="Failures by error code">
      {words.length === 0
        ? <p className="muted">No invocations failed in the last {RANGES[range].label}.</p>
        : (
          <ul className="overview-list">
            {words.map(([word, count]) => (
              <li key={word}>
                <Link to="/invocations" search={{ word, since: range }} className="mono">
                  {word}
                </Link>
                <Count value={count} />
              </li>
            ))}
          </ul>
        )}
    </Section>
  );
}

/** The functions with the most of something. */
function TopFunctions({ title, range, order }: {
  readonly title: string;
  readonly range: Range;
  readonly order: Order;
}) {
  const query = useQuery(topQuery(range, order));
  return (
    <Section title={title}>
      <Loaded query={query} loading={<Loading rows={3} />}>
        {(functions) => (
          <ul className="overview-list">
            {functions.map((fn) => (
              <li key={fn.functionId}>
                <Link to="/functions/$functionId" params={{ functionId: fn.functionId }}>
                  <Name value={fn.displayName} />
                </Link>
                <Duration
                  ms={parseDuration(order === "STATISTICS_ORDER_P99" ? fn.p99 : fn.cpuTime)}
                />
              </li>
            ))}
          </ul>
        )}
      </Loaded>
    </Section>
  );
}

type Alert = Schemas["invoked.Alert"];

/** The alerts that fire, and whether they reach their receiver. */
function Alerts() {
  const query = useQuery(alertsQuery);
  return (
    <Section title="Alerts">
      <Loaded query={query} loading={<Loading rows={1} />}>
        {({ list, failing }) => (
          <>
            {failing === undefined ? null : (
              <p role="status">
                <Badge tone="bad">Not posted</Badge> Alerts have not been posted since{" "}
                <Time value={failing.since} />: {failing.error}
              </p>
            )}
            {list.length === 0
              ? <p className="muted">No alert fires.</p>
              : (
                <ul className="overview-list">
                  {list.map((alert) => (
                    <li key={alert.id}>
                      <span>
                        <Badge tone="bad">{alert.severity}</Badge> <Summary {...alert} />
                      </span>
                      <Time value={alert.startsAt} />
                    </li>
                  ))}
                </ul>
              )}
          </>
        )}
      </Loaded>
    </Section>
  );
}

/** What the alert says, which leads to the page about the alert unless that is this page. */
function Summary({ summary, functionId, page }: Alert) {
  if (functionId !== undefined) {
    return <Link to="/functions/$functionId" params={{ functionId }}>{summary}</Link>;
  }
  return page === "/dead-letters" ? <Link to="/dead-letters">{summary}</Link> : <>{summary}</>;
}

type Step = Schemas["invoked.StatisticsStep"];

/** Failures of a step, of all words. */
function failuresOf({ failures }: Step): number {
  return Object.values(failures).reduce((sum, count) => sum + count, 0);
}

/** The number of invocations, their durations, and both over time. */
function InvocationCharts({ steps }: { readonly steps: readonly Step[] }) {
  const times = useMemo(() => steps.map(({ start }) => Date.parse(start) / 1_000), [steps]);
  const counts = useMemo(() => [
    {
      label: "Invocations",
      colour: "--accent",
      values: steps.map(({ calls }) => calls),
      format: formatCount,
      fill: true,
    },
    { label: "Failures", colour: "--bad", values: steps.map(failuresOf), format: formatCount },
  ], [steps]);
  const durations = useMemo(() => [
    {
      label: "p50",
      colour: "--accent",
      values: steps.map(({ p50 }) => parseDuration(p50) ?? null),
      format: formatDuration,
    },
    {
      label: "p99",
      colour: "--ink-3",
      values: steps.map(({ p99 }) => parseDuration(p99) ?? null),
      format: formatDuration,
    },
  ], [steps]);
  return (
    <Section title="Invocations">
      <Figures steps={steps} />
      <div className="columns">
        <TimeChart label="Invocations and failures over time" times={times} series={counts} />
        <TimeChart label="Durations over time" times={times} series={durations} />
      </div>
    </Section>
  );
}

function Figures({ steps }: { readonly steps: readonly Step[] }) {
  const calls = steps.reduce((sum, step) => sum + step.calls, 0);
  const failed = steps.reduce((sum, step) => sum + failuresOf(step), 0);
  const share = calls === 0 ? 0 : failed / calls;
  const cpu = steps.reduce((sum, { cpuTime }) => sum + (parseDuration(cpuTime) ?? 0), 0);
  return (
    <div className="figures">
      <Figure label="Invocations" value={<Count value={calls} />} />
      <Figure
        label="Failed"
        value={
          <span title={`${formatCount(failed)} of ${formatCount(calls)}`}>
            {share.toLocaleString(undefined, { style: "percent", maximumFractionDigits: 2 })}
          </span>
        }
        isBad={failed > 0}
      />
      <Figure label="Typical p50" value={<Duration ms={middle(steps, "p50")} />} />
      <Figure label="Typical p99" value={<Duration ms={middle(steps, "p99")} />} />
      <Figure label="CPU time" value={<Duration ms={cpu} />} />
    </div>
  );
}

/** The median over the steps that had invocations, in ms. */
function middle(steps: readonly Step[], name: "p50" | "p99"): number | undefined {
  const values = steps.flatMap((step) => parseDuration(step[name]) ?? []).sort((a, b) => a - b);
  return values[Math.floor(values.length / 2)];
}
