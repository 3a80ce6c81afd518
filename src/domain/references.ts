import { type CommitRow, type FinalizedCommitRow, isComplete } from "../store/commits.ts";
import type { FunctionRow } from "../store/functions.ts";
import type { Readers } from "../store/mod.ts";
import { DomainError, notFound } from "./errors.ts";

const KSUID = /^[0-9A-Za-z]{27}$/;
const TAG_PREFIX = "refs/tags/";
export const HEAD = "HEAD";
/** Names all functions where a function is named (AIP-159). */
export const ALL_FUNCTIONS = "-";

/** The function, deleted or not. @throws FUNCTION_NOT_FOUND */
export async function anyFunction(
  read: Pick<Readers, "functions">,
  id: string,
): Promise<FunctionRow> {
  const row = await read.functions.get(id);
  if (row === undefined) throw notFound("FUNCTION_NOT_FOUND", "Function", id);
  return row;
}

/** The function, unless it was deleted. @throws FUNCTION_NOT_FOUND */
export async function liveFunction(
  read: Pick<Readers, "functions">,
  id: string,
): Promise<FunctionRow> {
  const row = await anyFunction(read, id);
  if (row.deletedAt === null) return row;
  throw notFound("FUNCTION_NOT_FOUND", "Function", id, "was deleted");
}

/**
 * The finalized commit of this function that a reference names: its id, `HEAD` or `refs/tags/<name>`.
 * @throws COMMIT_NOT_FOUND, TAG_NOT_FOUND, COMMIT_NOT_FINALIZED, PURGED
 */
export async function finalizedCommit(
  read: Pick<Readers, "commits">,
  fn: FunctionRow,
  reference: string,
): Promise<FinalizedCommitRow> {
  const row = await referencedCommit(read, fn, reference);
  if (isComplete(row)) return row;
  if (row.purgedAt !== null) throw commitPurged(row);
  throw new DomainError(
    "COMMIT_NOT_FINALIZED",
    `Commit ${reference} of function ${fn.id} is not finalized`,
  );
}

/**
 * The commit that an invocation runs: the one that the reference names, or the published one for an empty reference.
 * @throws NO_PUBLISHED_COMMIT, and what {@link finalizedCommit} throws
 */
export async function commitToRun(
  read: Pick<Readers, "commits">,
  fn: FunctionRow,
  reference: string,
): Promise<FinalizedCommitRow> {
  if (reference !== "") return await finalizedCommit(read, fn, reference);
  if (fn.publishedCommitId !== null) return await finalizedCommit(read, fn, fn.publishedCommitId);
  throw new DomainError(
    "NO_PUBLISHED_COMMIT",
    `Function ${fn.id} has no published commit: publish one, or name a commitId`,
  );
}

/** The commit that a reference names, open or finalized, purged or not. @throws COMMIT_NOT_FOUND, TAG_NOT_FOUND */
export async function referencedCommit(
  read: Pick<Readers, "commits">,
  fn: FunctionRow,
  reference: string,
): Promise<CommitRow> {
  if (reference.startsWith(TAG_PREFIX)) {
    const name = reference.slice(TAG_PREFIX.length);
    const tagged = await read.commits.tagged(fn.id, name);
    if (tagged !== undefined) return tagged;
    throw notFound("TAG_NOT_FOUND", "Tag", name, `of function ${fn.id} does not exist`);
  }
  if (reference === HEAD && fn.head === null) {
    throw new DomainError("COMMIT_NOT_FOUND", `Function ${fn.id} has no HEAD: it has no commit`);
  }
  return await commitById(read, fn.id, reference === HEAD ? fn.head ?? "" : reference);
}

/** A commit of this function, open or finalized. @throws COMMIT_NOT_FOUND */
export async function commitById(
  read: Pick<Readers, "commits">,
  functionId: string,
  id: string,
): Promise<CommitRow> {
  const row = await read.commits.get(functionId, id);
  if (row !== undefined) return row;
  throw notFound("COMMIT_NOT_FOUND", "Commit", id, `of function ${functionId} does not exist`);
}

/** The error for a commit of which files were purged. */
export function commitPurged({ id, functionId, purgedAt, purgedBy }: CommitRow): DomainError {
  return new DomainError(
    "PURGED",
    `Commit ${id} of function ${functionId} is incomplete: ${purgedBy} purged files of the commit at ${purgedAt}`,
  );
}

/** The error for an invocation without a row; for an unknown function, that of the function. */
export async function invocationNotFound(
  read: Readers,
  functionId: string,
  id: string,
): Promise<DomainError> {
  await anyFunction(read, functionId);
  if (await mayBePurged(read, functionId, id)) {
    return new DomainError(
      "PURGED",
      `Invocation ${id} of function ${functionId} does not exist any more: invocations of its time were purged`,
    );
  }
  const why = `of function ${functionId} does not exist`;
  return notFound("INVOCATION_NOT_FOUND", "Invocation", id, why);
}

/** Whether an invocation of this id, which encodes its time, would be among those that were purged. */
async function mayBePurged(read: Readers, functionId: string, id: string): Promise<boolean> {
  if (!KSUID.test(id) || id < functionId) return false;
  const last = await read.purges.lastPurged(functionId);
  return last !== undefined && id <= last;
}
