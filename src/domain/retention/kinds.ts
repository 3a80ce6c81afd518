import type { Expired } from "../../store/expired.ts";

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
