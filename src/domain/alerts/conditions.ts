/**
 * The conditions that the overview shows and that alerts report, each written once. Names, severities and times are those
 * of the rules in deploy/prometheus, whose runbooks are headings of docs/operations.md.
 */

/** A schedule is late when its time passed this long ago. */
export const SCHEDULE_LATE_MS = 60_000;
/** Failures count if the server accepted their invocations within this time. */
export const FAILING_WITHIN_MS = 10 * 60_000;
/** Dead letters are new for this long. */
export const NEW_DEAD_LETTER_MS = 15 * 60_000;
/** More than this share of the invocations of a failing function have failed. */
const FAILING_SHARE = 0.1;
/** A function that seldom runs needs more failures than this, so that one failure of two invocations alerts nobody. */
const FAILURES_MIN = 5;
/** Below this share of a file system, free space is low. */
const FREE_SHARE_MIN = 0.1;
/** How many checks in a row find that the condition does not hold before an alert ends: flapping values are one alert. */
export const CHECKS_TO_END = 5;

/** Failures with this code are a decision of the caller. */
const CANCELLED = "CANCELLED";

/** A condition of alerts. */
interface Condition {
  /** How many checks in a row find that the condition holds before an alert begins. */
  readonly checksToBegin: number;
  readonly severity: "warning" | "critical";
  /** The console's page about it. @param subject what the alert is about */
  readonly page: (subject: string) => string;
  /** Each node checks the condition of its own; otherwise one node checks it for all. */
  readonly isOfNode?: true;
}

export const CONDITIONS = {
  InvokedDiskAlmostFull: {
    checksToBegin: 5,
    severity: "warning",
    page: () => "/",
    isOfNode: true,
  },
  InvokedFunctionFailing: {
    checksToBegin: 5,
    severity: "warning",
    page: (functionId) => `/functions/${functionId}`,
  },
  InvokedDeadLettersGrowing: {
    checksToBegin: 1,
    severity: "warning",
    page: () => "/dead-letters",
  },
  InvokedSchedulesLate: { checksToBegin: 5, severity: "warning", page: () => "/" },
} as const satisfies Record<string, Condition>;

type ConditionName = keyof typeof CONDITIONS;

/** The condition of a name; undefined for a name that a later version has stored. */
export function conditionOf(name: string): Condition | undefined {
  return Object.hasOwn(CONDITIONS, name) ? CONDITIONS[name as ConditionName] : undefined;
}

/** Where the runbook of a condition is, as in the rules for Prometheus; a test alert has only the page about alerts. */
export function runbookOf(name: string): string {
  return conditionOf(name) === undefined
    ? "docs/alerts.md"
    : `docs/operations.md#${name.toLowerCase()}`;
}

/** A condition that holds at a check. */
export interface Holding {
  readonly name: ConditionName;
  /** What it is about: the id of a function, or the name of a node; empty for the server. */
  readonly subject: string;
  /** Labels of its alert besides its name and severity. */
  readonly labels: Readonly<Record<string, string>>;
  /** In words, with the measured value. */
  readonly summary: string;
}

/** The file system of a data directory; bytes. */
interface FileSystem {
  readonly freeBytes: number;
  readonly totalBytes: number;
}

/** Whether free space is low. */
export function isAlmostFull({ freeBytes, totalBytes }: FileSystem): boolean {
  return freeBytes < totalBytes * FREE_SHARE_MIN;
}

/** @param node name of the node whose disk it is; empty for an only node */
export function diskHolding(disk: FileSystem, node: string): readonly Holding[] {
  if (!isAlmostFull(disk)) return [];
  const of = node === "" ? "" : ` of ${node}`;
  return [{
    name: "InvokedDiskAlmostFull",
    subject: node,
    labels: node === "" ? {} : { instance: node },
    summary: `${percent(disk.freeBytes / disk.totalBytes)} of the disk${of} is free`,
  }];
}

/** The invocations of a function within {@link FAILING_WITHIN_MS}. */
interface FunctionCounts {
  readonly functionId: string;
  readonly displayName: string;
  readonly counts: {
    readonly calls: number;
    /** By error code. */
    readonly failures: ReadonlyMap<string, number>;
  };
}

export function failingHolding(
  { functionId, displayName, counts }: FunctionCounts,
): readonly Holding[] {
  const { calls, failures } = counts;
  const failed = failures.entries().filter(([code]) => code !== CANCELLED)
    .reduce((sum, [, count]) => sum + count, 0);
  if (failed <= FAILURES_MIN || failed <= calls * FAILING_SHARE) return [];
  return [{
    name: "InvokedFunctionFailing",
    subject: functionId,
    labels: { faas_name: displayName, invoked_function_id: functionId },
    summary: `${percent(failed / calls)} of the invocations of ${displayName} fail`,
  }];
}

/** @param count of the dead letters within {@link NEW_DEAD_LETTER_MS} */
export function deadLetterHolding(count: number): readonly Holding[] {
  if (count === 0) return [];
  const letters = count === 1 ? "1 dead letter is" : `${count} dead letters are`;
  const minutes = NEW_DEAD_LETTER_MS / 60_000;
  return [{
    name: "InvokedDeadLettersGrowing",
    subject: "",
    labels: {},
    summary: `${letters} new within ${minutes} minutes`,
  }];
}

/** @param count of the schedules that are late by {@link SCHEDULE_LATE_MS} */
export function lateHolding(count: number): readonly Holding[] {
  if (count === 0) return [];
  const schedules = count === 1 ? "1 schedule is" : `${count} schedules are`;
  return [{
    name: "InvokedSchedulesLate",
    subject: "",
    labels: {},
    summary: `${schedules} more than a minute late`,
  }];
}

/** A share, such as `12%`. What is more than nothing is not shown as 0%. */
function percent(share: number): string {
  const rounded = Math.round(share * 100);
  return rounded === 0 && share > 0 ? "Less than 1%" : `${rounded}%`;
}
