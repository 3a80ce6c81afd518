import { characters, exceeds } from "../../config/mod.ts";
import type { Builder, SourceFiles } from "../../builder/mod.ts";
import type {
  ArtifactColumns,
  BuildColumns,
  CommitFileRow,
  CommitRow,
} from "../../store/commits.ts";
import type { Store, Writers } from "../../store/mod.ts";
import type { Content } from "../../shared/json_text.ts";
import { buildArtifact, isUploaded, keepArtifact, readContents } from "./builds.ts";
import { DomainError, invalid } from "../errors.ts";
import type { Ids } from "../ids.ts";
import { locks } from "../locks.ts";
import { type EffectiveLimits, type FunctionLimits, NO_LIMITS } from "../limits.ts";
import type { Principal } from "../identity/mod.ts";
import type { ListPage, PageQuery, Pages } from "../paging.ts";
import { checkPreconditions, NO_PRECONDITIONS, type Preconditions } from "../preconditions.ts";
import {
  anyFunction,
  commitById,
  commitPurged,
  finalizedCommit,
  liveFunction,
  referencedCommit,
} from "../references.ts";
import {
  checkContents,
  checkFileSize,
  checkPaths,
  checkTotalSize,
  type CommitLimits,
} from "./source_files.ts";
import type { LoadReports } from "./load_reports.ts";
import type { TypeChecks } from "./type_checks.ts";
import type { UploadUrls } from "./upload_urls.ts";

const COMMIT_MESSAGE_CHARS_MAX = 4096;

/** A built commit that the caller inserts in a transaction of its own. */
interface BuiltCommit {
  readonly row: CommitRow;
  insert(tx: Writers): Promise<void>;
  /** To be called after that transaction. */
  written(): void;
}

interface NewCommit {
  readonly functionId: string;
  readonly by: Principal;
  readonly message: string;
  /** The request's field that holds the files, for messages. */
  readonly field: string;
  readonly limits: EffectiveLimits;
}

/** A commit with its files. */
interface CommitContent {
  readonly commit: CommitRow;
  /** The commit that was the head before it; undefined for the first commit of the function. */
  readonly parentId: string | undefined;
  readonly files: ReadonlyMap<string, Content>;
  readonly purgedPaths: readonly string[];
}

/** Longest file, in bytes, that is read together with its commit. A longer one is read when it is sent. */
const INLINE_FILE_BYTES_MAX = 16 * 1024;

/** What commits are built and kept with. */
interface CommitsParts {
  readonly store: Store;
  readonly builder: Builder;
  readonly uploadUrls: UploadUrls;
  readonly pages: Pages;
  readonly ids: Ids;
  readonly limits: CommitLimits;
  readonly functionLimits: FunctionLimits;
  readonly typeChecks: TypeChecks;
  readonly loadReports: LoadReports;
  /** Compiles a script ahead of its first invocation; not waited for, so it must never reject. */
  readonly compile: (scriptDigest: string) => Promise<void>;
  /** Ends builds when the server stops; a caller that disconnects does not. */
  readonly shutdown: AbortSignal;
}

/**
 * Commits: immutable versions of a function's code. One is made in three steps (open, upload,
 * finalize) or from contents in one. It exists only once it was built and locked.
 */
export class Commits {
  /** Running finalizations: a commit is built once at a time. */
  readonly #finalizing = new Map<string, Promise<CommitRow>>();

  constructor(private readonly parts: CommitsParts) {}

  /** First step: declares the files; answers an upload URL for each. */
  async open(
    by: Principal,
    functionId: string,
    spec: { readonly filenames: readonly string[]; readonly message: string },
  ): Promise<{ commitId: string; uploadUrls: Map<string, string> }> {
    const fn = await liveFunction(this.parts.store.read, functionId);
    checkPaths("filenames", spec.filenames, this.parts.limits);
    const expiresAt = new Date(Date.now() + this.parts.limits.uploadTtlMs);
    const row = this.#newRow({ functionId: fn.id, by, message: spec.message }, expiresAt);
    const files = spec.filenames.map((path): CommitFileRow => ({
      commitId: row.id,
      path,
      digest: null,
      size: 0,
    }));
    await this.parts.store.write((tx) => tx.commits.insert(row, files));
    const urls = spec.filenames.map((path) =>
      [
        path,
        this.parts.uploadUrls.issue({ functionId: fn.id, commitId: row.id, path, expiresAt }),
      ] as const
    );
    return { commitId: row.id, uploadUrls: new Map(urls) };
  }

  /**
   * The commit and file that an upload URL is for, checked before the body is read.
   * @throws UPLOAD_URL_INVALID, UPLOAD_URL_EXPIRED, COMMIT_ALREADY_FINALIZED
   */
  async checkUpload(token: string): Promise<{ commitId: string; path: string }> {
    const { functionId, commitId, path } = this.parts.uploadUrls.open(token);
    await liveFunction(this.parts.store.read, functionId);
    const commit = await commitById(this.parts.store.read, functionId, commitId);
    if (commit.purgedAt !== null) throw commitPurged(commit);
    if (commit.finalizedAt !== null) throw alreadyFinalized(commitId);
    return { commitId, path };
  }

  /** Second step: stores the content of one file; an upload of the same file while the commit is open replaces it. */
  async upload(
    { commitId, path }: { commitId: string; path: string },
    content: Uint8Array,
  ): Promise<void> {
    checkFileSize(path, content.length, this.parts.limits);
    const { commitBlobs } = this.parts.store;
    const kept = await commitBlobs.storing(async () => {
      const digest = await commitBlobs.put(content);
      const lock = locks.ofCommit(commitId);
      return await this.parts.store.writeLocked([lock], async (tx) => {
        return await tx.commits.putFile(commitId, path, digest, content.length);
      });
    });
    if (!kept) throw alreadyFinalized(commitId);
  }

  /**
   * Third step: builds the commit, and moves the function's head to it. A repeat answers the same commit.
   * @param preconditions of the head, whose entity tag is its id @throws ETAG_MISMATCH
   */
  finalize(
    functionId: string,
    commitId: string,
    preconditions: Preconditions = NO_PRECONDITIONS,
  ): Promise<CommitRow> {
    const key = JSON.stringify([functionId, commitId, preconditions]);
    const underway = this.#finalizing.get(key);
    if (underway !== undefined) return underway;
    const { commitBlobs } = this.parts.store;
    const finalizing = commitBlobs.storing(() =>
      this.#finalize(functionId, commitId, preconditions)
    )
      .finally(() => this.#finalizing.delete(key));
    this.#finalizing.set(key, finalizing);
    return finalizing;
  }

  /**
   * Builds a commit from contents; the caller writes it, and does both in `storing` of the blobs.
   * @throws INVALID_FIELD, BUILD_FAILED, BUILD_KILLED
   */
  async build(spec: NewCommit, files: SourceFiles): Promise<BuiltCommit> {
    checkPaths(spec.field, [...files.keys()], this.parts.limits);
    checkContents(spec.field, files, this.parts.limits);
    const artifact = await this.#artifact(`the commit in ${spec.field}`, files);
    const now = new Date();
    const row: CommitRow = {
      ...this.#newRow(spec, now),
      finalizedAt: now.toISOString(),
      ...artifact,
      ...spec.limits,
    };
    const fileRows = await Promise.all(
      Array.from(files, async ([path, content]): Promise<CommitFileRow> => ({
        commitId: row.id,
        path,
        digest: await this.parts.store.commitBlobs.put(content),
        size: content.length,
      })),
    );
    return {
      row,
      insert: (tx) => tx.commits.insert(row, fileRows),
      written: () => this.#afterFinalize(artifact.scriptDigest),
    };
  }

  /** Finalized commits of a function, newest first. @param idPrefix start of their ids; empty for all */
  async list(
    functionId: string,
    query: PageQuery,
    idPrefix = "",
  ): Promise<ListPage<CommitRow>> {
    const fn = await anyFunction(this.parts.store.read, functionId);
    const page = this.parts.pages.open(["commits", fn.id, idPrefix], query);
    return page.of(await this.parts.store.read.commits.list(fn.id, idPrefix, page));
  }

  /**
   * A commit and its files.
   * @param reference a commit id, `HEAD` or `refs/tags/<name>`
   * @param showPurged answers what is left of a commit of which files were purged, which is PURGED otherwise
   */
  async get(
    functionId: string,
    reference: string,
    showPurged = false,
  ): Promise<CommitContent> {
    const fn = await anyFunction(this.parts.store.read, functionId);
    const named = await referencedCommit(this.parts.store.read, fn, reference);
    const commit = showPurged && named.purgedAt !== null
      ? named
      : await finalizedCommit(this.parts.store.read, fn, named.id);
    this.parts.loadReports.renew(commit);
    const rows = await this.parts.store.read.commits.files(commit.id);
    const files = rows.filter(isUploaded).map(async ({ path, digest, size }) => {
      const read = () => this.parts.store.commitBlobs.get(digest);
      const content = size <= INLINE_FILE_BYTES_MAX ? await read() : { byteLength: size, read };
      return [path, content] as const;
    });
    const purgedPaths = rows.filter((row) => !isUploaded(row)).map(({ path }) => path);
    return {
      commit,
      parentId: await this.parts.store.read.commits.parent(commit),
      files: new Map(await Promise.all(files)),
      purgedPaths,
    };
  }

  /** The text of the commit's `deno.lock`. */
  async lockfile(functionId: string, reference: string): Promise<Uint8Array> {
    const fn = await anyFunction(this.parts.store.read, functionId);
    const { lockDigest } = await finalizedCommit(this.parts.store.read, fn, reference);
    return await this.parts.store.commitBlobs.get(lockDigest);
  }

  async #finalize(
    functionId: string,
    commitId: string,
    preconditions: Preconditions,
  ): Promise<CommitRow> {
    const fn = await liveFunction(this.parts.store.read, functionId);
    const open = await commitById(this.parts.store.read, fn.id, commitId);
    if (open.purgedAt !== null) throw commitPurged(open);
    if (open.finalizedAt !== null) return open;
    checkHead(commitId, preconditions, fn.head);
    const rows = await this.parts.store.read.commits.files(commitId);
    for (const { path, digest } of rows) {
      if (digest === null) throw notUploaded(commitId, path);
    }
    checkTotalSize("filenames", rows.reduce((sum, { size }) => sum + size, 0), this.parts.limits);
    const contents = await readContents(this.parts.store, rows);
    const artifact = await this.#artifact(`commit ${commitId}`, contents);
    const finalizedAt = new Date().toISOString();
    const held = [locks.ofFunction(fn.id), locks.ofCommit(commitId)];
    await this.parts.store.writeLocked(held, async (tx) => {
      const now = await tx.commits.get(fn.id, commitId);
      if (now?.purgedAt) return await tx.purges.putBlobs(digestsOf(artifact));
      if (now?.finalizedAt) return;
      // Uploads continue during the build: the stored files must be the files that were built.
      const changed = changedFile(rows, await tx.commits.files(commitId));
      if (changed !== undefined) throw changedMeanwhile(commitId, changed);
      // The head may move during the build, too.
      checkHead(commitId, preconditions, (await tx.functions.get(fn.id))?.head ?? null);
      const columns = { ...artifact, ...this.parts.functionLimits.of(fn) };
      await tx.commits.finalize(commitId, finalizedAt, columns);
      await tx.functions.update(fn.id, { head: commitId, updatedAt: finalizedAt });
    });
    const finalized = await commitById(this.parts.store.read, fn.id, commitId);
    if (finalized.purgedAt !== null) throw commitPurged(finalized);
    this.#afterFinalize(artifact.scriptDigest);
    return finalized;
  }

  /** Begins what the caller does not wait for. */
  #afterFinalize(scriptDigest: string): void {
    this.parts.typeChecks.schedule();
    this.parts.loadReports.schedule();
    this.parts.compile(scriptDigest);
  }

  async #artifact(what: string, files: SourceFiles): Promise<BuildColumns> {
    const goal = "function";
    const built = await buildArtifact(this.parts.builder, {
      what,
      files,
      goal,
      signal: this.parts.shutdown,
    });
    const { denoVersion } = built;
    const warnings = JSON.stringify(built.warnings);
    const { script, sourceMap, lock } = await keepArtifact(this.parts.store, built);
    return {
      scriptDigest: script,
      sourceMapDigest: sourceMap,
      lockDigest: lock,
      denoVersion,
      warnings,
    };
  }

  #newRow(spec: Omit<NewCommit, "field" | "limits">, expiresAt: Date): CommitRow {
    if (spec.message.length > COMMIT_MESSAGE_CHARS_MAX) {
      throw invalid({
        field: "commitMessage",
        description: exceeds(spec.message.length, COMMIT_MESSAGE_CHARS_MAX, characters),
      });
    }
    return {
      id: this.parts.ids.next(),
      functionId: spec.functionId,
      message: spec.message,
      author: spec.by.displayName,
      createdAt: new Date().toISOString(),
      expiresAt: expiresAt.toISOString(),
      finalizedAt: null,
      scriptDigest: null,
      sourceMapDigest: null,
      lockDigest: null,
      denoVersion: null,
      warnings: null,
      ...NO_LIMITS,
      testScriptDigest: null,
      testSourceMapDigest: null,
      testLockDigest: null,
      typeCheck: this.parts.typeChecks.enabled ? "PENDING" : null,
      typeUnchecked: null,
      typeDiagnostics: null,
      loadState: "PENDING",
      loadReport: null,
      purgedAt: null,
      purgedBy: null,
    };
  }
}

function digestsOf({ scriptDigest, sourceMapDigest, lockDigest }: ArtifactColumns): string[] {
  return [scriptDigest, sourceMapDigest, lockDigest];
}

/** @throws ETAG_MISMATCH */
function checkHead(commitId: string, preconditions: Preconditions, head: string | null): void {
  const current = head === null ? "the function has no commit" : `the head is ${head}`;
  const what = `Commit ${commitId} was not finalized`;
  checkPreconditions(preconditions, head ?? undefined, what, current);
}

function notUploaded(commitId: string, path: string): DomainError {
  return new DomainError(
    "FILE_NOT_UPLOADED",
    `Commit ${commitId} was not finalized: file ${path} was not uploaded`,
  );
}

/** The path of the first file that changed. */
function changedFile(
  before: readonly CommitFileRow[],
  now: readonly CommitFileRow[],
): string | undefined {
  const digests = new Map(now.map(({ path, digest }) => [path, digest]));
  return before.find(({ path, digest }) => digests.get(path) !== digest)?.path;
}

function changedMeanwhile(commitId: string, path: string): DomainError {
  return new DomainError(
    "COMMIT_NOT_FINALIZED",
    `Commit ${commitId} was not finalized: file ${path} was uploaded again meanwhile`,
  );
}

function alreadyFinalized(commitId: string): DomainError {
  return new DomainError(
    "COMMIT_ALREADY_FINALIZED",
    `Upload to commit ${commitId} rejected: it was finalized, and a commit never changes`,
  );
}
