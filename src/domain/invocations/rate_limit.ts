/**
 * The rate limit of a function: no window of the length of its period contains more than `calls` starts of attempts, on
 * all nodes together, by the clock of the database.
 *
 * A function has `calls` start permits. An attempt takes one before it requests a slot, holds the permit while it waits
 * for the slot, and returns the permit one period after its start. So an invocation that has its permit may start
 * whenever its slot is granted, and slots that are granted late never let starts pile up. Without a free permit, an
 * invocation whose caller waits is rejected; any other invocation waits in the line of its function, first in, first
 * out, and takes no slot meanwhile.
 *
 * Everything here runs in a transaction with the lock `locks.ofFlow` of the function. A start is as durable as its
 * invocation: the start of an invocation whose caller waits is acknowledged at its commit, so a crash of the machine
 * may lose the start.
 */
import { countOf, formatDuration } from "../../config/mod.ts";
import type { Repeat } from "../../engine/contract.ts";
import type { DelayedInvocationRow } from "../../store/delayed_invocations.ts";
import type { PermitCount } from "../../store/flow_control.ts";
import type { FunctionRow } from "../../store/functions.ts";
import type { AttemptKey } from "../../store/invocations.ts";
import type { Writers } from "../../store/mod.ts";
import { DomainError } from "../errors.ts";
import { type FlowLimits, flowLimitsOf } from "../functions/flow_settings.ts";

export type RateLimit = NonNullable<FlowLimits["rate"]>;

/** The clock has milliseconds: only with one more has a whole period passed for certain. */
const AFTER_PERIOD_MS = 1;
/** After a stop of the server, so many invocations of a line get an estimate of their own at once. */
const SPACED_MAX = 20;

/** The rate limit of a function; undefined without one. */
export function rateOf(fn: FunctionRow | undefined): RateLimit | undefined {
  return fn === undefined || fn.rateLimit === null ? undefined : flowLimitsOf(fn)?.rate;
}

/** An invocation of a function. */
type LimitedInvocation = Pick<AttemptKey, "id" | "attempt"> & { readonly functionId: string };

/** Whether a permit is free. */
type PermitAnswer =
  /** `now` is the time of the database. */
  | { readonly kind: "free"; readonly now: string }
  /** A permit is free after `waitMs`, unless the invocations before wait for slots. */
  | { readonly kind: "full"; readonly waitMs: number };

/** Whether an invocation may take a permit. @param ahead invocations in the line before it */
export async function findPermit(
  tx: Writers,
  functionId: string,
  rate: RateLimit,
  ahead: number,
): Promise<PermitAnswer> {
  const permits = await countPermits(tx, functionId, rate);
  const waitMs = await waitOf(tx, functionId, rate, permits, ahead);
  return waitMs > 0 ? { kind: "full", waitMs } : { kind: "free", now: permits.now };
}

/** Whether an invocation outside the line may take a permit: the invocations in the line go first. */
export async function findPermitBehindLine(
  tx: Writers,
  functionId: string,
  rate: RateLimit,
): Promise<PermitAnswer> {
  return await findPermit(tx, functionId, rate, await tx.delays.countLine(functionId));
}

/**
 * Whether the next attempt of an invocation may start now; if it may, its permit has this start. An invocation that
 * took its permit before it waited for its slot may start, unless the limit was lowered meanwhile. An invocation
 * without a permit was accepted before its function had a limit. An invocation that may not start loses its permit.
 * @param invocation as it is recorded, with the number of its last attempt
 * @param mayWait whether it may still wait for a worker: then it starts later, and only keeps its permit here
 */
export async function startWithPermit(
  tx: Writers,
  rate: RateLimit,
  { id: invocationId, functionId, attempt }: LimitedInvocation,
  mayWait = false,
): Promise<PermitAnswer> {
  const permit = { functionId, invocationId, attempt: attempt + 1 };
  const permits = await countPermits(tx, functionId, rate);
  const { held, started, now } = permits;
  const own = await tx.flow.permitOf(permit);
  const others = own === "none" ? held : own === "reserved" ? started : started - 1;
  if (others < rate.calls) {
    await tx.flow.holdPermit(permit, mayWait ? undefined : now);
    return { kind: "free", now };
  }
  const isFreed = await tx.flow.freePermit(functionId, invocationId);
  const left = isFreed ? { ...permits, held: held - 1 } : permits;
  return { kind: "full", waitMs: await waitOf(tx, functionId, rate, left, 0) };
}

/**
 * Puts an invocation whose attempt may not start back into the line; undefined if it has ended, or belongs to another
 * node.
 * @param recorded the attempt as it is recorded
 * @param last the number of its last attempt that ran
 */
export async function returnToLine(
  tx: Writers,
  { functionId, ...recorded }: LimitedInvocation & AttemptKey,
  last: number,
  waitMs: number,
): Promise<Repeat | undefined> {
  const { id: invocationId } = recorded;
  const next = { owner: null, attempt: last };
  if (!await tx.invocations.release(recorded, next, new Date().toISOString())) return undefined;
  const invocation = await tx.invocations.waiting(invocationId);
  if (invocation === undefined) return undefined;
  const [dueAt, since] = [inMs(waitMs), invocation.notBefore ?? invocation.createdAt];
  const reason = "rate-limit";
  await tx.delays.insert({ invocationId, functionId, dueAt, reason, key: null, since });
  return { kind: "repeat", attempt: last, isDelayed: true };
}

/** Frees the permit of an invocation that ends before it starts, for the first one in the line; false if it has none. */
export async function freePermit(
  tx: Writers,
  functionId: string,
  invocationId: string,
  now: string,
): Promise<boolean> {
  if (!await tx.flow.freePermit(functionId, invocationId)) return false;
  await tx.delays.wakeLine(functionId, now);
  return true;
}

/** The delay of an invocation that joins the line, or continues to wait in it. */
export function delayInLine(
  { reason, since, dueAt }: DelayedInvocationRow,
  waitMs: number,
): Pick<DelayedInvocationRow, "dueAt" | "reason" | "key" | "since"> {
  // It came to the line when it was due; `since` of a debounced invocation is the arrival of the first one that it replaced.
  const joinedAt = reason === "debounce" ? dueAt : since ?? dueAt;
  return { dueAt: inMs(waitMs), reason: "rate-limit", key: null, since: joinedAt };
}

/**
 * Gives later times to the invocations behind the first one in the line, if their times have passed: the scheduler
 * looks only at what is due. The time of the first one is exact, all others are estimates.
 */
export async function delayLine(tx: Writers, functionId: string, rate: RateLimit): Promise<void> {
  const now = new Date().toISOString();
  const overdue = await tx.delays.overdueInLine(functionId, now, SPACED_MAX);
  if (overdue.length === 0) return;
  const permits = await countPermits(tx, functionId, rate);
  const dueAt = async (ahead: number) => inMs(await waitOf(tx, functionId, rate, permits, ahead));
  for (const [at, id] of overdue.entries()) {
    const wait = { dueAt: await dueAt(at + 1), reason: "rate-limit", key: null } as const;
    await tx.delays.postpone(id, wait);
  }
  const last = await dueAt(await tx.delays.countLine(functionId));
  await tx.delays.delayOverdue(functionId, now, last);
}

/** The error of an invocation whose caller waits, and which may not start now. */
export function rateLimited(
  functionId: string,
  { calls, periodMs, waitMs }: RateLimit & { readonly waitMs: number },
): DomainError {
  const retryAfterSeconds = Math.max(1, Math.ceil((waitMs - AFTER_PERIOD_MS) / 1000));
  return new DomainError(
    "RATE_LIMITED",
    `Function ${functionId} was not invoked: the limit of ${countOf(calls, "start")} in ` +
      `${formatDuration(periodMs)} is reached (rateLimit). Try again in ` +
      `${formatDuration(retryAfterSeconds * 1000)}, or invoke it asynchronously ` +
      "(Prefer: respond-async)",
    { retryAfterSeconds },
  );
}

/**
 * The permits that are held. If all are, without the permits of invocations that ended before they started, as with
 * their node.
 */
async function countPermits(
  tx: Writers,
  functionId: string,
  { calls, periodMs }: RateLimit,
): Promise<PermitCount> {
  const permits = await tx.flow.permitsAt(functionId, periodMs);
  if (permits.held < calls || permits.held === permits.started) return permits;
  const freed = await tx.flow.freeEnded(functionId);
  return { ...permits, held: permits.held - freed };
}

/**
 * How long until a permit is free for an invocation behind others, in milliseconds; 0 if one is free. The invocations
 * before it take the permits as they become free, one after another, and then the same permits again a period later.
 */
async function waitOf(
  tx: Writers,
  functionId: string,
  { calls, periodMs }: RateLimit,
  { held, now }: PermitCount,
  ahead: number,
): Promise<number> {
  const periods = Math.floor(ahead / calls);
  const number = ahead % calls + held - calls;
  if (number < 0) return periods * periodMs;
  const startedAt = await tx.flow.permitStart(functionId, number);
  const sinceStartMs = startedAt === undefined ? 0 : Date.parse(now) - Date.parse(startedAt);
  return Math.max(0, periodMs - sinceStartMs) + AFTER_PERIOD_MS + periods * periodMs;
}

/** A time of this node: the scheduler compares it with the clock of the node. */
function inMs(ms: number): string {
  return new Date(Date.now() + ms).toISOString();
}
