/** The ratios that this project holds itself to, from the rows of one run. */
import { BARE } from "./contenders.ts";
import {
  BASELINE,
  PART as PACKAGES,
  PROCESSOR_TIME,
  sharedSubject,
  STARTS,
} from "./parts/packages.ts";
import type { Row } from "./report.ts";

export interface Verdict {
  readonly target: string;
  readonly measured: number;
  readonly isMet: boolean;
}

const OURS = "invoked";
const WORKERD = "workerd, fresh isolate";
const GROWTH_MAX = 1.3;
/** Processor time that a package may add to an invocation from a template. */
const PACKAGE_MS_MAX = 5;

/** The verdicts on what was measured; what was not measured has none. */
export function verdicts(rows: readonly Row[]): Verdict[] {
  const of = (measure: string, subject: string, part = "latency") =>
    rows.find((row) => row.part === part && row.measure === measure && row.subject === subject);
  const atMost = (target: string, limit: number, ours?: number, theirs?: number) =>
    judge(`${target}: at most ${limit}`, ours, theirs, (ratio) => ratio <= limit);
  const atLeast = (target: string, limit: number, ours?: number, theirs?: number) =>
    judge(`${target}: at least ${limit}`, ours, theirs, (ratio) => ratio >= limit);
  const saturated = (subject: string) => of("8 callers", subject)?.p50;
  return [
    ...atMost(
      "p50 of an invocation at 10/s to that of deno run",
      0.22,
      of("10 invocations/s", OURS)?.p50,
      of("10 invocations/s", BARE)?.p50,
    ),
    ...atMost(
      "p50 of an invocation at 10/s to that of workerd",
      0.8,
      of("10 invocations/s", OURS)?.p50,
      of("10 invocations/s", WORKERD)?.p50,
    ),
    ...atMost(
      "p99 of an invocation at 40/s to the median of deno run",
      0.45,
      of("40 invocations/s", OURS)?.p99,
      of("40 invocations/s", BARE)?.p50,
    ),
    ...atMost(
      "p50 of an invocation with zod at 40/s to that of deno run",
      0.28,
      of("40 invocations/s", `${OURS}, zod`)?.p50,
      of("40 invocations/s", BARE)?.p50,
    ),
    ...atMost(
      "p99 of an invocation with zod at 40/s to the median of deno run",
      0.6,
      of("40 invocations/s", `${OURS}, zod`)?.p99,
      of("40 invocations/s", BARE)?.p50,
    ),
    ...atLeast("saturated rate to that of deno run", 4, saturated(OURS), saturated(BARE)),
    ...atLeast("saturated rate to that of workerd", 1.4, saturated(OURS), saturated(WORKERD)),
    ...atMost(
      "first call of a small function to deno run",
      0.3,
      of("1 KB", OURS, "first call")?.p50,
      of("1 KB", BARE, "first call")?.p50,
    ),
    ...atLeast(
      "saturated rate of process reuse to that of functions-framework",
      0.5,
      saturated(`${OURS}, reused`),
      saturated("functions-framework"),
    ),
    ...growthVerdicts(rows),
    ...packageVerdicts(rows),
  ];
}

/** How many functions start from a template, and the processor time of their invocations above that of none. */
function packageVerdicts(rows: readonly Row[]): Verdict[] {
  const own = rows.filter(({ part }) => part === PACKAGES);
  const starts = own.filter(({ measure }) => measure === STARTS);
  if (starts.length === 0) return [];
  const withSetting = starts.filter(({ subject }) => subject === sharedSubject(subject));
  const without = starts.filter((row) => !withSetting.includes(row));
  const count = (of: readonly Row[]) => of.reduce((sum, { p50 }) => sum + p50, 0);
  const atLeast = (target: string, limit: number, measured: number) => ({
    target: `functions with packages that ${target}: at least ${limit}`,
    measured,
    isMet: measured >= limit,
  });
  const isReplaced = (subject: string) =>
    withSetting.some((row) => row.subject !== subject && row.subject === sharedSubject(subject));
  const times = own.filter(({ measure, subject }) =>
    measure === PROCESSOR_TIME && !isReplaced(subject)
  );
  const least = times.find(({ subject }) => subject === BASELINE)?.p50 ?? 0;
  const most = Math.max(...times.map(({ p50 }) => p50 - least));
  const above = times.filter(({ p50 }) => p50 - least > PACKAGE_MS_MAX);
  const names = above.length === 0
    ? ""
    : `; above: ${above.map(({ subject }) => subject).join(", ")}`;
  return [
    atLeast("need no setting for a template", 45, count(without)),
    atLeast("can start from a template", 50, count(without) + count(withSetting)),
    {
      target: `ms of processor time that a package adds: at most ${PACKAGE_MS_MAX}${names}`,
      measured: most,
      isMet: most <= PACKAGE_MS_MAX,
    },
  ];
}

/** Every operation with a million invocations, to the same with an empty history. */
function growthVerdicts(rows: readonly Row[]): Verdict[] {
  return rows.filter(({ part, subject }) =>
    part === "growth" && subject === "1,000,000 invocations"
  )
    .flatMap(({ measure, ratio }) =>
      judge(
        `${measure}, a million invocations to none: at most ${GROWTH_MAX}`,
        ratio,
        1,
        (measured) => measured <= GROWTH_MAX,
      )
    );
}

function judge(
  target: string,
  ours: number | undefined,
  theirs: number | undefined,
  isGood: (ratio: number) => boolean,
): Verdict[] {
  if (ours === undefined || theirs === undefined) return [];
  return [{ target, measured: ours / theirs, isMet: isGood(ours / theirs) }];
}

export function renderVerdicts(all: readonly Verdict[]): string[] {
  return all.map(({ target, measured, isMet }) =>
    `${isMet ? "met   " : "MISSED"}  ${measured.toFixed(2).padStart(6)}  ${target}`
  );
}
