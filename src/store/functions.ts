import { type Kysely, type Selectable, sql, type Updateable } from "kysely";
import { columnNames } from "../resources/field.ts";
import {
  type FunctionSettings,
  INVOCATION_LIMITS,
  type LimitColumns,
} from "../resources/functions.ts";
import type { Capabilities } from "./dialect.ts";
import { containing, fetchPage, type Page, type PageRequest } from "./paging.ts";
import type { CommitRow } from "./commits.ts";
import type { RowReads } from "./row_cache.ts";
import type { DestinationSecretTable } from "./invocation_tables.ts";
import type { FunctionSecretTable, FunctionTable, PublishTable, Schema } from "./schema.ts";

export type FunctionRow = Selectable<FunctionTable>;
type FunctionSecretRow = Selectable<FunctionSecretTable>;
type DestinationSecretRow = Selectable<DestinationSecretTable>;
type PublishRow = Selectable<PublishTable>;
/** A publish with what is shown of its commit; null without a commit. */
export type DescribedPublishRow =
  & PublishRow
  & { readonly [Column in "message" | "purgedAt"]: CommitRow[Column] | null };

/** Which functions a search finds. */
export interface FunctionSearch {
  /** Text to find in display name or description, or a whole id; empty matches all. */
  readonly query: string;
  /** Empty means any. */
  readonly functionTypes: readonly FunctionSettings["functionType"][];
  /** The functions that the caller may see. */
  readonly within: "all" | ReadonlySet<string>;
}

/** A published script for which instances wait, with the limits of its function. */
interface ProvisionedScript extends LimitColumns, Pick<FunctionRow, "evaluation"> {
  readonly scriptDigest: string;
  readonly sourceMapDigest: string;
  readonly count: number;
}

/** Reads functions and their secrets. */
export class FunctionReader {
  constructor(
    protected readonly db: Kysely<Schema>,
    protected readonly capabilities: Capabilities,
    private readonly cache: RowReads,
  ) {}

  get(id: string): Promise<FunctionRow | undefined> {
    return this.cache.read(
      `function ${id}`,
      () => this.db.selectFrom("functions").selectAll().where("id", "=", id).executeTakeFirst(),
    );
  }

  /** Whether a function exists or existed. */
  async any(): Promise<boolean> {
    const row = await this.db.selectFrom("functions").select("id").limit(1).executeTakeFirst();
    return row !== undefined;
  }

  /** Functions that are not deleted, newest first. */
  search(
    { query, functionTypes, within }: FunctionSearch,
    page: PageRequest,
  ): Promise<Page<FunctionRow>> {
    let select = this.db.selectFrom("functions").selectAll().where("deletedAt", "is", null);
    const types = functionTypes as readonly FunctionRow["functionType"][];
    if (types.length > 0) select = select.where("functionType", "in", types);
    if (within !== "all") select = select.where("id", "in", [...within]);
    if (query !== "") {
      const like = sql.raw(this.capabilities.caseInsensitiveLike);
      const pattern = containing(query);
      select = select.where((where) =>
        where.or([
          sql<boolean>`${sql.ref("displayName")} ${like} ${pattern} escape '\\'`,
          sql<boolean>`${sql.ref("description")} ${like} ${pattern} escape '\\'`,
          where("id", "=", query),
        ])
      );
    }
    return fetchPage(select, "id", page);
  }

  /** The publishes of a function, newest first. */
  publishes(functionId: string, page: PageRequest): Promise<Page<DescribedPublishRow>> {
    const query = this.db.selectFrom("publishes")
      .leftJoin("commits", "commits.id", "publishes.commitId")
      .selectAll("publishes").select(["commits.message", "commits.purgedAt"])
      .where("publishes.functionId", "=", functionId);
    return fetchPage(query, "publishes.id", page);
  }

  /** Names of functions by their ids, including deleted functions. */
  async displayNames(ids: readonly string[]): Promise<[id: string, displayName: string][]> {
    const rows = await this.db.selectFrom("functions").select(["id", "displayName"])
      .where("id", "in", ids).execute();
    return rows.map(({ id, displayName }) => [id, displayName]);
  }

  /** The functions with their own retention, including deleted functions. */
  async withRetention(): Promise<{ readonly id: string; readonly retentionMs: number }[]> {
    return await this.db.selectFrom("functions").select(["id", "retentionMs"])
      .where("retentionMs", "is not", null).orderBy("id")
      .$narrowType<{ retentionMs: number }>().execute();
  }

  /** The published code that has provisioned instances, and their number. */
  provisioned(): Promise<readonly ProvisionedScript[]> {
    return this.cache.read("provisioned", () => this.#provisioned());
  }

  async #provisioned() {
    const rows = await this.db.selectFrom("functions")
      .innerJoin("commits", "commits.id", "functions.publishedCommitId")
      .select([
        "commits.scriptDigest",
        "commits.sourceMapDigest",
        "functions.provisionedConcurrency as count",
        "functions.evaluation",
      ])
      .select(columnNames(INVOCATION_LIMITS).map((column) => `functions.${column}` as const))
      .where("functions.deletedAt", "is", null)
      .where("functions.provisionedConcurrency", ">", 0)
      .orderBy("functions.id")
      .execute();
    return rows.flatMap(({ scriptDigest, sourceMapDigest, ...row }) =>
      scriptDigest === null || sourceMapDigest === null
        ? []
        : [{ scriptDigest, sourceMapDigest, ...row }]
    );
  }

  /** The oldest other function, unless it is deleted, with this destination. @param json as it is stored */
  async withDestination(json: string, exceptId: string): Promise<string | undefined> {
    const row = await this.db.selectFrom("functions").select("id")
      .where(({ or, eb }) => or([eb("onSuccess", "=", json), eb("onFailure", "=", json)]))
      .where("id", "<>", exceptId).where("deletedAt", "is", null)
      .orderBy("id").limit(1).executeTakeFirst();
    return row?.id;
  }

  /** The sealed secret of a destination. */
  async destinationSecret(functionId: string, event: string): Promise<Uint8Array | undefined> {
    const row = await this.db.selectFrom("destinationSecrets").select("sealed")
      .where("functionId", "=", functionId).where("event", "=", event).executeTakeFirst();
    return row?.sealed;
  }

  /** The sealed secrets of all destinations. */
  destinationSecrets(): Promise<DestinationSecretRow[]> {
    return this.db.selectFrom("destinationSecrets").selectAll().orderBy("functionId")
      .orderBy("event").execute();
  }

  /** The oldest function, unless it is deleted, whose invocations get this volume. */
  async boundTo(volumeId: string): Promise<string | undefined> {
    const row = await this.db.selectFrom("functions").select("id")
      .where("volumeId", "=", volumeId).where("deletedAt", "is", null)
      .orderBy("id").limit(1).executeTakeFirst();
    return row?.id;
  }

  /** The functions, unless they are deleted, that are bound to a principal, newest first. */
  bindings(
    { functionId, principalId }: {
      readonly functionId?: string | undefined;
      readonly principalId?: string | undefined;
    },
    page: PageRequest,
  ): Promise<Page<FunctionRow>> {
    let query = this.db.selectFrom("functions").selectAll().where("deletedAt", "is", null)
      .where("principalId", "is not", null);
    if (functionId !== undefined) query = query.where("id", "=", functionId);
    if (principalId !== undefined) query = query.where("principalId", "=", principalId);
    return fetchPage(query, "id", page);
  }

  /** The names of functions, unless they are deleted, that have a role by themselves, oldest first. */
  async namesWithRole(roleId: string, limit: number): Promise<string[]> {
    const rows = await this.db.selectFrom("functions").select("displayName")
      .where("deletedAt", "is", null).where("scopedRoleIds", "like", `%"${roleId}"%`)
      .orderBy("id").limit(limit).execute();
    return rows.map(({ displayName }) => displayName);
  }

  /** The functions, unless they are deleted, that call a tenant, oldest first. */
  async ofTenant(tenantId: string): Promise<FunctionRow[]> {
    return await this.db.selectFrom("functions").selectAll()
      .where("deletedAt", "is", null).where("tenant", "like", `%"id":"${tenantId}"%`)
      .orderBy("id").execute();
  }

  /** Names of a function's secrets, sorted. */
  async secretNames(functionId: string): Promise<string[]> {
    const rows = await this.db.selectFrom("functionSecrets").select("name")
      .where("functionId", "=", functionId).orderBy("name").execute();
    return rows.map((row) => row.name);
  }

  /** A function's secrets with their sealed values. */
  secrets(functionId: string): Promise<readonly FunctionSecretRow[]> {
    return this.cache.read(
      `secrets of ${functionId}`,
      () =>
        this.db.selectFrom("functionSecrets").selectAll()
          .where("functionId", "=", functionId).orderBy("name").execute(),
    );
  }

  /** Ids of the functions that have secrets. */
  async withSecrets(): Promise<string[]> {
    const rows = await this.db.selectFrom("functionSecrets").select("functionId").distinct()
      .orderBy("functionId").execute();
    return rows.map(({ functionId }) => functionId);
  }

  /** Names of the secrets of several functions. */
  async secretNamesOf(functionIds: readonly string[]): Promise<Map<string, string[]>> {
    const names = new Map<string, string[]>(functionIds.map((id) => [id, []]));
    if (functionIds.length === 0) return names;
    const rows = await this.db.selectFrom("functionSecrets").select(["functionId", "name"])
      .where("functionId", "in", functionIds).orderBy("name").execute();
    for (const row of rows) names.get(row.functionId)?.push(row.name);
    return names;
  }
}

/** Writes functions and their secrets. */
export class FunctionWriter extends FunctionReader {
  async insert(row: FunctionRow): Promise<void> {
    await this.db.insertInto("functions").values(row).execute();
  }

  async update(id: string, change: Updateable<FunctionTable>): Promise<void> {
    await this.db.updateTable("functions").set(change).where("id", "=", id).execute();
  }

  async insertPublish(row: PublishRow): Promise<void> {
    await this.db.insertInto("publishes").values(row).execute();
  }

  async putSecret(functionId: string, name: string, sealed: Uint8Array): Promise<void> {
    await this.db.insertInto("functionSecrets").values({ functionId, name, sealed })
      .onConflict((c) => c.columns(["functionId", "name"]).doUpdateSet({ sealed })).execute();
  }

  async putDestinationSecret(row: DestinationSecretRow): Promise<void> {
    await this.db.insertInto("destinationSecrets").values(row)
      .onConflict((c) => c.columns(["functionId", "event"]).doUpdateSet({ sealed: row.sealed }))
      .execute();
  }

  async deleteDestinationSecret(functionId: string, event: string): Promise<void> {
    await this.db.deleteFrom("destinationSecrets").where("functionId", "=", functionId)
      .where("event", "=", event).execute();
  }

  async deleteSecret(functionId: string, name: string): Promise<void> {
    await this.db.deleteFrom("functionSecrets").where("functionId", "=", functionId)
      .where("name", "=", name).execute();
  }
}
