import { useQuery } from "@tanstack/react-query";
import { Link, useSearch } from "@tanstack/react-router";
import { parseDuration } from "../../parts/format.ts";
import { Page, Section } from "../../parts/page.tsx";
import { Empty, Loaded, Loading } from "../../parts/states.tsx";
import { Count, Duration, Name } from "../../parts/values.tsx";
import { useMay } from "../../shell/rights.ts";
import { Alerts } from "./alerts.tsx";
import { InvocationCharts, type Step } from "./invocation_charts.tsx";
import { type Order, type Range, RANGES, stepsQuery, topQuery } from "./queries.ts";
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
