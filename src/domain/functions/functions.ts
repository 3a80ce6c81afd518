import type { FunctionRow } from "../../store/functions.ts";
import type { Store } from "../../store/mod.ts";
import type { SourceFiles } from "../../builder/mod.ts";
import type { Commits } from "../commits/commits.ts";
import { invalid } from "../errors.ts";
import type { Ids } from "../ids.ts";
import type { Principal } from "../identity/mod.ts";
import { anyFunction, finalizedCommit, liveFunction } from "../references.ts";
import type { ListPage, PageQuery, Pages } from "../paging.ts";
import type { CommitRow } from "../../store/commits.ts";
import { entryFault } from "../../sandbox/mod.ts";
import type { Provisioning } from "./provisioning.ts";
import type { Publishes } from "./publishes.ts";
import type { Secrets } from "./secrets.ts";
import { maskedFields, type UpdateMask } from "./update_mask.ts";

/** Function types of the API; UNSPECIFIED becomes ANY on create. */
export const FUNCTION_TYPES = [
  "FUNCTION_TYPE_UNSPECIFIED",
  "FUNCTION_TYPE_ANY",
  "FUNCTION_TYPE_CODE_MODE",
] as const;
export type FunctionType = (typeof FUNCTION_TYPES)[number];

export const DISPLAY_NAME_CHARS_MAX = 256;
export const DESCRIPTION_CHARS_MAX = 4096;
export const ALLOWLIST_ENTRIES_MAX = 256;
export const SECRETS_MAX = 100;
export const SECRET_VALUE_BYTES_MAX = 64 * 1024;
export const PROVISIONED_CONCURRENCY_MAX = 100;
export const SCOPED_ROLES_MAX = 100;

const UPDATABLE = [
  "displayName",
  "description",
  "functionType",
  "publishedCommitId",
  "outboundNetworkAllowlist",
  "secret",
  "provisionedConcurrency",
  "processReuse",
  "scopedRoleIds",
] as const;
type Updatable = (typeof UPDATABLE)[number];

/** How many calls a process runs: one, or one after another. UNSPECIFIED in a request means NONE. */
export const PROCESS_REUSES = [
  "PROCESS_REUSE_UNSPECIFIED",
  "PROCESS_REUSE_NONE",
  "PROCESS_REUSE_SEQUENTIAL",
] as const;
export type ProcessReuse = (typeof PROCESS_REUSES)[number];

/** A function with the names of its secrets; their values never leave the server. */
export interface FunctionView {
  readonly row: FunctionRow;
  readonly secretNames: readonly string[];
}

/** The fields of a function that a caller can set. */
export interface FunctionChange {
  readonly displayName?: string | undefined;
  readonly description?: string | undefined;
  readonly functionType?: FunctionType | undefined;
  readonly publishedCommitId?: string | undefined;
  readonly outboundNetworkAllowlist?: readonly string[] | undefined;
  readonly secret?: Readonly<Record<string, string>> | undefined;
  readonly provisionedConcurrency?: number | undefined;
  readonly processReuse?: ProcessReuse | undefined;
  readonly scopedRoleIds?: readonly string[] | undefined;
}

export interface CreateFunction {
  readonly displayName: string;
  readonly description: string;
  readonly functionType: FunctionType;
  readonly processReuse: ProcessReuse;
  /** Files of the first commit; undefined makes a function without code. */
  readonly initialContent?: SourceFiles | undefined;
  readonly commitMessage: string;
}

export interface UpdateFunction {
  readonly id: string;
  readonly change: FunctionChange;
  readonly mask: UpdateMask | undefined;
  /** Files of a new head commit, whatever the mask says. */
  readonly content: SourceFiles | undefined;
  readonly commitMessage: string;
}

/** The fault of an entry of an allowlist, continuing "... the entry"; undefined for a valid entry. */
export const allowlistEntryFault = entryFault;

/** Functions: the named things that commits belong to and that callers invoke. */
export class Functions {
  constructor(
    private readonly store: Store,
    private readonly commits: Commits,
    private readonly secrets: Secrets,
    private readonly publishes: Publishes,
    private readonly provisioning: Provisioning,
    private readonly pages: Pages,
    private readonly ids: Ids,
  ) {}

  /** Makes a function and, where content was given, its first commit: both or neither. */
  async create(
    by: Principal,
    spec: CreateFunction,
  ): Promise<{ fn: FunctionView; commit: CommitRow | undefined }> {
    const id = this.ids.next();
    const commit = spec.initialContent === undefined ? undefined : await this.commits.build(
      { functionId: id, by, message: spec.commitMessage, field: "initialContent" },
      spec.initialContent,
    );
    const now = new Date().toISOString();
    const row: FunctionRow = {
      id,
      displayName: spec.displayName,
      description: spec.description,
      functionType: typeOrAny(spec.functionType),
      head: commit?.row.id ?? null,
      publishedCommitId: null,
      isDraft: 1,
      outboundNetworkAllowlist: "[]",
      provisionedConcurrency: 0,
      processReuse: reuseOrNone(spec.processReuse),
      scopedRoleIds: "[]",
      createdAt: now,
      updatedAt: now,
      deletedAt: null,
    };
    await this.store.write(async (tx) => {
      await tx.functions.insert(row);
      await commit?.insert(tx);
    });
    commit?.written();
    return { fn: { row, secretNames: [] }, commit: commit?.row };
  }

  /** A function, deleted or not; a deleted one has `deletedAt`. */
  async get(id: string): Promise<FunctionView> {
    return await this.#view(await anyFunction(this.store.read, id));
  }

  /** Functions that were not deleted, newest first. */
  async search(
    filter: { readonly query: string; readonly functionTypes: readonly FunctionType[] },
    query: PageQuery,
  ): Promise<ListPage<FunctionView>> {
    const page = this.pages.open(["functions", filter.query, filter.functionTypes], query);
    const { rows, next } = await this.store.read.functions.search(filter, page);
    const names = await this.store.read.functions.secretNamesOf(rows.map(({ id }) => id));
    return {
      list: rows.map((row) => ({ row, secretNames: names.get(row.id) ?? [] })),
      nextPageToken: page.tokenFor(next),
    };
  }

  /** Changes the masked fields and, where content was given, makes a new head commit: all or nothing. */
  async update(
    by: Principal,
    update: UpdateFunction,
  ): Promise<{ fn: FunctionView; commit: CommitRow | undefined }> {
    const fn = await liveFunction(this.store.read, update.id);
    const fields = maskedFields(update.mask, UPDATABLE, Object.keys(update.change));
    const columns = await this.#columns(fn, update.change, fields);
    const commit = update.content === undefined ? undefined : await this.commits.build(
      { functionId: fn.id, by, message: update.commitMessage, field: "content" },
      update.content,
    );
    await this.store.write(async (tx) => {
      await commit?.insert(tx);
      const head = commit === undefined ? {} : { head: commit.row.id };
      const { publishedCommitId } = columns;
      if (publishedCommitId !== undefined) {
        await this.publishes.record(tx, by, fn.id, publishedCommitId);
      }
      await tx.functions.update(fn.id, {
        ...columns,
        ...head,
        updatedAt: new Date().toISOString(),
      });
      if (fields.has("secret")) await this.secrets.write(tx, fn.id, update.change.secret ?? {});
    });
    this.provisioning.refresh();
    commit?.written();
    return { fn: await this.get(fn.id), commit: commit?.row };
  }

  /** Marks the function as deleted. Its commits and invocations stay readable. */
  async delete(id: string): Promise<void> {
    const fn = await liveFunction(this.store.read, id);
    const now = new Date().toISOString();
    await this.store.write((tx) => tx.functions.update(fn.id, { deletedAt: now, updatedAt: now }));
    this.provisioning.refresh();
  }

  async #view(row: FunctionRow): Promise<FunctionView> {
    return { row, secretNames: await this.store.read.functions.secretNames(row.id) };
  }

  async #columns(fn: FunctionRow, change: FunctionChange, fields: ReadonlySet<Updatable>) {
    if (fields.has("displayName") && !change.displayName) {
      throw invalid({ field: "function.displayName", description: "must not be empty" });
    }
    const publishedCommitId = fields.has("publishedCommitId")
      ? await this.#commitToPublish(fn, change.publishedCommitId ?? "")
      : undefined;
    const all = {
      displayName: change.displayName ?? "",
      description: change.description ?? "",
      functionType: typeOrAny(change.functionType ?? "FUNCTION_TYPE_UNSPECIFIED"),
      outboundNetworkAllowlist: JSON.stringify(change.outboundNetworkAllowlist ?? []),
      provisionedConcurrency: change.provisionedConcurrency ?? 0,
      processReuse: reuseOrNone(change.processReuse ?? "PROCESS_REUSE_UNSPECIFIED"),
      scopedRoleIds: JSON.stringify(change.scopedRoleIds ?? []),
    };
    const chosen = Object.entries(all).filter(([field]) => fields.has(field as Updatable));
    return {
      ...Object.fromEntries(chosen) as Partial<typeof all>,
      ...publishedCommitId === undefined ? {} : { publishedCommitId },
      ...publishedCommitId ? { isDraft: 0 } : {},
    };
  }

  /** Null for an empty reference, which unpublishes the function. */
  async #commitToPublish(fn: FunctionRow, reference: string): Promise<string | null> {
    if (reference === "") return null;
    return (await finalizedCommit(this.store.read, fn, reference)).id;
  }
}

function reuseOrNone(reuse: ProcessReuse): FunctionRow["processReuse"] {
  return reuse === "PROCESS_REUSE_UNSPECIFIED" ? "PROCESS_REUSE_NONE" : reuse;
}

function typeOrAny(type: FunctionType): FunctionType {
  return type === "FUNCTION_TYPE_UNSPECIFIED" ? "FUNCTION_TYPE_ANY" : type;
}
