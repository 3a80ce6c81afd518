import { getLogger } from "@logtape/logtape";
import { countOf, formatBytes } from "../../config/mod.ts";
import type { FunctionRow } from "../../store/functions.ts";
import type { Store, Writers } from "../../store/mod.ts";
import type { CommitFile, FileSelection, PurgeRow, StoredFile } from "../../store/purges.ts";
import { DomainError, invalid } from "../errors.ts";
import type { Ids } from "../ids.ts";
import type { FunctionScope, Principal } from "../identity/mod.ts";
import { locks } from "../locks.ts";
import type { ListPage, PageQuery, Pages } from "../paging.ts";
import { ALL_FUNCTIONS, anyFunction, referencedCommit } from "../references.ts";
import type { Eraser } from "./eraser.ts";

const logger = getLogger(["invoked", "domain"]);

/** What to purge: invocations that ended before a time, or files of commits. Empty texts are absent. */
export interface Purge {
  /** RFC 3339, UTC. */
  readonly before?: string | undefined;
  /** A reference to the commit whose files are purged; empty means every commit that has the file. */
  readonly commitId: string;
  /** The file to purge, with everything in these commits that has the same content; empty means all files of the commit. */
  readonly path: string;
  /** Whether only the size is answered, and nothing is erased. */
  readonly dryRun: boolean;
}

/** What was purged, or what would be. */
export interface PurgeAnswer {
  readonly invocations: number;
  readonly files: number;
  readonly bytes: number;
  /** The commits that files were purged of, newest first. */
  readonly commitIds: readonly string[];
  /** The first files with the same contents in other commits, which keep them. */
  readonly remaining: readonly CommitFile[];
}

const NOTHING: PurgeAnswer = { invocations: 0, files: 0, bytes: 0, commitIds: [], remaining: [] };

/** Purges: the erasure of invocations and of files of commits, for good and on record. */
export class Purges {
  constructor(
    private readonly store: Store,
    private readonly eraser: Eraser,
    private readonly pages: Pages,
    private readonly ids: Ids,
  ) {}

  /**
   * Purges, and resolves once everything is erased. A purge that a stop interrupted continues after the next start.
   * @param functionId `-` for the invocations of all functions
   * @param within the functions whose remaining files are answered
   * @throws INVALID_FIELD, COMMIT_IN_USE, and what references throw
   */
  async purge(
    by: Principal,
    functionId: string,
    purge: Purge,
    within: FunctionScope,
  ): Promise<PurgeAnswer> {
    checkSelection(functionId, purge);
    const { before, dryRun } = purge;
    const fn = functionId === ALL_FUNCTIONS
      ? undefined
      : await anyFunction(this.store.read, functionId);
    if (before !== undefined) return await this.#purgeInvocations(by, fn, before, dryRun);
    return fn === undefined ? NOTHING : await this.#purgeFiles(by, fn, purge, within);
  }

  /** Purges of a function and those of all functions, newest first. */
  async list(functionId: string, query: PageQuery): Promise<ListPage<PurgeRow>> {
    const fn = await anyFunction(this.store.read, functionId);
    const page = this.pages.open(["purges", fn.id], query);
    return page.of(await this.store.read.purges.list(fn.id, page));
  }

  async #purgeInvocations(
    by: Principal,
    fn: FunctionRow | undefined,
    time: string,
    dryRun: boolean,
  ): Promise<PurgeAnswer> {
    // Invocations that end from here on are not selected.
    const now = new Date().toISOString();
    const before = time < now ? time : now;
    if (dryRun) {
      const size = await this.store.read.purges.size({ functionId: fn?.id, before });
      return { ...NOTHING, ...size };
    }
    const row = this.#newRow(by, { functionId: fn?.id ?? null, before });
    await this.store.write((tx) => tx.purges.insert(row));
    const { invocations, bytes } = await this.#erase(row);
    return { ...NOTHING, invocations, bytes };
  }

  async #purgeFiles(
    by: Principal,
    fn: FunctionRow,
    { commitId: reference, path: name, dryRun }: Purge,
    within: FunctionScope,
  ): Promise<PurgeAnswer> {
    const { read } = this.store;
    const commit = reference === "" ? undefined : await referencedCommit(read, fn, reference);
    const path = name === "" ? undefined : name;
    const selection: FileSelection = { functionId: fn.id, commitId: commit?.id, path };
    if (path !== undefined && !await read.commits.hasFile(fn.id, commit?.id, path)) {
      const where = commit === undefined ? `a commit of function ${fn.id}` : `commit ${commit.id}`;
      throw invalid({
        field: "path",
        description: `${JSON.stringify(path)} is not a file of ${where}`,
      });
    }
    const files = await this.#eraseFiles(by, fn, selection, dryRun);
    return {
      ...NOTHING,
      ...sizeOf(files),
      commitIds: [...new Set(files.map((file) => file.commitId))].sort().reverse(),
      remaining: await read.purges.sameContent(files, within),
    };
  }

  /** Erases the selected files; answers what they were. A dry run has the same errors. */
  async #eraseFiles(
    by: Principal,
    fn: FunctionRow,
    selection: FileSelection,
    dryRun: boolean,
  ): Promise<readonly StoredFile[]> {
    const { commitId = null, path = null } = selection;
    const row = this.#newRow(by, { functionId: fn.id, commitId, path });
    const files = await this.store.writeLocked([locks.ofFunction(fn.id)], async (tx) => {
      const found = await tx.purges.files(selection);
      if (found.length === 0) return found;
      const commitIds = [...new Set(found.map((file) => file.commitId))];
      const digests = [...new Set(found.map(({ digest }) => digest))];
      await assertNotInUse(tx, fn.id, commitIds);
      if (dryRun) return found;
      await tx.purges.insert({ ...row, ...sizeOf(found) });
      await tx.purges.putBlobs(await tx.commits.erase(commitIds, digests, row));
      return found;
    });
    if (files.length > 0 && !dryRun) await this.#erase(row);
    return files;
  }

  async #erase(row: PurgeRow): Promise<PurgeRow> {
    await this.eraser.run(row);
    const done = await this.store.read.purges.get(row.id);
    logger.info("{by} purged {invocations} and {files} with {bytes}; purge {id}", {
      by: done.purgedBy,
      invocations: countOf(done.invocations, "invocation"),
      files: countOf(done.files, "file"),
      bytes: formatBytes(done.bytes),
      id: done.id,
    });
    return done;
  }

  #newRow(by: Principal, selection: Partial<PurgeRow>): PurgeRow {
    const { id, time } = this.ids.nextWithTime();
    return {
      id,
      functionId: null,
      before: null,
      commitId: null,
      path: null,
      purgedAt: time.toISOString(),
      purgedBy: by.displayName,
      finishedAt: null,
      invocations: 0,
      files: 0,
      bytes: 0,
      ...selection,
    };
  }
}

/** @throws INVALID_FIELD */
function checkSelection(functionId: string, { before, commitId, path }: Purge): void {
  const namesFiles = commitId !== "" || path !== "";
  if (before === undefined && !namesFiles) {
    const description = "must be set, or commitId or path: nothing else says what to purge";
    throw invalid({ field: "before", description });
  }
  if (before !== undefined && namesFiles) {
    const description =
      "must be absent with commitId or path: a purge takes invocations or files of commits";
    throw invalid({ field: "before", description });
  }
  if (functionId === ALL_FUNCTIONS && namesFiles) {
    const description = `must be absent for the functions ${ALL_FUNCTIONS}: a commit is of one`;
    throw invalid({ field: commitId === "" ? "path" : "commitId", description });
  }
}

/** @throws COMMIT_IN_USE if one of the commits is published, or has an invocation that has not ended */
async function assertNotInUse(
  tx: Writers,
  functionId: string,
  commitIds: readonly string[],
): Promise<void> {
  const fn = await tx.functions.get(functionId);
  const published = fn?.deletedAt === null ? fn.publishedCommitId : null;
  if (published !== null && commitIds.includes(published)) {
    throw new DomainError(
      "COMMIT_IN_USE",
      `Commit ${published} is published: publish another commit before you purge its files`,
    );
  }
  const unfinished = await tx.invocations.unfinishedOf(functionId, commitIds);
  if (unfinished === undefined) return;
  throw new DomainError(
    "COMMIT_IN_USE",
    `Commit ${unfinished.commitId} is in use: invocation ${unfinished.id} has not ended; cancel ` +
      "the invocation, or wait for its end",
  );
}

function sizeOf(files: readonly StoredFile[]): { readonly files: number; readonly bytes: number } {
  return { files: files.length, bytes: files.reduce((sum, { size }) => sum + size, 0) };
}
