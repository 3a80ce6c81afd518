import type { Expired } from "../../store/expired.ts";
import { pause } from "../../shared/pause.ts";
import { getLogger } from "@logtape/logtape";
import type { Telemetry } from "../../telemetry/contract.ts";

/** What retention erases, by the names that answers, log lines and metrics have. */
export type RetentionKind =
  | "invocations"
  | "audit_events"
  | "volume_versions"
  | "volumes"
  | "commit_files"
  | "volume_files"
  | "credentials"
  | "device_codes"
  | "sessions"
  | "session_links"
  | "used_assertions"
  | "idempotency_keys"
  | "deliveries"
  | "open_commits"
  | "usage"
  | "signing_keys";

/** What one sweep is about to erase of a kind, and why. */
export interface ExpiredOfKind extends Expired {
  readonly kind: RetentionKind;
  /** The setting from which the age comes, such as `--retention`, or a fixed age in words. */
  readonly setting: string;
}

/** Erases what is older than the retention of its kinds. */
export interface Sweeper {
  /** What {@link erase} would erase at this time, in milliseconds since 1970. */
  expired(nowMs: number): Promise<readonly ExpiredOfKind[]>;
  /**
   * Erases in small transactions, with pauses in which other writes run. After a stop or an error, what is left is erased
   * by the next sweep.
   * @returns how many of each kind were erased
   */
  erase(nowMs: number): Promise<Erased>;
}

/** How many of each kind were erased. */
export type Erased = ReadonlyMap<RetentionKind, number>;

/** The time that is an age before another, in RFC 3339. */
export function before(nowMs: number, ageMs: number): string {
  return new Date(nowMs - ageMs).toISOString();
}

/** What several selections without a common row have together. */
export function sumOf(all: readonly Expired[]): Expired {
  const oldest = all.flatMap((each) => each.oldest ?? []).sort();
  const newest = all.flatMap((each) => each.newest ?? []).sort();
  const count = all.reduce((sum, each) => sum + each.count, 0);
  return { count, oldest: oldest[0], newest: newest.at(-1) };
}

/** Pause after a step, as a multiple of its time and of its wait for the writer: erasure takes a tenth of the writer. */
const PAUSE_FACTOR = 9;
const PAUSE_MAX_MS = 1000;

/**
 * Runs steps of an erasure, each with transactions of its own, until one was the last or the signal aborts. After each
 * step other writes run for nine times as long.
 * @param step answers whether another step follows
 */
export async function inSteps(step: () => Promise<boolean>, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const startMs = performance.now();
    if (!await step()) return;
    await pauseAfter(performance.now() - startMs, signal);
  }
}

/** Pauses after a step of a duration. */
export async function pauseAfter(stepMs: number, signal: AbortSignal): Promise<void> {
  await pause(Math.min(stepMs * PAUSE_FACTOR, PAUSE_MAX_MS), signal);
}

const logger = getLogger(["invoked", "retention"]);

/** Counts what a sweep has erased, in the log and in metrics. */
export function reportErased(
  erased: Erased,
  telemetry: Pick<Telemetry, "retentionErased">,
): void {
  const counts = [...erased].filter(([, count]) => count > 0);
  if (counts.length === 0) return;
  for (const [kind, count] of counts) telemetry.retentionErased(kind, count);
  logger.info("Erased beyond their retention: {counts}", {
    counts: counts.map(([kind, count]) => `${count} ${kind}`).join(", "),
  });
}

/** The sum of two erasures. */
export function plus(one: Erased, other: Erased): Erased {
  const sum = new Map<RetentionKind, number>(one);
  for (const [kind, count] of other) sum.set(kind, (sum.get(kind) ?? 0) + count);
  return sum;
}
