import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { type ReactNode, useMemo, useState } from "react";
import { Button } from "../../parts/button.tsx";
import { TimeChart } from "../../parts/chart.tsx";
import { SelectField } from "../../parts/field.tsx";
import { Figure } from "../../parts/figure.tsx";
import { formatCount, formatDuration, parseDuration, shortId } from "../../parts/format.ts";
import { PagedTable } from "../../parts/list.tsx";
import { Page, Section } from "../../parts/page.tsx";
import { saveFile } from "../../parts/save_file.ts";
import { Empty, Loaded, Loading } from "../../parts/states.tsx";
import type { Column } from "../../parts/table.tsx";
import { toast, toastError } from "../../parts/toasts.tsx";
import { Bytes, Count, Duration, Name } from "../../parts/values.tsx";
import {
  chartTimeOf,
  daysOf,
  type Dimension,
  DIMENSIONS,
  monthName,
  monthOf,
  monthsTo,
} from "./days.ts";
import {
  daysQuery,
  DOWNLOAD_LINES_MAX,
  downloadUsage,
  groupsQuery,
  type UsageGroup,
  type UsageSums,
} from "./queries.ts";

/** What functions used in a month, and who invoked them. */
export function UsagePage() {
  const { month = monthOf(new Date()), by = "function" } = useSearch({ from: "/shell/usage" });
  const navigate = useNavigate({ from: "/usage" });
  const choose = (change: { readonly month?: string; readonly by?: Dimension }) =>
    void navigate({
      to: "/usage",
      search: (search) => ({ ...search, ...change }),
      replace: true,
    });
  return (
    <Page title="Usage" actions={<Download month={month} />}>
      <search className="filters">
        <SelectField
          label="Month"
          value={month}
          onChange={(month) => choose({ month })}
          options={monthsTo(new Date(), month).map((value) => ({
            value,
            label: monthName(value),
          }))}
        />
        <SelectField
          label="Group by"
          value={by}
          onChange={(by) => choose({ by: by as Dimension })}
          options={Object.entries(DIMENSIONS).map(([value, label]) => ({ value, label }))}
        />
      </search>
      <Month month={month} />
      <Section title={`By ${DIMENSIONS[by].toLowerCase()}`}>
        <Groups month={month} by={by} />
      </Section>
    </Page>
  );
}

/** Saves the usage of a month. */
function Download({ month }: { readonly month: string }) {
  const [isBusy, setBusy] = useState(false);
  const run = async () => {
    setBusy(true);
    try {
      const { file, isWhole } = await downloadUsage(month);
      saveFile(file, `usage-${month}.csv`);
      if (!isWhole) {
        toast(
          `The file has the first ${
            formatCount(DOWNLOAD_LINES_MAX)
          } lines. invoked usage --csv prints all lines`,
        );
      }
    } catch (error) {
      toastError("Failed to download the usage", error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Button
      busy={isBusy}
      title="Comma-separated values by day, function and principal"
      onClick={() => void run()}
    >
      Download CSV
    </Button>
  );
}

/** The sums of the month, and each of its days. */
function Month({ month }: { readonly month: string }) {
  const query = useQuery(daysQuery(month));
  return (
    <Section title={`${monthName(month)}, in UTC`}>
      <Loaded query={query} loading={<Loading rows={4} />}>
        {({ days, total }) => (
          <>
            {total === undefined ? null : <Figures total={total} />}
            <Charts month={month} days={days} />
          </>
        )}
      </Loaded>
    </Section>
  );
}

function Figures({ total }: { readonly total: UsageSums }) {
  const { invocations, errors, cpuTime, gbSeconds, egressBytes, volumeBytes } = total;
  return (
    <div className="figures">
      <Figure label="Invocations" value={<Count value={Number(invocations)} />} />
      <Figure
        label="Errors"
        value={<Count value={Number(errors)} />}
        isBad={Number(errors) > 0}
      />
      <Figure label="CPU time" value={<Duration ms={parseDuration(cpuTime)} />} />
      <Figure label="GB-seconds" value={<Amount value={gbSeconds} />} />
      <Figure label="Egress" value={<Bytes value={Number(egressBytes)} />} />
      <Figure label="Volume bytes" value={<Bytes value={Number(volumeBytes)} />} />
    </div>
  );
}

function Charts(
  { month, days }: { readonly month: string; readonly days: ReadonlyMap<string, UsageGroup> },
) {
  const shown = useMemo(() => daysOf(month, new Date()), [month, days]);
  const times = useMemo(() => shown.map(chartTimeOf), [shown]);
  const valuesOf = (of: (group: UsageGroup) => number) =>
    shown.map((day) => {
      const group = days.get(day);
      return group === undefined ? 0 : of(group);
    });
  const memory = useMemo(() => [{
    label: "GB-seconds",
    colour: "--accent",
    values: valuesOf(({ gbSeconds }) => gbSeconds),
    format: formatAmount,
    fill: true,
  }], [shown, days]);
  const durations = useMemo(() => [
    {
      label: "CPU time",
      colour: "--accent",
      values: valuesOf(({ cpuTime }) => parseDuration(cpuTime) ?? 0),
      format: formatDuration,
      fill: true,
    },
    {
      label: "Wall time",
      colour: "--ink-3",
      values: valuesOf(({ wallTime }) => parseDuration(wallTime) ?? 0),
      format: formatDuration,
    },
  ], [shown, days]);
  return (
    <div className="columns">
      <TimeChart label="GB-seconds by day" times={times} series={memory} />
      <TimeChart label="CPU time and wall time by day" times={times} series={durations} />
    </div>
  );
}

function Groups({ month, by }: { readonly month: string; readonly by: Dimension }) {
  const query = useInfiniteQuery(groupsQuery(month, by));
  const columns = useMemo(() => [FIRST_COLUMNS[by], ...COLUMNS], [by]);
  return (
    <PagedTable
      query={query}
      loading={<Loading rows={8} />}
      label={`Usage by ${by}`}
      columns={columns}
      rowId={({ day, functionId, principalId }) => day ?? functionId ?? principalId ?? ""}
      rowKeys
      empty={<Empty title="No invocations ended in this month" />}
    />
  );
}

const FIRST_COLUMNS: Readonly<Record<Dimension, Column<UsageGroup>>> = {
  function: {
    header: "Function",
    readable: 160,
    sortBy: ({ functionDisplayName = "" }) => functionDisplayName,
    cell: ({ functionId = "", functionDisplayName }) => (
      <Link to="/functions/$functionId" params={{ functionId }}>
        <Name value={functionDisplayName ?? shortId(functionId)} />
      </Link>
    ),
  },
  principal: {
    header: "Principal",
    readable: 160,
    sortBy: ({ principalDisplayName = "" }) => principalDisplayName,
    cell: ({ principalId = "", principalDisplayName }) => (
      <span title={principalId}>
        <Name value={principalDisplayName ?? principalId} />
      </span>
    ),
  },
  day: {
    header: "Day",
    width: "120px",
    sortBy: ({ day = "" }) => day,
    cell: ({ day = "" }) => day,
  },
};

const COLUMNS: readonly Column<UsageGroup>[] = [
  column("GB-seconds", 92, ({ gbSeconds }) => gbSeconds, Amount, false),
  column("Invocations", 92, ({ invocations }) => Number(invocations), Count),
  column("Errors", 68, ({ errors }) => Number(errors), Count),
  column("CPU time", 84, ({ cpuTime }) => parseDuration(cpuTime) ?? 0, Milliseconds),
  column("Wall time", 84, ({ wallTime }) => parseDuration(wallTime) ?? 0, Milliseconds),
  column("Attempts", 84, ({ attempts }) => Number(attempts), Count),
  column("Egress", 84, ({ egressBytes }) => Number(egressBytes), Bytes),
  column("Volume", 84, ({ volumeBytes }) => Number(volumeBytes), Bytes),
];

/** A column of numbers, which sorts the rows that are loaded. @param width in px */
function column(
  header: string,
  width: number,
  of: (group: UsageGroup) => number,
  Value: (props: { readonly value: number | undefined }) => ReactNode,
  minor = true,
): Column<UsageGroup> {
  return {
    header,
    width: `${width}px`,
    align: "end",
    minor,
    sortBy: of,
    cell: (group) => <Value value={of(group)} />,
  };
}

function Milliseconds({ value }: { readonly value: number | undefined }) {
  return <Duration ms={value} />;
}

/** An amount with three digits, and the exact one on hover. */
function Amount({ value = 0 }: { readonly value: number | undefined }) {
  return <span title={String(value)}>{formatAmount(value)}</span>;
}

function formatAmount(value: number): string {
  return value.toLocaleString(undefined, { maximumSignificantDigits: 3 });
}
