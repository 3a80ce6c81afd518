import { type Kysely, type RawBuilder, type Selectable, sql } from "kysely";
import { columnNames } from "../resources/field.ts";
import { INVOCATION_LIMITS, type LimitColumns } from "../resources/functions.ts";
import type { Content } from "../shared/json_text.ts";
import type { Capabilities } from "./dialect.ts";
import { FAILURE, type InvocationError } from "./failures.ts";
import type { InvocationFilter, InvocationFinder } from "./invocation_search.ts";
import { cut, type Page, type PageRequest } from "./paging.ts";
import type {
  DelayedInvocationTable,
  EarlierAttempt,
  IdempotencyKeyTable,
  InvocationLogTable,
  InvocationTable,
} from "./invocation_tables.ts";
import type { Schema } from "./schema.ts";

export type InvocationRow = Selectable<InvocationTable>;
export type InvocationLogRow = Selectable<InvocationLogTable>;
export type IdempotencyRow = Selectable<IdempotencyKeyTable>;
export type InvocationStatus = InvocationTable["status"];

/** The end of an invocation. */
export type InvocationEnd =
  | { readonly status: "SUCCESS"; readonly output: string }
  | { readonly status: "ERROR" } & InvocationError;

/** The end of an invocation with the versions of its volume. */
export interface InvocationConclusion {
  readonly end: InvocationEnd;
  /** Undefined if it had no volume. */
  readonly volumeVersionRead?: number;
  /** Undefined if it did not change the volume. */
  readonly volumeVersionWritten?: number;
  /** JSON of the request that it answered; undefined for none. */
  readonly http?: string | undefined;
  /** Whether the status of that answer is from 500 on. */
  readonly failedAnswer?: boolean | undefined;
  /** Undefined if it got no process. */
  readonly processKind?: InvocationRow["processKind"] | undefined;
  /** Undefined if nothing was measured. */
  readonly measures?: MeasureColumns | undefined;
}

/** What the attempt of an end took. */
export type MeasureColumns = Pick<InvocationRow, "durationMicros" | "cpuMicros" | "measured">;

/**
 * An invocation with its input and output as they are stored: the UTF-8 text of JSON objects. It was validated when it was
 * stored, so whoever passes it on need not parse it.
 */
export type InvocationRecord = Omit<InvocationRow, UnrecordedColumn> & {
  readonly input: Content;
  readonly output: Content | null;
  /** The error code of its failure, see `failures.ts`; null unless it failed. */
  readonly failure: string | null;
  /** What it waits for; null if it waits for a slot, or not any more. */
  readonly waitsFor: DelayedInvocationTable["reason"] | null;
};

/** What may be read of an invocation again and again. */
export type InvocationState = Pick<InvocationRow, "id" | "status" | "traceparent">;

/** An invocation without its input and output: any number of them is short. */
export type InvocationOverview = Omit<InvocationRecord, ContentColumn> & {
  /** The first characters of the JSON text of its input. */
  readonly inputPreview: string;
};

/** Characters of an input that {@link InvocationOverview} has. */
const PREVIEW_CHARACTERS = 300;
/**
 * Longest input or output, in bytes, that is read together with the row. A longer text is read beside the event loop.
 */
export const INLINE_CONTENT_BYTES_MAX = 16 * 1024;
/** Most content of a page that is read together with its rows. */
const INLINE_PAGE_BYTES_MAX = 256 * 1024;

type ContentColumn = "input" | "output";
/** Columns that a record has not, or not as they are stored. */
type UnrecordedColumn = ContentColumn | "variables" | "errorCode";

/** How many invocations run and wait, and the bytes of the inputs of waiting ones. */
export interface UnfinishedInvocations {
  readonly running: number;
  readonly waiting: number;
  /** Waiting invocations without an owner, and when the oldest began to wait. Others wait in the engine of their owner. */
  readonly unclaimed: number;
  readonly unclaimedSince: string | null;
  readonly waitingBytes: number;
}

/** One attempt of an invocation: only its owner may record something about it, and only while no later attempt has begun. */
export interface AttemptKey {
  readonly id: string;
  /** The id of a node. */
  readonly owner: string;
  /** Its number; 0 before the first attempt. */
  readonly attempt: number;
}

/** A function with invocations that wait for a claim. */
export interface WaitingFunction {
  readonly functionId: string;
  /** Id of the invocation that has waited longest. */
  readonly oldest: string;
  /** Its waiting invocations, and the smallest memory limit among them; 0 without one. */
  readonly waiting: number;
  readonly memoryBytes: number;
  /** Its running invocations, on any node. */
  readonly running: number;
}

/** An invocation that has not ended and whose owner does not live, or was never known. */
export type OrphanedInvocation = InvocationRow & { readonly owner: string };

export const INVOCATION_COLUMNS = [
  ...columnNames(INVOCATION_LIMITS),
  ...Object.keys(
    {
      id: true,
      functionId: true,
      commitId: true,
      principalId: true,
      parentInvocationId: true,
      depth: true,
      processReuse: true,
      mode: true,
      status: true,
      input: true,
      output: true,
      error: true,
      errorCode: true,
      variables: true,
      volumeId: true,
      volumeVersionRead: true,
      volumeVersionWritten: true,
      processKind: true,
      attempt: true,
      maxAttempts: true,
      owner: true,
      worker: true,
      triggerKind: true,
      triggerId: true,
      notBefore: true,
      startedAt: true,
      earlierAttempts: true,
      skipReason: true,
      retryPolicy: true,
      parkedAt: true,
      destinationDepth: true,
      concurrencyKey: true,
      http: true,
      failedAnswer: true,
      durationMicros: true,
      cpuMicros: true,
      measured: true,
      traceparent: true,
      tracestate: true,
      createdAt: true,
      updatedAt: true,
    } satisfies Record<Exclude<keyof InvocationRow, keyof LimitColumns>, true>,
  ),
] as (keyof InvocationRow)[];

const UNRECORDED: readonly string[] = [
  "input",
  "output",
  "variables",
  "errorCode",
] satisfies UnrecordedColumn[];
const RECORD_COLUMNS = INVOCATION_COLUMNS.filter((
  column,
): column is Exclude<keyof InvocationRow, UnrecordedColumn> => !UNRECORDED.includes(column));

const failure = FAILURE.as("failure");

const waitsFor = sql<InvocationRecord["waitsFor"]>`case when status = 'PENDING' then (
  select reason from delayed_calls where invocation_id = invocations.id) end`.as("waitsFor");

/** The attempts of an invocation before the last one, oldest first. */
export function earlierAttempts(
  { earlierAttempts: json }: Pick<InvocationRow, "earlierAttempts">,
): EarlierAttempt[] {
  return json === null ? [] : JSON.parse(json) as EarlierAttempt[];
}

/** Reads idempotency keys. */
export class IdempotencyKeyReader {
  constructor(protected readonly db: Kysely<Schema>) {}

  idempotencyKey(
    principalId: string,
    functionId: string,
    key: string,
  ): Promise<IdempotencyRow | undefined> {
    return this.db.selectFrom("idempotencyKeys").selectAll().where("principalId", "=", principalId)
      .where("functionId", "=", functionId).where("key", "=", key).executeTakeFirst();
  }
}

/** What reads beside the event loop. */
interface LongReads {
  readonly long: Kysely<Schema>;
  readonly finder: InvocationFinder;
}

/** Reads invocations, their logs and idempotency keys. */
export class InvocationReader extends IdempotencyKeyReader {
  constructor(
    db: Kysely<Schema>,
    private readonly capabilities: Capabilities,
    private readonly reads: LongReads,
  ) {
    super(db);
  }

  async get(functionId: string, id: string): Promise<InvocationRecord | undefined> {
    const records = this.#records(INLINE_CONTENT_BYTES_MAX);
    const row = await records.where("id", "=", id).where("functionId", "=", functionId)
      .executeTakeFirst();
    return row && this.#recordOf(row);
  }

  /** An invocation of any function. */
  async getAny(id: string): Promise<InvocationRecord | undefined> {
    const row = await this.#records(INLINE_CONTENT_BYTES_MAX).where("id", "=", id)
      .executeTakeFirst();
    return row && this.#recordOf(row);
  }

  state(functionId: string, id: string): Promise<InvocationState | undefined> {
    return this.db.selectFrom("invocations").select(["id", "status", "traceparent"])
      .where("id", "=", id).where("functionId", "=", functionId).executeTakeFirst();
  }

  /** Invocations, newest first. */
  async search(filter: InvocationFilter, page: PageRequest): Promise<Page<InvocationRecord>> {
    const { rows: found, next } = await this.reads.finder.findWhole(filter, page);
    if (found.length === 0) return { rows: [], next };
    const bytes = found.reduce((sum, { contentBytes }) => sum + contentBytes, 0);
    const inlineMax = bytes <= INLINE_PAGE_BYTES_MAX ? INLINE_CONTENT_BYTES_MAX : 0;
    const rows = await this.#records(inlineMax).where("id", "in", found.map(({ id }) => id))
      .orderBy("id", "desc").execute();
    return { rows: rows.map((row) => this.#recordOf(row)), next };
  }

  /** As {@link search}, without inputs and outputs. */
  async overview(filter: InvocationFilter, page: PageRequest): Promise<Page<InvocationOverview>> {
    const { rows: found, next } = await this.reads.finder.find(filter, page);
    if (found.length === 0) return { rows: [], next };
    const ids = found.map(({ id }) => id);
    const [rows, previews] = await Promise.all([
      this.db.selectFrom("invocations").select([...RECORD_COLUMNS, failure, waitsFor])
        .where("id", "in", ids).orderBy("id", "desc").execute(),
      // The database reads a whole input for its first characters.
      this.reads.long.selectFrom("invocations")
        .select(["id", sql<string>`substr(input, 1, ${PREVIEW_CHARACTERS})`.as("inputPreview")])
        .where("id", "in", ids).execute(),
    ]);
    const previewOf = new Map(previews.map(({ id, inputPreview }) => [id, inputPreview]));
    return {
      rows: rows.map((row) => ({ ...row, inputPreview: previewOf.get(row.id) ?? "" })),
      next,
    };
  }

  /** A stored input or output. */
  async content(id: string, column: ContentColumn): Promise<Uint8Array> {
    const { bytes } = await this.reads.long.selectFrom("invocations")
      .select(this.capabilities.bytesOf(sql.ref(column)).as("bytes"))
      .where("id", "=", id).executeTakeFirstOrThrow();
    return bytes;
  }

  /** @param inlineMax bytes of the longest content to read together with its row */
  #records(inlineMax: number) {
    const bytes = (column: ContentColumn) => sql<number | null>`octet_length(${sql.ref(column)})`;
    const inline = (column: ContentColumn) =>
      sql<Uint8Array | null>`case when octet_length(${sql.ref(column)}) <= ${
        sql.lit(inlineMax)
      } then ${this.capabilities.bytesOf(sql.ref(column))} end`;
    return this.db.selectFrom("invocations").select([
      ...RECORD_COLUMNS,
      bytes("input").as("inputBytes"),
      inline("input").as("input"),
      bytes("output").as("outputBytes"),
      inline("output").as("output"),
      failure,
      waitsFor,
    ]);
  }

  #recordOf(
    { inputBytes, outputBytes, ...row }:
      & Omit<InvocationRow, UnrecordedColumn>
      & Pick<InvocationRecord, "failure" | "waitsFor">
      & Record<`${ContentColumn}Bytes`, number | null>
      & Record<ContentColumn, Uint8Array | null>,
  ): InvocationRecord {
    const content = (column: ContentColumn, byteLength: number): Content =>
      row[column] ?? { byteLength, read: () => this.content(row.id, column) };
    return {
      ...row,
      input: content("input", inputBytes ?? 0),
      output: outputBytes === null ? null : content("output", outputBytes),
    };
  }

  /** Invocations that have not ended, and whose owner is not one of these nodes, oldest first. */
  async orphaned(liveNodeIds: readonly string[]): Promise<OrphanedInvocation[]> {
    return await this.#unfinished().where("owner", "is not", null)
      .where("owner", "not in", liveNodeIds).$narrowType<{ owner: string }>().execute();
  }

  /** Invocations of an owner that have not ended; where there are unfinished ones at all, it reads beside the event loop. */
  async ownedBy(owner: string): Promise<Pick<InvocationRow, "id" | "attempt">[]> {
    const any = await this.#unfinished().clearSelect().select("id").limit(1).executeTakeFirst();
    if (any === undefined) return [];
    return await this.#unfinished(this.reads.long).clearSelect().select(["id", "attempt"])
      .where("owner", "=", owner).execute();
  }

  /** Invocations that wait for a claim of any node, oldest first. */
  unclaimed(limit: number): Promise<Pick<InvocationRow, "id">[]> {
    return this.#unfinished().clearSelect().select("id")
      .where("status", "=", "PENDING").where("owner", "is", null)
      .where("id", "not in", this.db.selectFrom("delayedCalls").select("invocationId"))
      .limit(limit).execute();
  }

  /**
   * The oldest invocation of each function that waits for a claim; functions with the fewest running invocations first.
   * @param maximum invocations with more memory are left out
   */
  async nextUnclaimed(
    limit: number,
    maximum: { readonly maxMemoryBytes?: number | undefined } = {},
  ): Promise<WaitingFunction[]> {
    const { maxMemoryBytes = Number.MAX_SAFE_INTEGER } = maximum;
    const isWaiting = sql`status = 'PENDING' and owner is null
      and coalesce(memory_bytes, 0) <= ${maxMemoryBytes}
      and id not in (select invocation_id from delayed_calls)`;
    const oldest = sql<string>`min(case when ${isWaiting} then id end)`;
    // As numbers in both databases.
    const number = (sum: RawBuilder<unknown>) => sql<number>`cast(${sum} as double precision)`;
    return await this.#unfinished().clearSelect().clearOrderBy().select([
      "functionId",
      oldest.as("oldest"),
      number(sql`sum(case when ${isWaiting} then 1 else 0 end)`).as("waiting"),
      number(sql`min(case when ${isWaiting} then coalesce(memory_bytes, 0) end)`).as("memoryBytes"),
      number(sql`sum(case when status = 'RUNNING' then 1 else 0 end)`).as("running"),
    ])
      .groupBy("functionId").having(oldest, "is not", null)
      .orderBy("running").orderBy("oldest").limit(limit).execute();
  }

  /** Unfinished invocations that came from outside, except invocations that wait for a planned time. */
  unfinishedInvocations(): Promise<UnfinishedInvocations> {
    const isWaiting = sql`status = 'PENDING'`;
    const isUnclaimed = sql`${isWaiting} and owner is null`;
    const sum = (value: RawBuilder<unknown>) => sql<number>`coalesce(sum(${value}), 0)`;
    return this.#unfinished().clearSelect().clearOrderBy().select([
      sum(sql`case when ${isWaiting} then 0 else 1 end`).as("running"),
      sum(sql`case when ${isWaiting} then 1 else 0 end`).as("waiting"),
      sum(sql`case when ${isUnclaimed} then 1 else 0 end`).as("unclaimed"),
      sql<string | null>`min(case when ${isUnclaimed} then updated_at end)`.as("unclaimedSince"),
      sum(sql`case when ${isWaiting} then octet_length(input) else 0 end`).as("waitingBytes"),
    ])
      .where("parentInvocationId", "is", null)
      .where("id", "not in", this.db.selectFrom("delayedCalls").select("invocationId"))
      .executeTakeFirstOrThrow();
  }

  /** The whole row, whatever its function. */
  row(id: string): Promise<InvocationRow | undefined> {
    return this.db.selectFrom("invocations").selectAll().where("id", "=", id).executeTakeFirst();
  }

  #unfinished(db = this.db) {
    return db.selectFrom("invocations").selectAll()
      // In the words of the partial index, and with its first column: it is small, however long the history is.
      .where(sql<boolean>`status <> 'SUCCESS' and status in ('PENDING', 'RUNNING')`)
      .where("functionId", "in", this.db.selectFrom("functions").select("id"))
      .orderBy("id");
  }

  /** Log lines after a sequence number, in order; the next page begins after `next`. */
  async logs(
    invocationId: string,
    after: number,
    size: number,
  ): Promise<{ rows: InvocationLogRow[]; next: number | undefined }> {
    const rows = await this.db.selectFrom("invocationLogs").selectAll()
      .where("invocationId", "=", invocationId).where("sequence", ">", after)
      .orderBy("sequence").limit(size + 1).execute();
    const page = cut(rows.map((row) => ({ ...row, id: String(row.sequence) })), size);
    return { rows: page.rows, next: page.next === undefined ? undefined : Number(page.next) };
  }
}
