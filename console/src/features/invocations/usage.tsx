import type { ReactNode } from "react";
import { formatBytes, formatDuration, parseDuration } from "../../parts/format.ts";
import { Section } from "../../parts/page.tsx";
import { Bytes, Duration } from "../../parts/values.tsx";
import type { WholeInvocation } from "./queries.ts";

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
