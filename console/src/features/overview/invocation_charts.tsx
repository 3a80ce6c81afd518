import { useMemo } from "react";
import type { Schemas } from "../../api/client.ts";
import { TimeChart } from "../../parts/chart.tsx";
import { Figure } from "../../parts/figure.tsx";
import { formatCount, formatDuration, parseDuration } from "../../parts/format.ts";
import { Section } from "../../parts/page.tsx";
import { Count, Duration } from "../../parts/values.tsx";

export type Step = Schemas["invoked.StatisticsStep"];

/** Failures of a step, of all words. */
function failuresOf({ failures }: Step): number {
  return Object.values(failures).reduce((sum, count) => sum + count, 0);
}

/** The number of invocations, their durations, and both over time. */
export function InvocationCharts({ steps }: { readonly steps: readonly Step[] }) {
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
