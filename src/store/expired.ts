/** Rows that expire at a time of their own. Tables without it (invocations, audit events, volumes) have their own erasure. */
import { type Kysely, sql, type SqlBool } from "kysely";
import type { Schema } from "./schema.ts";

/** Where the rows of a kind are. Names are those of columns in the schema. */
interface Expiring {
  readonly table: keyof Schema;
  /** The column of the time; it has an index, or the table has few rows. */
  readonly time: string;
  /** Which rows of the table; all by default. */
  readonly only?: ReturnType<typeof sql<SqlBool>>;
  /** The columns of its primary key, for a table with many rows of the same time: they are erased a few at a time. */
  readonly key?: readonly string[];
  /** Rows of another table that belong to them, by the column that has their id. */
  readonly parts?: { readonly table: keyof Schema; readonly of: string };
}

const EXPIRING = {
  used_assertions: { table: "usedAssertions", time: "expiresAt" },
  sessions: {
    table: "consoleSessions",
    time: "expiresAt",
    parts: { table: "sessionConfirmations", of: "sessionId" },
  },
  session_links: { table: "sessionLinks", time: "expiresAt" },
  device_codes: { table: "deviceCodes", time: "expiresAt" },
  idempotency_keys: { table: "idempotencyKeys", time: "createdAt" },
  deliveries: { table: "deliveries", time: "receivedAt" },
  usage: { table: "usage", time: "day", key: ["day", "functionId", "principalId", "writer"] },
  open_commits: {
    table: "commits",
    time: "expiresAt",
    only: sql<SqlBool>`finalized_at is null`,
    parts: { table: "commitFiles", of: "commitId" },
  },
} as const satisfies Readonly<Record<string, Expiring>>;

export type ExpiringKind = keyof typeof EXPIRING;

/** Rows that retention erases. */
export interface Expired {
  readonly count: number;
  /** RFC 3339; undefined without a row. */
  readonly oldest: string | undefined;
  readonly newest: string | undefined;
}

/** A query's count with its least and its greatest time or day, as {@link Expired}. */
export function expiredOf(
  row: {
    readonly count: number | bigint | string;
    readonly oldest: string | null;
    readonly newest: string | null;
  },
): Expired {
  const { count, oldest, newest } = row;
  return { count: Number(count), oldest: timeOf(oldest), newest: timeOf(newest) };
}

/** A time; the start of a day. */
function timeOf(text: string | null): string | undefined {
  return text === null ? undefined : new Date(text).toISOString();
}

/** Any table: the kinds differ in tables and columns. */
type AnySchema = Record<string, Record<string, string>>;

/** Reads which rows have expired. */
export class ExpiredReader {
  /** @param long reads beside the event loop */
  constructor(protected readonly db: Kysely<Schema>, private readonly long: Kysely<Schema>) {}

  /** The rows of a kind whose time is before one. */
  async before(kind: ExpiringKind, time: string): Promise<Expired> {
    const { table, time: column } = EXPIRING[kind];
    const row = await anyOf(this.long).selectFrom(table).where(column, "<", time)
      .where(onlyOf(kind)).select(({ fn }) => [
        fn.countAll<number | bigint>().as("count"),
        fn.min<string | null>(column).as("oldest"),
        fn.max<string | null>(column).as("newest"),
      ]).executeTakeFirstOrThrow();
    return expiredOf(row);
  }
}

/** Erases rows that have expired. */
export class ExpiredWriter extends ExpiredReader {
  /**
   * Erases the oldest rows of a kind whose time is before one, with what belongs to them. Rows of the same millisecond go
   * together, unless the kind has a key.
   * @param limit rows that are erased at once, but for such
   * @returns how many were erased; fewer than the limit if none is left
   */
  async erase(kind: ExpiringKind, time: string, limit: number): Promise<number> {
    const { table, time: column, parts, key }: Expiring = EXPIRING[kind];
    const db = anyOf(this.db);
    if (key !== undefined) {
      const columns = sql.join(key.map((name) => sql.ref(name)));
      const oldest = db.selectFrom(table).select(key).where(column, "<", time).where(onlyOf(kind))
        .orderBy(column).limit(limit);
      const { numAffectedRows } = await sql`delete from ${sql.table(table)}
        where (${columns}) in (${oldest})`.execute(db);
      return Number(numAffectedRows);
    }
    const last = await db.selectFrom(table).select(`${column} as at`).where(column, "<", time)
      .where(onlyOf(kind)).orderBy(column).offset(limit - 1).limit(1).executeTakeFirst();
    const [is, end] = last === undefined ? ["<", time] as const : ["<=", last.at] as const;
    if (parts !== undefined) {
      const ids = db.selectFrom(table).select("id").where(column, is, end).where(onlyOf(kind));
      await db.deleteFrom(parts.table).where(parts.of, "in", ids).execute();
    }
    const { numDeletedRows } = await db.deleteFrom(table).where(column, is, end)
      .where(onlyOf(kind)).executeTakeFirst();
    return Number(numDeletedRows);
  }
}

function onlyOf(kind: ExpiringKind) {
  const { only }: Expiring = EXPIRING[kind];
  return only ?? sql<SqlBool>`1 = 1`;
}

function anyOf(db: Kysely<Schema>): Kysely<AnySchema> {
  return db as unknown as Kysely<AnySchema>;
}
