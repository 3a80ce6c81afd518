/** The table of faults, runs and losses. */
import type { Call, History, InjectedFault } from "./history.ts";

const HEAD = ["Fault", "Times", "Calls meanwhile", "Interrupted", "Lost"] as const;

/** A row for each fault: how often it was injected, and what became of the calls that it met. */
export function faultTable(faults: readonly InjectedFault[], history: History): string {
  const names = [...new Set(faults.map(({ name }) => name))].toSorted();
  const rows = names.map((name) => {
    const own = faults.filter((fault) => fault.name === name);
    const met = history.calls.filter((call) => own.some((fault) => overlaps(call, fault)));
    return [name, own.length, ...countsOf(met, history)];
  });
  const all = ["All", faults.length, ...countsOf(history.calls, history)];
  return format([HEAD, ...rows, all].map((row) => row.map(String)));
}

function overlaps({ sentAt, acknowledged }: Call, { from, to }: InjectedFault): boolean {
  return sentAt <= to && (acknowledged?.at ?? sentAt) >= from;
}

/** The acknowledged ones of these calls, those of them that were interrupted, and those that are lost. */
function countsOf(calls: readonly Call[], { records }: History): number[] {
  const byId = new Map(records.map((record) => [record.id, record]));
  const acknowledged = calls.flatMap(({ acknowledged }) => acknowledged ?? []);
  const found = acknowledged.map(({ id }) => byId.get(id));
  const interrupted = found.filter((record) => record?.error?.startsWith("INTERRUPTED:"));
  const lost = found.filter((record) => record === undefined);
  return [acknowledged.length, interrupted.length, lost.length];
}

function format(rows: readonly (readonly string[])[]): string {
  const widths = HEAD.map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  const lines = rows.map((row) =>
    `| ${
      row.map((cell, at) =>
        at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)
      )
        .join(" | ")
    } |`
  );
  return lines.join("\n");
}
