import {
  FUNCTION_SETTINGS,
  type FunctionSettings,
  type Setting,
  SETTINGS,
} from "../../resources/functions.ts";
import type { FunctionRow, FunctionSearch } from "../../store/functions.ts";
import type { Store, Writers } from "../../store/mod.ts";
import type { SourceFiles } from "../../builder/mod.ts";
import type { Commits } from "../commits/commits.ts";
import type { LoadReports } from "../commits/load_reports.ts";
import { DomainError, type FieldViolation, invalid, ValidationOnly } from "../errors.ts";
import type { Ids } from "../ids.ts";
import { locks } from "../locks.ts";
import type { LiveClients, Principal } from "../identity/mod.ts";
import { changedColumns, columnsOf } from "../resource.ts";
import { checkPreconditions, type Preconditions } from "../preconditions.ts";
import { anyFunction, finalizedCommit, liveFunction } from "../references.ts";
import type { ListPage, PageQuery, Pages } from "../paging.ts";
import type { CommitRow } from "../../store/commits.ts";
import type { Scheduler } from "../scheduling/scheduler.ts";
import { liveVolume } from "../volumes/volumes.ts";
import { assertNoDestination, type DestinationSettings } from "./destinations.ts";
import { perKeyViolations } from "./flow_settings.ts";
import type { EffectiveLimits, FunctionLimits } from "../limits.ts";
import type { Provisioning } from "./provisioning.ts";
import type { Publishes } from "./publishes.ts";
import type { Secrets } from "./secrets.ts";
import { SettingRights } from "./setting_rights.ts";
import { settingViolations } from "./setting_violations.ts";
import { tenantLocks, withTenantId } from "./tenant_setting.ts";
import { maskedFields, maskedMembers, type UpdateMask } from "../update_mask.ts";
import { reconsiderWaiting } from "./waiting_invocations.ts";

const UPDATABLE = [...SETTINGS, "publishedCommitId", "secret"] as const;
type Updatable = (typeof UPDATABLE)[number];

/** The limit of invocations with the same value at a key. */
const KEY_FIELDS: readonly string[] = ["concurrencyKey", "maxConcurrencyPerKey"];

/** A function with the names of its secrets; their values never leave the server. */
export interface FunctionView {
  readonly row: FunctionRow;
  readonly secretNames: readonly string[];
  /** What refers to it, so that it cannot be deleted. */
  readonly triggerIds: readonly string[];
  readonly limits: EffectiveLimits;
  /** How long its invocations are kept after their end; undefined for ever. */
  readonly retentionMs: number | undefined;
}

/** The fields of a function that a caller can change. */
export interface FunctionChange extends FunctionSettings {
  readonly publishedCommitId?: string | undefined;
  readonly secret?: Readonly<Record<string, string>> | undefined;
}

/** A function as it is after a request, and the commit that the request made. */
interface ChangedFunction {
  readonly fn: FunctionView;
  readonly commit: CommitRow | undefined;
}

export interface CreateFunction extends FunctionSettings {
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

/** What functions are made and changed with. */
interface FunctionsParts {
  readonly store: Store;
  readonly commits: Commits;
  readonly secrets: Secrets;
  readonly publishes: Publishes;
  readonly provisioning: Provisioning;
  readonly pages: Pages;
  readonly ids: Ids;
  readonly functionLimits: FunctionLimits;
  readonly destinations: DestinationSettings;
  readonly scheduler: Scheduler;
  readonly loadReports: LoadReports;
  readonly liveClients: LiveClients;
}

/** Functions: the named things that commits belong to and that callers invoke. */
export class Functions {
  readonly #rights: SettingRights;

  constructor(private readonly parts: FunctionsParts) {
    this.#rights = new SettingRights(parts.liveClients);
  }

  /** Makes a function and, where content was given, its first commit: both or neither. */
  create(by: Principal, spec: CreateFunction): Promise<ChangedFunction> {
    return this.parts.store.commitBlobs.storing(() => this.#create(by, spec));
  }

  async #create(
    by: Principal,
    given: CreateFunction,
    validation?: { readonly prefix: string },
  ): Promise<ChangedFunction> {
    const { prefix = "" } = validation ?? {};
    this.#check(given, SETTINGS, prefix);
    const spec = await withTenantId(this.parts.store.read, by, given, SETTINGS, undefined, prefix);
    const id = this.parts.ids.next();
    const columns = columnsOf(FUNCTION_SETTINGS, spec);
    await this.#rights.check(this.parts.store.read, by, spec, SETTINGS, undefined, prefix);
    assertNone(perKeyViolations(columns, prefix));
    await this.parts.destinations.check(by, { ...columns, id }, spec, SETTINGS, prefix);
    const limits = this.parts.functionLimits.of(columns);
    const commit = spec.initialContent === undefined ? undefined : await this.parts.commits.build(
      { functionId: id, by, message: spec.commitMessage, field: "initialContent", limits },
      spec.initialContent,
    );
    const now = new Date().toISOString();
    const row: FunctionRow = {
      ...columns,
      id,
      head: commit?.row.id ?? null,
      publishedCommitId: null,
      isDraft: 1,
      circuitBreakerPausedAt: null,
      principalId: null,
      boundAt: null,
      createdAt: now,
      updatedAt: now,
      deletedAt: null,
    };
    const held = [
      ...row.volumeId === null ? [] : [locks.ofVolume(row.volumeId)],
      ...this.#rights.locksOf(spec, SETTINGS),
      ...tenantLocks(spec, SETTINGS),
    ];
    await this.parts.store.writeLocked(held, async (tx) => {
      if (row.volumeId !== null) await liveVolume(tx, row.volumeId);
      await this.#rights.check(tx, by, spec, SETTINGS, undefined, prefix);
      await withTenantId(tx, by, spec, SETTINGS, undefined, prefix);
      await tx.functions.insert(row);
      await this.parts.destinations.writeSecrets(tx, id, spec, SETTINGS, prefix);
      await commit?.insert(tx);
      if (validation !== undefined) throw new ValidationOnly();
    });
    commit?.written();
    return { fn: this.#viewOf(row, [], []), commit: commit?.row };
  }

  /**
   * Checks the settings of a new function, or a change of one, as {@link create} and {@link update} do, and makes nothing.
   * @param id of the function that changes; undefined for a new one
   */
  async check(
    by: Principal,
    id: string | undefined,
    change: FunctionChange,
    mask: UpdateMask | undefined,
  ): Promise<void> {
    try {
      if (id === undefined) {
        await this.#create(by, { ...change, commitMessage: "" }, { prefix: "function." });
      } else {
        const update = { id, change, mask, content: undefined, commitMessage: "" };
        await this.#update(by, update, true);
      }
    } catch (error) {
      if (!(error instanceof ValidationOnly)) throw error;
    }
  }

  /** A function, deleted or not; a deleted one has `deletedAt`. */
  async get(id: string): Promise<FunctionView> {
    return await this.#view(await anyFunction(this.parts.store.read, id));
  }

  /** Functions that were not deleted, newest first. */
  async search(
    filter: FunctionSearch,
    query: PageQuery,
  ): Promise<ListPage<FunctionView>> {
    const page = this.parts.pages.open(["functions", filter.query, filter.functionTypes], query);
    const { rows, next } = await this.parts.store.read.functions.search(filter, page);
    const ids = rows.map(({ id }) => id);
    const names = await this.parts.store.read.functions.secretNamesOf(ids);
    const triggers = await this.parts.store.read.triggers.idsOf(ids);
    return {
      list: rows.map((row) =>
        this.#viewOf(row, names.get(row.id) ?? [], triggers.get(row.id) ?? [])
      ),
      nextPageToken: page.tokenFor(next),
    };
  }

  /** Changes the masked fields and, where content was given, makes a new head commit: all or nothing. */
  update(by: Principal, update: UpdateFunction): Promise<ChangedFunction> {
    return this.parts.store.commitBlobs.storing(() => this.#update(by, update));
  }

  async #update(
    by: Principal,
    update: UpdateFunction,
    isValidation = false,
  ): Promise<ChangedFunction> {
    const fn = await liveFunction(this.parts.store.read, update.id);
    const { mask, names: secretNames } = maskedMembers(update.mask, "secret");
    const fields = maskedFields(mask, UPDATABLE, update.change);
    const changed = [...fields];
    const { read } = this.parts.store;
    const change = await withTenantId(read, by, update.change, changed, fn, "function.");
    const columns = await this.#columns(fn, change, fields);
    await this.#rights.check(read, by, change, changed, fn, "function.");
    if (changed.some((field) => KEY_FIELDS.includes(field))) {
      assertNone(perKeyViolations({ ...fn, ...columns }, "function."));
    }
    await this.parts.destinations.check(by, { ...fn, ...columns }, change, changed, "function.");
    const commit = update.content === undefined ? undefined : await this.parts.commits.build(
      {
        functionId: fn.id,
        by,
        message: update.commitMessage,
        field: "content",
        limits: this.parts.functionLimits.of({ ...fn, ...columns }),
      },
      update.content,
    );
    const held = [
      locks.ofFunction(fn.id),
      locks.ofFlow(fn.id),
      ...columns.volumeId ? [locks.ofVolume(columns.volumeId)] : [],
      ...this.#rights.locksOf(change, changed),
      ...tenantLocks(change, changed),
    ];
    const mayStart = await this.parts.store.writeLocked(held, async (tx) => {
      const before = await liveFunction(tx, fn.id);
      await this.#rights.check(tx, by, change, changed, before, "function.");
      await withTenantId(tx, by, change, changed, before, "function.");
      await commit?.insert(tx);
      const head = commit === undefined ? {} : { head: commit.row.id };
      const { publishedCommitId, volumeId } = columns;
      if (volumeId) await liveVolume(tx, volumeId);
      if (publishedCommitId !== undefined) {
        await this.parts.publishes.record(tx, by, fn.id, publishedCommitId);
      }
      tx.audit.keepEarlier("functions", before);
      await tx.functions.update(fn.id, {
        ...columns,
        ...head,
        updatedAt: new Date().toISOString(),
      });
      await this.parts.destinations.writeSecrets(tx, fn.id, change, changed, "function.");
      if (fields.has("secret")) {
        await this.parts.secrets.write(tx, fn.id, change.secret ?? {}, secretNames);
      }
      await this.#checkNames(tx, fn.id, fields);
      if (isValidation) throw new ValidationOnly();
      return await reconsiderWaiting(tx, before, { ...before, ...columns });
    });
    if (mayStart) this.parts.scheduler.wake();
    commit?.written();
    await this.parts.provisioning.passed();
    return { fn: await this.get(fn.id), commit: commit?.row };
  }

  /**
   * Publishes a commit again that was published before.
   * @param reference of that commit; empty for the previous publish, see {@link Publishes.before}
   * @param preconditions of the published commit, whose id is the tag
   * @throws NO_EARLIER_PUBLISH, ETAG_MISMATCH, FUNCTION_NOT_FOUND, and as a publish of the reference does
   */
  async rollBack(
    by: Principal,
    id: string,
    reference: string,
    preconditions: Preconditions,
  ): Promise<FunctionView> {
    const fn = await liveFunction(this.parts.store.read, id);
    const named = await this.#commitToPublish(fn, reference);
    await this.parts.store.writeLocked([locks.ofFunction(id)], async (tx) => {
      const before = await liveFunction(tx, id);
      const published = before.publishedCommitId;
      const current = published === null ? "no commit is published" : `${published} is published`;
      const what = `Function ${id} was not rolled back`;
      checkPreconditions(preconditions, published ?? undefined, what, current);
      const target = named === null
        ? await this.parts.publishes.before(tx, before)
        : { id: await this.parts.publishes.lastOf(tx, id, named) ?? null, commitId: named };
      await this.parts.publishes.record(tx, by, id, target.commitId, target.id);
      const change = { publishedCommitId: target.commitId, isDraft: 0 };
      await tx.functions.update(id, { ...change, updatedAt: new Date().toISOString() });
    });
    await this.parts.provisioning.passed();
    return await this.get(id);
  }

  /** Marks the function as deleted. Its commits and invocations stay readable. @throws FUNCTION_IN_USE */
  async delete(by: Principal, id: string): Promise<void> {
    const fn = await liveFunction(this.parts.store.read, id);
    const now = new Date().toISOString();
    await this.parts.store.writeLocked([locks.ofFunction(fn.id)], async (tx) => {
      const [triggerId] = (await tx.triggers.idsOf([id])).get(id) ?? [];
      if (triggerId !== undefined) {
        throw new DomainError(
          "FUNCTION_IN_USE",
          `Function ${id} is in use: trigger ${triggerId} refers to it; delete its triggers first`,
        );
      }
      await assertNoDestination(tx, by, id);
      await tx.functions.update(fn.id, { deletedAt: now, updatedAt: now });
    });
    this.parts.provisioning.refresh();
  }

  async #view(row: FunctionRow): Promise<FunctionView> {
    const secretNames = await this.parts.store.read.functions.secretNames(row.id);
    const triggers = await this.parts.store.read.triggers.idsOf([row.id]);
    return this.#viewOf(row, secretNames, triggers.get(row.id) ?? []);
  }

  #viewOf(
    row: FunctionRow,
    secretNames: readonly string[],
    triggerIds: readonly string[],
  ): FunctionView {
    const retentionMs = this.parts.functionLimits.retentionOf(row);
    return { row, secretNames, triggerIds, limits: this.parts.functionLimits.of(row), retentionMs };
  }

  async #columns(fn: FunctionRow, change: FunctionChange, fields: ReadonlySet<Updatable>) {
    const settings = SETTINGS.filter((setting) => fields.has(setting));
    this.#check(change, settings, "function.");
    const columns: Partial<FunctionRow> = changedColumns(FUNCTION_SETTINGS, change, settings);
    if (!fields.has("publishedCommitId")) return columns;
    const publishedCommitId = await this.#commitToPublish(fn, change.publishedCommitId ?? "");
    return { ...columns, publishedCommitId, ...publishedCommitId ? { isDraft: 0 } : {} };
  }

  /** @param prefix of the fields in the request */
  #check(settings: FunctionSettings, changed: readonly Setting[], prefix: string): void {
    assertNone(settingViolations(settings, changed, prefix, this.parts.functionLimits.maxima));
  }

  /** A name is that of a secret or of a variable. @throws INVALID_FIELD */
  async #checkNames(
    tx: Writers,
    id: string,
    fields: ReadonlySet<Updatable>,
  ): Promise<void> {
    if (!fields.has("secret") && !fields.has("variables")) return;
    const variables = JSON.parse((await tx.functions.get(id))?.variables ?? "{}") as object;
    const both = (await tx.functions.secretNames(id)).find((name) =>
      Object.hasOwn(variables, name)
    );
    if (both === undefined) return;
    throw invalid(
      fields.has("variables")
        ? { field: `function.variables.${both}`, description: "is the name of a secret" }
        : { field: `function.secret.${both}`, description: "is the name of a variable" },
    );
  }

  /** Null for an empty reference, which unpublishes the function. */
  async #commitToPublish(fn: FunctionRow, reference: string): Promise<string | null> {
    if (reference === "") return null;
    const commit = await finalizedCommit(this.parts.store.read, fn, reference);
    this.parts.loadReports.request(commit);
    return commit.id;
  }
}

/** @throws INVALID_FIELD */
function assertNone([violation, ...violations]: readonly FieldViolation[]): void {
  if (violation !== undefined) throw invalid(violation, ...violations);
}
