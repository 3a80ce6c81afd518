/** Part k: invocations from outside while the schedules of one minute start, beside the same invocations before. */
import type { Context } from "../context.ts";
import { Invoked } from "../invoked.ts";
import { type Load, merge, openLoop, pause } from "../load.ts";
import { type PartResult, rowOf, withRatios } from "../report.ts";
import { HELLO } from "../workload.ts";

const FULL = { schedules: 1000, aloneMs: 20_000, leadMs: 20_000 } as const;
const QUICK = { schedules: 200, aloneMs: 5_000, leadMs: 10_000 } as const;
const INVOKE_EVERY_MS = 100;
/** Length of the windows in which requests are sent, until no invocation of the schedules is left. */
const WINDOW_MS = 1_000;
const CREATED_AT_ONCE = 4;
const WARM_UP_INVOCATIONS = 20;
const PAGE_SIZE = 100;
const PART = "schedules";
const ALONE = "invocations before";
const STATUS = "FUNCTION_INVOCATION_STATUS_";

export async function schedules(context: Context): Promise<PartResult> {
  const plan = context.isQuick ? QUICK : FULL;
  const flags = ["--max-triggers", String(plan.schedules)];
  await using server = await Invoked.start({ flags });
  const scheduled = await server.deploy(HELLO);
  const call = server.call(await server.deploy(HELLO), HELLO);
  for (let n = 0; n < WARM_UP_INVOCATIONS; n++) await call();

  const at = new Date(Date.now() + plan.leadMs + plan.aloneMs);
  context.progress(`creates ${plan.schedules} schedules`);
  await createSchedules(server, scheduled, plan.schedules, at);
  const left = at.getTime() - Date.now() - plan.aloneMs;
  if (left < 0) throw new Error(`${plan.schedules} schedules took ${-left} ms too long to create`);
  await pause(left);
  context.progress("invocations before");
  const alone = await openLoop(timesWithin(plan.aloneMs), call);
  await pause(at.getTime() - Date.now());
  context.progress("invocations meanwhile");
  const meanwhile = await invokeUntilDone(server, scheduled, call);
  const lastMs = await lastEnd(server, scheduled, plan.schedules) - at.getTime();

  const measure = `${plan.schedules} schedules due`;
  const row = (subject: string, { samples, rejected }: Load) =>
    rowOf({ part: PART, measure, subject, unit: "ms", rejected }, samples);
  const rows = [row(ALONE, alone), row("invocations meanwhile", meanwhile)];
  const times = ((rows[1]?.p95 ?? NaN) / (rows[0]?.p95 ?? NaN)).toFixed(2);
  return {
    rows: [
      ...withRatios(rows, ALONE),
      rowOf({ part: PART, measure, subject: "last end", unit: "s" }, [lastMs / 1000]),
    ],
    charts: {},
    notes: [`schedules: p95 of invocations meanwhile is ${times} times that of invocations before`],
  };
}

async function createSchedules(
  server: Invoked,
  functionId: string,
  count: number,
  at: Date,
): Promise<void> {
  let next = 0;
  const create = async () => {
    while (next < count) {
      const trigger = { displayName: `bench-${next++}`, schedule: { at: at.toISOString() } };
      await server.post(`/api/v1/functions/${functionId}/triggers`, { trigger });
    }
  };
  await Promise.all(Array.from({ length: CREATED_AT_ONCE }, create));
}

/** Invokes the function until no invocation of the schedules waits or runs. */
async function invokeUntilDone(
  server: Invoked,
  functionId: string,
  call: () => Promise<void>,
): Promise<Load> {
  const loads: Load[] = [];
  do loads.push(await openLoop(timesWithin(WINDOW_MS), call)); while (
    await isUnfinished(server, functionId)
  );
  return merge(loads);
}

async function isUnfinished(server: Invoked, functionId: string): Promise<boolean> {
  const path = `/api/v1/functions/${functionId}/invocations/search`;
  for (const status of ["PENDING", "RUNNING"]) {
    const { list } = await server.post(path, { status: STATUS + status, pageSize: 1 });
    if (list.length > 0) return true;
  }
  return false;
}

/** When the last invocation of the schedules ended. @throws if one is missing or has failed */
async function lastEnd(server: Invoked, functionId: string, count: number): Promise<number> {
  let [ended, last, token] = [0, 0, ""];
  do {
    const path = `/api/v1/functions/${functionId}/invocations?page_size=${PAGE_SIZE}`;
    const { list, nextPageToken } = await server.get(`${path}&page_token=${token}`);
    for (const { status, endedAt } of list) {
      if (status !== `${STATUS}SUCCESS`) throw new Error(`a scheduled invocation is ${status}`);
      last = Math.max(last, Date.parse(endedAt));
      ended++;
    }
    token = nextPageToken;
  } while (token !== "");
  if (ended !== count) throw new Error(`${ended} of ${count} schedules started an invocation`);
  return last;
}

function timesWithin(durationMs: number): number[] {
  return Array.from({ length: durationMs / INVOKE_EVERY_MS }, (_, n) => n * INVOKE_EVERY_MS);
}
