import { useQuery } from "@tanstack/react-query";
import { Link, useSearch } from "@tanstack/react-router";
import { Page, Section } from "../../parts/page.tsx";
import { Empty, Loaded } from "../../parts/states.tsx";
import { Calls } from "./calls.tsx";
import { Failures } from "./failures.tsx";
import { type Range, RANGES, stepsQuery } from "./queries.ts";
import { ServerState } from "./server_state.tsx";
import { TopFunctions } from "./top_functions.tsx";

export function OverviewPage() {
  const { range = "24h" } = useSearch({ from: "/shell/" });
  const steps = useQuery(stepsQuery(range));
  return (
    <Page title="Overview" actions={<RangeChoice chosen={range} />}>
      <Loaded query={steps}>
        {(list) =>
          list.every(({ calls }) => calls === 0) ? <NoCalls range={range} /> : (
            <>
              <Calls steps={list} />
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
      <Section title="Server">
        <ServerState />
      </Section>
    </Page>
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

function NoCalls({ range }: { readonly range: Range }) {
  return (
    <Empty
      title={`No calls in the last ${RANGES[range].label}`}
      action={
        <span className="row">
          <Link to="/welcome" className="button button-primary">Run the example</Link>
          <Link to="/functions/new" className="button">New function</Link>
        </span>
      }
    >
      Run a function to see its calls, durations and failures here.
    </Empty>
  );
}
