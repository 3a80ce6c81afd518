/** The table of faults, invocations and losses. */
import { doubledKeys } from "./checker.ts";
import type { FinalRecord, History, InjectedFault, SentInvocation } from "./history.ts";

const HEAD = [
  "Fault",
  "Times",
  "Acknowledged",
  "Lost",
  "Doubled",
  "Interrupted",
  "Without success, s",
] as const;

/**
 * A row for each fault: how often it was injected, the outcome of the invocations that it met, and the longest time
 * without a success, see {@link gapsIn}.
 */
export function faultTable(
  faults: readonly InjectedFault[],
  history: History,
): string {
  const names = [...new Set(faults.map(({ name }) => name))];
  const ends = history.records.filter(({ error }) => error?.startsWith("INTERRUPTED:"));
  const interrupters = ends.map(({ endedAt }) =>
    faults.findLast(({ from }) => from <= endedAt)?.name
  );
  const count = counterOf(history);
  const gapOf = gapsIn(history);
  const meets = meetsOf(history, faults);
  const longest = (list: readonly InjectedFault[]) => Math.max(0, ...list.map(gapOf)).toFixed(1);
  const rows = names.map((name) => {
    const own = faults.filter((fault) => fault.name === name);
    const met = history.invocations.filter((invocation) =>
      own.some((fault) => meets(invocation, fault))
    );
    const interrupted = interrupters.filter((interrupter) => interrupter === name);
    return [name, own.length, ...count(met), interrupted.length, longest(own)];
  });
  const all = count(history.invocations);
  const last = ["All", faults.length, ...all, ends.length, longest(faults)];
  return format([HEAD, ...rows, last].map((row) => row.map(String)));
}

/** The longest time without a success of a synchronous invocation, in seconds; Infinity if none succeeded any more. */
type GapOf = (fault: InjectedFault) => number;

/**
 * Measures from the injection if other parts take over, otherwise from the return of the failed parts, until the first
 * success after that return. Invocations that were sent before the injection do not count.
 */
export function gapsIn({ invocations }: History): GapOf {
  const successes = invocations.flatMap(({ sentAt, acknowledged }) =>
    acknowledged?.output === undefined ? [] : [{ sentAt, at: acknowledged.at }]
  ).toSorted((one, other) => one.at - other.at);
  return ({ from, healedAt, isTakenOver }) => {
    const since = isTakenOver ? from : healedAt;
    const times = successes.filter(({ sentAt, at }) => sentAt >= from && at >= since)
      .map(({ at }) => at);
    const last = times.find((at) => at >= healedAt);
    if (last === undefined) return Infinity;
    const ends = times.filter((at) => at <= last);
    return Math.max(...ends.map((at, index) => at - (ends[index - 1] ?? since))) / 1000;
  };
}

/** The faults after which the cluster never served again, or served later than within so many seconds. */
export function lateSuccesses(
  faults: readonly InjectedFault[],
  history: History,
  within: number,
): string[] {
  const gapOf = gapsIn(history);
  return faults.flatMap((fault) => {
    const seconds = gapOf(fault);
    if (seconds === Infinity) return [`no invocation succeeded after ${fault.name}`];
    if (seconds <= within) return [];
    return [`during ${fault.name}, no invocation succeeded for ${seconds.toFixed(1)} s`];
  });
}

/**
 * Whether an invocation lasted during a fault. An invocation without an answer or an end lasts until the cluster is ready
 * again after its last sign of life: the faults before may have lost the invocation.
 */
function meetsOf(
  history: History,
  faults: readonly InjectedFault[],
): (invocation: SentInvocation, fault: InjectedFault) => boolean {
  const ends = endedRecords(history);
  const readies = faults.map(({ to }) => to).toSorted((a, b) => a - b);
  const untilOf = ({ sentAt, acknowledged }: SentInvocation) => {
    const { id = "", at = sentAt } = acknowledged ?? {};
    const endedAt = ends.get(id)?.endedAt ?? readies.find((ready) => ready >= at) ?? Infinity;
    return Math.max(at, endedAt);
  };
  return (invocation, { from, to }) => invocation.sentAt <= to && untilOf(invocation) >= from;
}

/** The records of invocations that ended, by their ids. */
function endedRecords({ records }: History): ReadonlyMap<string, FinalRecord> {
  const ended = records.filter(({ status }) => status === "SUCCESS" || status === "ERROR");
  return new Map(ended.map((record) => [record.id, record]));
}

/** How many of some invocations were acknowledged, how many of the acknowledged ones are lost, and how many ran doubly. */
function counterOf(history: History): (invocations: readonly SentInvocation[]) => number[] {
  const doubled = doubledKeys(history);
  const ended = endedRecords(history);
  return (invocations) => {
    const acknowledged = invocations.flatMap(({ acknowledged }) => acknowledged ?? []);
    return [
      acknowledged.length,
      acknowledged.filter(({ id }) => !ended.has(id)).length,
      invocations.filter(({ key }) => doubled.has(key)).length,
    ];
  };
}

/** A table in Markdown. */
function format(rows: readonly (readonly string[])[]): string {
  const widths = HEAD.map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  const pad = (cell: string, at: number) => {
    const width = widths[at] ?? 0;
    return at === 0 ? cell.padEnd(width) : cell.padStart(width);
  };
  const rule = widths.map((width, at) =>
    at === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`
  );
  const [head = [], ...others] = rows.map((row) => row.map(pad));
  return [head, rule, ...others].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
