/** When alerts begin and end: by the checks in a row that find a condition. */
import assert from "node:assert/strict";
import { CHECKS_TO_END, type Holding } from "../../src/domain/alerts/conditions.ts";
import { changesOf } from "../../src/domain/alerts/transitions.ts";
import type { AlertRow } from "../../src/store/alerts.ts";

const START_MS = Date.UTC(2026, 0, 1);

function timeOf(check: number): string {
  return new Date(START_MS + check * 60_000).toISOString();
}

/** An alert that began at one check, and ended at another; checks count from 1. */
type Episode = readonly [startsAt: string, begunAt: number, endsAt?: string, endedAt?: number];

/** The alerts of a condition that holds at the checks with a `1`. */
function episodesOf(name: Holding["name"], checks: string): readonly Episode[] {
  const holding = { name, subject: "", labels: {}, summary: "it holds" };
  const episodes = new Map<string, Episode>();
  let open: AlertRow[] = [];
  let ids = 0;
  for (const [at, mark] of [...checks.replaceAll(" ", "")].entries()) {
    const check = { now: timeOf(at + 1), nextId: () => String(ids++) };
    const changes = changesOf(open, mark === "1" ? [holding] : [], check);
    const before = new Map(open.map((row) => [row.id, row.state]));
    open = open.filter(({ id }) => !changes.deleted.includes(id)).map((row) => {
      const [, change] = changes.updated.find(([{ id }]) => id === row.id) ?? [];
      return { ...row, ...change };
    }).concat(changes.inserted);
    for (const { id, state, startsAt, endsAt } of open) {
      if (state === "PENDING" || before.get(id) === state) continue;
      const [, begunAt = at + 1] = episodes.get(id) ?? [];
      const end = endsAt === null ? [] as const : [endsAt, at + 1] as const;
      episodes.set(id, [startsAt, begunAt, ...end]);
    }
    open = open.filter(({ state }) => state !== "ENDED");
  }
  return [...episodes.values()];
}

Deno.test("an alert begins once its condition has held at enough checks in a row", () => {
  const disk = (checks: string) => episodesOf("InvokedDiskAlmostFull", checks);
  assert.deepEqual(disk("1111 0 1111 0"), []);
  assert.deepEqual(disk("1111 0 11111 1"), [[timeOf(6), 10]]);
  assert.deepEqual(episodesOf("InvokedDeadLettersGrowing", "01"), [[timeOf(2), 2]]);
});

Deno.test("an alert ends once its condition has not held at enough checks in a row", () => {
  assert.equal(CHECKS_TO_END, 5);
  const letters = (checks: string) => episodesOf("InvokedDeadLettersGrowing", checks);
  assert.deepEqual(letters("1 0000"), [[timeOf(1), 1]]);
  assert.deepEqual(letters("1 00000"), [[timeOf(1), 1, timeOf(2), 6]]);
  // A value that moves around its limit is one alert.
  assert.deepEqual(letters("1 0 1 0 11 0000 1 0 1"), [[timeOf(1), 1]]);
  assert.deepEqual(letters("1 000 1 00000 1"), [
    [timeOf(1), 1, timeOf(6), 10],
    [timeOf(11), 11],
  ]);
});
