/** Turns a few real invocations into a day of invocations, while the server is stopped. */
import { join } from "node:path";
import { DatabaseSync, type SQLInputValue, type SQLOutputValue } from "node:sqlite";
import { idAt } from "../../../bench/history.ts";
import { random, SEED } from "../../support/seed.ts";

type Row = Record<string, SQLOutputValue>;

const HOUR_MS = 3_600_000;
const HOURS = 24;
/** The busiest hour of the day, and how much of its traffic the quietest has. */
const BUSIEST_HOUR = 14;
const QUIETEST_SHARE = 0.15;
/** Durations vary between this and its reciprocal. */
const SPREAD = 0.6;

/** Adds copies of the ended invocations, at times of the last day, with durations that vary. */
export function giveDay(dataDir: string, invocations: number): void {
  using db = new DatabaseSync(join(dataDir, "invoked.db"));
  const rows: Row[] = db.prepare(
    "SELECT * FROM invocations WHERE status IN ('SUCCESS', 'ERROR') AND parent_invocation_id IS NULL",
  ).all();
  const columns = Object.keys(rows[0] ?? {});
  const insert = db.prepare(
    `INSERT INTO invocations (${columns}) VALUES (${columns.map(() => "?")})`,
  );
  const draw = random(SEED);
  db.exec("BEGIN");
  for (let n = 0; n < invocations; n++) {
    const row = rows[draw(rows.length)] as Row;
    const copy = copyAt(row, Date.now() - drawAge(draw), n, draw);
    insert.run(...columns.map((column) => copy[column] as SQLInputValue));
  }
  db.exec("COMMIT");
}

/** An age in the last day, in milliseconds; most are of the busiest hours. */
function drawAge(draw: (below: number) => number): number {
  while (true) {
    const age = draw(HOURS * HOUR_MS);
    const hour = new Date(Date.now() - age).getUTCHours();
    const busy = (1 + Math.cos(((hour - BUSIEST_HOUR) / HOURS) * 2 * Math.PI)) / 2;
    if (draw(1000) / 1000 < QUIETEST_SHARE + (1 - QUIETEST_SHARE) * busy) return age;
  }
}

function copyAt(row: Row, timeMs: number, number: number, draw: (below: number) => number): Row {
  const factor = SPREAD ** (draw(2001) / 1000 - 1);
  const scale = (value: SQLOutputValue | undefined) =>
    typeof value === "number" ? Math.round(value * factor) : value ?? null;
  const createdAt = new Date(timeMs).toISOString();
  const durationMs = Number(scale(row["duration_micros"])) / 1000;
  const measured = JSON.parse(String(row["measured"]));
  return {
    ...row,
    id: idAt(createdAt, number),
    created_at: createdAt,
    started_at: createdAt,
    updated_at: new Date(timeMs + durationMs).toISOString(),
    duration_micros: scale(row["duration_micros"]),
    cpu_micros: scale(row["cpu_micros"]),
    measured: JSON.stringify({
      ...measured,
      at: timeMs,
      phases: measured.phases.map(scale),
    }),
  };
}
