/** What a check changes: pure, so that every node decides alike. */
import type { AlertRow } from "../../store/alerts.ts";
import { CHECKS_TO_END, conditionOf, CONDITIONS, type Holding } from "./conditions.ts";

/** What one check does to the stored alerts. */
export interface AlertChanges {
  readonly inserted: readonly AlertRow[];
  readonly updated: readonly (readonly [row: AlertRow, change: Partial<AlertRow>])[];
  /** Conditions that did not hold long enough for an alert. */
  readonly deleted: readonly string[];
}

/** When a check is, and how it names new alerts. */
interface Check {
  /** RFC 3339. */
  readonly now: string;
  readonly nextId: () => string;
}

/**
 * The changes that follow from what holds at a check. An alert begins once its condition has held at `checksToBegin`
 * checks in a row, and ends once the condition has not held at {@link CHECKS_TO_END} checks in a row.
 * @param open the alerts that this check decides on
 */
export function changesOf(
  open: readonly AlertRow[],
  holding: readonly Holding[],
  check: Check,
): AlertChanges {
  const held = new Map(holding.map((one) => [keyOf(one), one]));
  const known = new Set(open.map(keyOf));
  const pairs = open.map((row) => [row, changeOf(row, held.get(keyOf(row)), check)] as const);
  return {
    inserted: holding.filter((one) => !known.has(keyOf(one))).map((one) => newRow(one, check)),
    updated: pairs.flatMap(([row, change]) =>
      change === "delete" || Object.keys(change).length === 0 ? [] : [[row, change] as const]
    ),
    deleted: pairs.flatMap(([{ id }, change]) => change === "delete" ? [id] : []),
  };
}

/**
 * Changes that also end alerts which nobody checks any more. An alert that has not begun has no end.
 * @param now RFC 3339
 */
export function withEnds(
  { inserted, updated, deleted }: AlertChanges,
  unchecked: readonly AlertRow[],
  now: string,
): AlertChanges {
  const isPending = ({ state }: AlertRow) => state === "PENDING";
  const begun = unchecked.filter((row) => !isPending(row));
  return {
    inserted,
    updated: [...updated, ...begun.map((row) => [row, { state: "ENDED", endsAt: now }] as const)],
    deleted: [...deleted, ...unchecked.filter(isPending).map(({ id }) => id)],
  };
}

function keyOf({ name, subject }: Pick<AlertRow, "name" | "subject">): string {
  return `${name} ${subject}`;
}

function newRow({ name, subject, labels, summary }: Holding, { now, nextId }: Check): AlertRow {
  return {
    id: nextId(),
    name,
    subject,
    labels: JSON.stringify(labels),
    summary,
    state: CONDITIONS[name].checksToBegin === 1 ? "FIRING" : "PENDING",
    checks: CONDITIONS[name].checksToBegin === 1 ? 0 : 1,
    startsAt: now,
    calmSince: null,
    endsAt: null,
    checkedAt: now,
    isPosted: 0,
  };
}

function changeOf(
  row: AlertRow,
  held: Holding | undefined,
  { now }: Check,
): Partial<AlertRow> | "delete" {
  if (held === undefined) return row.state === "PENDING" ? "delete" : calmer(row, now);
  const { summary } = held;
  if (row.state === "PENDING") {
    const checks = row.checks + 1;
    const isBegun = checks >= (conditionOf(row.name)?.checksToBegin ?? 1);
    const begun = isBegun ? { state: "FIRING", checks: 0 } as const : { checks };
    return { ...begun, summary, checkedAt: now };
  }
  // The leader ends the alerts of nodes that no longer check.
  const mustReport = conditionOf(row.name)?.isOfNode === true;
  if (mustReport || row.summary !== summary || row.checks > 0) {
    return { summary, checks: 0, calmSince: null, checkedAt: now };
  }
  return {};
}

function calmer(row: AlertRow, now: string): Partial<AlertRow> {
  const checks = row.checks + 1;
  const calmSince = row.calmSince ?? now;
  const isOver = checks >= CHECKS_TO_END;
  return {
    checks,
    calmSince,
    checkedAt: now,
    ...isOver ? { state: "ENDED", endsAt: calmSince } as const : {},
  };
}
