import { type Kysely, type Selectable, sql } from "kysely";
import { type Expired, expiredOf } from "./expired.ts";
import { firstIdOf } from "./invocation_search.ts";
import { fetchPage, type Page, type PageRequest } from "./paging.ts";
import type { PurgeTable, Schema } from "./schema.ts";

export type PurgeRow = Selectable<PurgeTable>;

/** Invocations that ended before a time. Unfinished invocations are never among them. */
export interface EndedInvocations {
  /** Undefined for all functions. */
  readonly functionId: string | undefined;
  readonly before: string;
}

/** Files of a function's commits, each with everything in these commits that has the same content. */
export interface FileSelection {
  readonly functionId: string;
  /** Undefined for every commit of the function. */
  readonly commitId: string | undefined;
  /** Undefined for all files. */
  readonly path: string | undefined;
}

/** A file of a commit. */
export interface CommitFile {
  readonly functionId: string;
  readonly commitId: string;
  readonly path: string;
}

/** A file of a commit with its content. */
export interface StoredFile extends CommitFile {
  readonly digest: string;
  readonly size: number;
}

/** What an erasure selects, or has erased. */
export interface PurgeSize {
  readonly invocations: number;
  readonly bytes: number;
}

/** The rows that one step has erased. */
export interface ErasedStep extends PurgeSize {
  /** The next step begins after this invocation; undefined if nothing is left. */
  readonly next: string | undefined;
}

/**
 * Limits of one step, so that no invocation waits for it. The last invocation or log line of a step may exceed the
 * bytes.
 */
const INVOCATIONS_PER_STEP_MAX = 50;
const LOG_LINES_PER_STEP_MAX = 500;
const BYTES_PER_STEP_MAX = 512 * 1024;

/** Files that are listed because they have the same content as selected files. */
const SAME_CONTENT_MAX = 100;

const INVOCATION_BYTES = sql<
  number
>`octet_length(input) + coalesce(octet_length(output), 0) + coalesce(octet_length(error), 0)
  + coalesce(octet_length(earlier_attempts), 0)`;
const LINE_BYTES = sql<number>`octet_length(message)`;

/** Reads purges, and what they would erase. */
export class PurgeReader {
  /** @param long reads what is long beside the event loop */
  constructor(protected readonly db: Kysely<Schema>, private readonly long: Kysely<Schema>) {}

  /** Purges of a function and of all functions, newest first. */
  list(functionId: string, page: PageRequest): Promise<Page<PurgeRow>> {
    const query = this.db.selectFrom("purges").selectAll()
      .where(({ or, eb }) => or([eb("functionId", "=", functionId), eb("functionId", "is", null)]));
    return fetchPage(query, "id", page);
  }

  get(id: string): Promise<PurgeRow> {
    return this.db.selectFrom("purges").selectAll().where("id", "=", id).executeTakeFirstOrThrow();
  }

  /** Purges that a stop or a failure has interrupted, oldest first. */
  unfinished(): Promise<PurgeRow[]> {
    return this.db.selectFrom("purges").selectAll().where("finishedAt", "is", null)
      .orderBy("id").execute();
  }

  /** The greatest id of the purged invocations of a function; undefined if none was purged. */
  async lastPurged(functionId: string): Promise<string | undefined> {
    const mark = await this.db.selectFrom("purgeMarks").select("lastId")
      .where("functionId", "=", functionId).executeTakeFirst();
    return mark?.lastId;
  }

  /** Blobs that are to be erased. */
  async blobs(): Promise<string[]> {
    const rows = await this.db.selectFrom("purgedBlobs").select("digest").execute();
    return rows.map(({ digest }) => digest);
  }

  /** What a purge of these invocations would erase. */
  async size(ended: EndedInvocations): Promise<PurgeSize> {
    const { invocations, bytes } = await endedIn(this.long, ended).select([
      sql<number>`count(*)`.as("invocations"),
      sql<number>`coalesce(sum(${INVOCATION_BYTES}), 0)`.as("bytes"),
    ]).executeTakeFirstOrThrow();
    const lines = await this.long.selectFrom("invocationLogs")
      .select(sql<number>`coalesce(sum(${LINE_BYTES}), 0)`.as("bytes"))
      .where("invocationId", "in", endedIn(this.long, ended).select("id"))
      .executeTakeFirstOrThrow();
    return { invocations, bytes: bytes + lines.bytes };
  }

  /** These invocations, but for those that ended before an earlier time. */
  async expired(ended: EndedInvocations, since: string): Promise<Expired> {
    const row = await endedIn(this.long, ended).where("updatedAt", ">=", since).select(({ fn }) => [
      fn.countAll<number | bigint>().as("count"),
      fn.min<string | null>("updatedAt").as("oldest"),
      fn.max<string | null>("updatedAt").as("newest"),
    ]).executeTakeFirstOrThrow();
    return expiredOf(row);
  }

  /** The selected files whose content is stored. */
  async files(selection: FileSelection): Promise<StoredFile[]> {
    const named = await selectedFiles(this.db, selection);
    if (named.length === 0) return [];
    const digests = [...new Set(named.map(({ digest }) => digest))];
    return await selectedFiles(this.db, { ...selection, path: undefined }, digests);
  }

  /** The first other files with one of these contents, in any function. */
  async sameContent(
    files: readonly StoredFile[],
    within: "all" | ReadonlySet<string>,
  ): Promise<CommitFile[]> {
    if (files.length === 0) return [];
    const own = new Set(files.map(({ commitId }) => commitId));
    let found = this.long.selectFrom("commitFiles")
      .innerJoin("commits", "commits.id", "commitFiles.commitId")
      .select(["commits.functionId", "commitFiles.commitId", "commitFiles.path"])
      .where("commitFiles.digest", "in", [...new Set(files.map(({ digest }) => digest))])
      .where("commitFiles.commitId", "not in", [...own]);
    if (within !== "all") found = found.where("commits.functionId", "in", [...within]);
    return await found.orderBy("commitFiles.commitId", "desc").orderBy("commitFiles.path")
      .limit(SAME_CONTENT_MAX).execute();
  }
}

/** Records purges, and erases. */
export class PurgeWriter extends PurgeReader {
  async insert(row: PurgeRow): Promise<void> {
    await this.db.insertInto("purges").values(row).execute();
  }

  async finish(id: string, finishedAt: string): Promise<void> {
    await this.db.updateTable("purges").set({ finishedAt }).where("id", "=", id).execute();
  }

  /**
   * Erases the first of these invocations after an id, with their log lines, up to the limits of a step. The log of an
   * invocation may need several steps; its row goes with the last lines.
   * @param purgeId counts what was erased; undefined for what no principal requested
   */
  async eraseInvocations(
    ended: EndedInvocations,
    after: string,
    purgeId: string | undefined,
  ): Promise<ErasedStep> {
    const begun = await begunIn(this.db, ended)
      .select(["id", "functionId", "status", "updatedAt", INVOCATION_BYTES.as("bytes")])
      .where("id", ">", after).orderBy("id").limit(INVOCATIONS_PER_STEP_MAX).execute();
    // Not in the query, which would read any number of running invocations.
    const found = begun.filter(({ status, updatedAt }) =>
      (status === "SUCCESS" || status === "ERROR") && updatedAt < ended.before
    );
    const last = begun.length < INVOCATIONS_PER_STEP_MAX ? undefined : begun.at(-1)?.id;
    if (found.length === 0) return { invocations: 0, bytes: 0, next: last };
    const rows = found.slice(0, countWithin(found, BYTES_PER_STEP_MAX));
    const lines = await this.#eraseLines(rows.map(({ id }) => id));
    const erased = rows.filter(({ id }) => lines.next === undefined || id < lines.next);
    if (erased.length > 0) await this.#eraseRows(erased);
    const bytes = erased.reduce((sum, row) => sum + row.bytes, lines.bytes);
    if (purgeId !== undefined) await this.#count(purgeId, { invocations: erased.length, bytes });
    const next = erased.length === found.length ? last : erased.at(-1)?.id ?? after;
    return { invocations: erased.length, bytes, next };
  }

  /** Leaves blobs to be erased. */
  async putBlobs(digests: readonly string[]): Promise<void> {
    for (const digest of new Set(digests)) {
      await this.db.insertInto("purgedBlobs").values({ digest })
        .onConflict((c) => c.column("digest").doNothing()).execute();
    }
  }

  /** Forgets blobs that are erased. */
  async deleteBlobs(digests: readonly string[]): Promise<void> {
    await this.db.deleteFrom("purgedBlobs").where("digest", "in", digests).execute();
  }

  /** Erases the first log lines of these invocations. `next` is the first invocation that has lines left. */
  async #eraseLines(
    ids: readonly string[],
  ): Promise<{ readonly bytes: number; readonly next: string | undefined }> {
    const lines = await this.db.selectFrom("invocationLogs")
      .select(["invocationId", "sequence", LINE_BYTES.as("bytes")])
      .where("invocationId", "in", ids).orderBy("invocationId").orderBy("sequence")
      .limit(LOG_LINES_PER_STEP_MAX + 1).execute();
    const count = Math.min(countWithin(lines, BYTES_PER_STEP_MAX), LOG_LINES_PER_STEP_MAX);
    const left = lines[count];
    const whole = ids.filter((id) => left === undefined || id < left.invocationId);
    if (lines.length > 0 && whole.length > 0) {
      await this.db.deleteFrom("invocationLogs").where("invocationId", "in", whole).execute();
    }
    if (left !== undefined) {
      await this.db.deleteFrom("invocationLogs").where("invocationId", "=", left.invocationId)
        .where("sequence", "<", left.sequence).execute();
    }
    const bytes = lines.slice(0, count).reduce((sum, line) => sum + line.bytes, 0);
    return { bytes, next: left?.invocationId };
  }

  async #eraseRows(rows: readonly { readonly id: string; readonly functionId: string }[]) {
    const ids = rows.map(({ id }) => id);
    await this.db.deleteFrom("outbox").where("invocationId", "in", ids).execute();
    await this.db.deleteFrom("invocations").where("id", "in", ids).execute();
    // The last one of each function, because they are in the order of their ids.
    const marks = new Map(rows.map(({ id, functionId }) => [functionId, id]));
    await this.db.insertInto("purgeMarks")
      .values(Array.from(marks, ([functionId, lastId]) => ({ functionId, lastId })))
      .onConflict((c) =>
        c.column("functionId").doUpdateSet({ lastId: sql.ref("excluded.last_id") })
          .whereRef("purgeMarks.lastId", "<", sql.ref("excluded.last_id"))
      ).execute();
  }

  async #count(id: string, { invocations, bytes }: PurgeSize): Promise<void> {
    await this.db.updateTable("purges").set(({ eb }) => ({
      invocations: eb("invocations", "+", invocations),
      bytes: eb("bytes", "+", bytes),
    })).where("id", "=", id).execute();
  }
}

/** Invocations that ended before the time. */
function endedIn(db: Kysely<Schema>, ended: EndedInvocations) {
  return begunIn(db, ended).where("status", "in", ["SUCCESS", "ERROR"])
    .where("updatedAt", "<", ended.before);
}

/**
 * Invocations that began before the time, or within its second, which ids encode; they include all that ended before.
 */
function begunIn(db: Kysely<Schema>, { functionId, before }: EndedInvocations) {
  const query = db.selectFrom("invocations").where("id", "<", firstIdOf(before, 1));
  return functionId === undefined ? query : query.where("functionId", "=", functionId);
}

async function selectedFiles(
  db: Kysely<Schema>,
  { functionId, commitId, path }: FileSelection,
  digests?: readonly string[],
): Promise<StoredFile[]> {
  let query = db.selectFrom("commitFiles")
    .innerJoin("commits", "commits.id", "commitFiles.commitId")
    .select([
      "commits.functionId",
      "commitFiles.commitId",
      "commitFiles.path",
      "commitFiles.size",
      "commitFiles.digest",
    ])
    .where("commits.functionId", "=", functionId).where("commitFiles.digest", "is not", null);
  if (commitId !== undefined) query = query.where("commitFiles.commitId", "=", commitId);
  if (path !== undefined) query = query.where("commitFiles.path", "=", path);
  if (digests !== undefined) query = query.where("commitFiles.digest", "in", digests);
  return await query.$narrowType<{ digest: string }>().execute();
}

/** How many of the first rows have at most this number of bytes together; at least one. */
function countWithin(rows: readonly { readonly bytes: number }[], bytesMax: number): number {
  let sum = 0;
  const beyond = rows.findIndex(({ bytes }, at) => {
    sum += bytes;
    return at > 0 && sum > bytesMax;
  });
  return beyond === -1 ? rows.length : beyond;
}
