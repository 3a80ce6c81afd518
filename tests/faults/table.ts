/** The table of faults, runs and losses. */
import type { History, InjectedFault, SentInvocation } from "./history.ts";

const HEAD = ["Fault", "Times", "Calls meanwhile", "Lost", "Interrupted"] as const;

/** A row for each fault: how often it was injected, and the outcome of the invocations that it met. */
export function faultTable(faults: readonly InjectedFault[], history: History): string {
  const names = [...new Set(faults.map(({ name }) => name))].toSorted();
  const ends = history.records.filter(({ error }) => error?.startsWith("INTERRUPTED:"));
  const interrupters = ends.map(({ endedAt }) =>
    faults.findLast(({ from }) => from <= endedAt)?.name
  );
  const rows = names.map((name) => {
    const own = faults.filter((fault) => fault.name === name);
    const met = history.invocations.filter((invocation) =>
      own.some((fault) => overlaps(invocation, fault))
    );
    const interrupted = interrupters.filter((interrupter) => interrupter === name);
    return [name, own.length, ...countsOf(met, history), interrupted.length];
  });
  const all = ["All", faults.length, ...countsOf(history.invocations, history), ends.length];
  return format([HEAD, ...rows, all].map((row) => row.map(String)));
}

function overlaps({ sentAt, acknowledged }: SentInvocation, { from, to }: InjectedFault): boolean {
  return sentAt <= to && (acknowledged?.at ?? sentAt) >= from;
}

/** How many of these invocations were acknowledged, and how many of the acknowledged ones are lost. */
function countsOf(invocations: readonly SentInvocation[], { records }: History): number[] {
  const recorded = new Set(records.map(({ id }) => id));
  const acknowledged = invocations.flatMap(({ acknowledged }) => acknowledged ?? []);
  return [acknowledged.length, acknowledged.filter(({ id }) => !recorded.has(id)).length];
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
