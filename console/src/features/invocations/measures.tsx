/** Where the time of an invocation went, and what it used of its limits. */
import type { ReactNode } from "react";
import { formatBytes, formatDuration, parseDuration } from "../../parts/format.ts";
import { Section } from "../../parts/page.tsx";
import { Bytes, Duration } from "../../parts/values.tsx";
import type { WholeInvocation } from "./queries.ts";

const NAMES: Readonly<Record<string, string>> = {
  admission: "Admission",
  queue: "Queue",
  instance: "Instance",
  evaluate: "Evaluation",
  run: "Run",
  host_calls: "Host calls",
  egress: "Egress",
  record: "Record",
};

/** In these phases the invocation waits. */
const WAITS = new Set(["admission", "queue", "instance"]);

interface Phase {
  readonly name: string;
  readonly startedAt: string;
  readonly duration: string;
}

/** A phase on the time axis of its invocation, in ms. */
interface Bar {
  readonly name: string;
  readonly start: number;
  readonly duration: number;
  readonly isInner: boolean;
}

/** Sums of times inside of the phase `run`. */
const INNER = new Set(["host_calls", "egress"]);

/** Where the time of the last attempt went: a table, whose last column draws it. */
export function Phases({ invocation }: { readonly invocation: WholeInvocation }) {
  const { phases = [] } = invocation;
  if (phases.length === 0) return null;
  const bars = barsOf(phases);
  const span = spanOf(bars);
  return (
    <Section
      title="Phases"
      actions={<span className="muted">{formatDuration(span)} in total</span>}
    >
      <table className="table" aria-label="Phases of the last attempt">
        <thead>
          <tr>
            <th scope="col" style={{ width: "120px" }}>Phase</th>
            <th scope="col" className="cell-end" style={{ width: "90px" }}>Starts after</th>
            <th scope="col" className="cell-end" style={{ width: "90px" }}>Duration</th>
            <th scope="col" aria-hidden="true" />
          </tr>
        </thead>
        <tbody>
          {bars.map((bar) => <PhaseRow key={bar.name} bar={bar} span={span} />)}
        </tbody>
      </table>
    </Section>
  );
}

function PhaseRow({ bar, span }: { readonly bar: Bar; readonly span: number }) {
  const { name, start, duration, isInner } = bar;
  const share = (ms: number) => `${span === 0 ? 0 : (ms / span) * 100}%`;
  const kind = isInner ? "inner" : WAITS.has(name) ? "wait" : "work";
  return (
    <tr className={`invocation-phase-${kind}`}>
      <th scope="row" className="invocation-row-head">
        {NAMES[name] ?? name}
        {isInner && <span className="visually-hidden">, inside of Run</span>}
      </th>
      <td className="cell-end">{isInner ? "" : <Duration ms={start} />}</td>
      <td className="cell-end">
        <Duration ms={duration} />
      </td>
      <td aria-hidden="true">
        <span className="invocation-bar">
          <span
            className="invocation-bar-fill"
            style={{ left: share(start), width: share(duration) }}
          />
        </span>
      </td>
    </tr>
  );
}

/** Bars of phases in their order, the sums inside of `run` after it. */
function barsOf(phases: readonly Phase[]): readonly Bar[] {
  const begin = Math.min(...phases.map(({ startedAt }) => instantOf(startedAt)));
  const bars = phases.map(({ name, startedAt, duration }) => ({
    name,
    start: instantOf(startedAt) - begin,
    duration: parseDuration(duration) ?? 0,
    isInner: INNER.has(name),
  }));
  const inner = bars.filter(({ isInner }) => isInner);
  return bars.filter(({ isInner }) => !isInner)
    .flatMap((bar) => bar.name === "run" ? [bar, ...inner] : [bar]);
}

/** Ms since 1970 with the fraction that a Date loses. */
function instantOf(time: string): number {
  const fraction = /\.\d{3}(\d+)Z$/.exec(time)?.[1];
  return Date.parse(time) + (fraction === undefined ? 0 : Number(`0.${fraction}`));
}

/** The end of the last bar, in ms. */
function spanOf(bars: readonly Bar[]): number {
  return Math.max(...bars.map(({ start, duration }) => start + duration), 0);
}

const BYTES_PER_MIB = 1024 * 1024;

interface UsageRow {
  readonly name: string;
  readonly used: ReactNode;
  /** Undefined if the invocation has no limit. */
  readonly limit: string | undefined;
  /** Of the limit, 0 to 1. */
  readonly share: number | undefined;
}

/** Resources that the invocation used, beside the limits in force when it was accepted. */
export function Usage({ invocation }: { readonly invocation: WholeInvocation }) {
  const rows = rowsOf(invocation);
  if (rows.length === 0) return null;
  return (
    <Section title="Usage">
      <table className="table" aria-label="Usage and limits">
        <thead>
          <tr>
            <th scope="col">Resource</th>
            <th scope="col" className="cell-end">Used</th>
            <th scope="col" className="cell-end">Limit</th>
            <th scope="col" className="cell-end">Share</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ name, used, limit, share }) => (
            <tr key={name}>
              <th scope="row" className="invocation-row-head">{name}</th>
              <td className="cell-end">{used}</td>
              <td className="cell-end">{limit ?? <span className="muted">–</span>}</td>
              <td className="cell-end">
                {share === undefined ? <span className="muted">–</span> : formatShare(share)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Section>
  );
}

function rowsOf({ usage, limits }: WholeInvocation): UsageRow[] {
  const memoryLimit = limits === undefined ? undefined : limits.memoryMib * BYTES_PER_MIB;
  const bytes = (name: string, text: string | undefined, limit?: number): UsageRow => {
    const value = text === undefined ? undefined : Number(text);
    return {
      name,
      used: <Bytes value={value} />,
      limit: limit === undefined ? undefined : formatBytes(limit),
      share: shareOf(value, limit),
    };
  };
  const time = (name: string, text: string | undefined, limit: string | undefined): UsageRow => {
    const [value, most] = [parseDuration(text), parseDuration(limit)];
    return {
      name,
      used: <Duration ms={value} />,
      limit: most === undefined ? undefined : formatDuration(most),
      share: shareOf(value, most),
    };
  };
  if (usage === undefined && limits === undefined) return [];
  return [
    time("Wall time", usage?.wallTime, limits?.timeout),
    time("CPU time", usage?.cpuTime, limits?.cpuTimeout),
    bytes("Peak memory", usage?.peakMemoryBytes, memoryLimit),
    bytes("Egress", usage?.egressBytes),
    bytes("Volume", usage?.volumeBytes),
  ];
}

const percent = new Intl.NumberFormat(undefined, { style: "percent", maximumFractionDigits: 1 });
const SMALLEST_SHARE = 0.001;

function formatShare(share: number): string {
  return share > 0 && share < SMALLEST_SHARE
    ? `< ${percent.format(SMALLEST_SHARE)}`
    : percent.format(share);
}

function shareOf(value: number | undefined, limit: number | undefined): number | undefined {
  return value === undefined || limit === undefined || limit === 0 ? undefined : value / limit;
}
