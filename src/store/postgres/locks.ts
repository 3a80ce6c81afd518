/** Advisory locks of PostgreSQL, which end with the connection that holds them. */
import { createHash } from "node:crypto";
import type pg from "pg";
import { isSharedLock, lockedName } from "../grouped_writer.ts";

/** The first key of every lock of this program. */
const CLASS = 0x696e766f;

/** What is locked. */
export const LOCKS = {
  /** Held by every server: exclusively by a single server, else shared. */
  server: 1,
  migrations: 2,
  textIndex: 3,
  /** Shared by what reads all contents; held alone by a deletion of contents. */
  contents: 4,
  /** Held by a deletion that has or tries the lock of contents. */
  deletions: 5,
} as const;

export type Lock = keyof typeof LOCKS;

/** The holder of a lock. */
interface Holder {
  readonly pid: number;
  /** Where it connected from, and since when. */
  readonly description: string;
}

/** Takes a lock if it is free; false if it is not. */
export async function tryLock(
  client: pg.ClientBase,
  lock: Lock,
  mode: "exclusive" | "shared" = "exclusive",
): Promise<boolean> {
  const { rows } = await client.query<{ locked: boolean }>(tryLockQuery(lock, mode));
  return rows[0]?.locked === true;
}

/** The text of a query that waits for a lock, or releases it. */
export function lockQuery(verb: "lock" | "unlock", lock: Lock): string {
  return `select pg_advisory_${verb}(${CLASS}, ${LOCKS[lock]})`;
}

/** The text of a query that takes a lock if it is free. */
export function tryLockQuery(lock: Lock, mode: "exclusive" | "shared"): string {
  const suffix = mode === "shared" ? "_shared" : "";
  return `select pg_try_advisory_lock${suffix}(${CLASS}, ${LOCKS[lock]}) as locked`;
}

/** The holder of a lock of the database; undefined if the lock is free. */
export async function holderOf(client: pg.ClientBase, lock: Lock): Promise<Holder | undefined> {
  const { rows } = await client.query<{ pid: number; address: string | null; since: string }>(
    `select a.pid, host(a.client_addr) as address,
      to_char(a.backend_start at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as since
      from pg_locks l join pg_stat_activity a on a.pid = l.pid
      where l.locktype = 'advisory' and l.granted and l.classid = $1 and l.objid = $2
      and l.objsubid = 2 and l.database = (select oid from pg_database where datname = current_database())
      limit 1`,
    [CLASS, LOCKS[lock]],
  );
  const [row] = rows;
  if (row === undefined) return undefined;
  return {
    pid: row.pid,
    description: `connected from ${row.address ?? "a unix socket"} since ${row.since}`,
  };
}

/** The lock of a name within a transaction. Two names have the same key once in 2^64 pairs: then they wait for each other. */
export function lockOf(name: string): { readonly key: string; readonly isShared: boolean } {
  const key = createHash("sha256").update(`invoked ${lockedName(name)}`).digest().readBigInt64BE();
  return { key: key.toString(), isShared: isSharedLock(name) };
}
