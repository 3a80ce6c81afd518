import type { CommitRow, FinalizedCommitRow } from "../store/commits.ts";
import { isFinalized } from "../store/commits.ts";
import type { FunctionRow } from "../store/functions.ts";
import type { Readers } from "../store/mod.ts";
import { DomainError } from "./errors.ts";

const TAG_PREFIX = "refs/tags/";
export const HEAD = "HEAD";

/** The function, deleted or not. @throws FUNCTION_NOT_FOUND */
export async function anyFunction(read: Readers, id: string): Promise<FunctionRow> {
  const row = await read.functions.get(id);
  if (row === undefined) throw functionNotFound(id);
  return row;
}

/** The function, unless it was deleted. @throws FUNCTION_NOT_FOUND */
export async function liveFunction(read: Readers, id: string): Promise<FunctionRow> {
  const row = await anyFunction(read, id);
  if (row.deletedAt !== null) throw functionNotFound(id, "it was deleted");
  return row;
}

/**
 * The finalized commit of this function that a reference names: its id, `HEAD` or `refs/tags/<name>`.
 * @throws COMMIT_NOT_FOUND, TAG_NOT_FOUND, COMMIT_NOT_FINALIZED
 */
export async function finalizedCommit(
  read: Readers,
  fn: FunctionRow,
  reference: string,
): Promise<FinalizedCommitRow> {
  const row = await referenced(read, fn, reference);
  if (isFinalized(row)) return row;
  throw new DomainError(
    "COMMIT_NOT_FINALIZED",
    `Cannot use commit ${reference} of function ${fn.id}: it is not finalized`,
  );
}

/**
 * The commit that a call runs: the one that the reference names, or the published one for an empty reference.
 * @throws NO_PUBLISHED_COMMIT, and what {@link finalizedCommit} throws
 */
export async function commitToRun(
  read: Readers,
  fn: FunctionRow,
  reference: string,
): Promise<FinalizedCommitRow> {
  if (reference !== "") return await finalizedCommit(read, fn, reference);
  if (fn.publishedCommitId !== null) return await finalizedCommit(read, fn, fn.publishedCommitId);
  throw new DomainError(
    "NO_PUBLISHED_COMMIT",
    `Cannot run function ${fn.id}: it has no published commit; publish one, or name a commitId`,
  );
}

async function referenced(read: Readers, fn: FunctionRow, reference: string): Promise<CommitRow> {
  if (reference.startsWith(TAG_PREFIX)) {
    const name = reference.slice(TAG_PREFIX.length);
    const tagged = await read.commits.tagged(fn.id, name);
    if (tagged !== undefined) return tagged;
    throw new DomainError(
      "TAG_NOT_FOUND",
      `Cannot find tag ${JSON.stringify(name)} of function ${fn.id}: it does not exist`,
    );
  }
  if (reference === HEAD && fn.head === null) {
    throw new DomainError(
      "COMMIT_NOT_FOUND",
      `Cannot find HEAD of function ${fn.id}: it has no commit`,
    );
  }
  return await commitById(read, fn.id, reference === HEAD ? fn.head ?? "" : reference);
}

/** A commit of this function, open or finalized. @throws COMMIT_NOT_FOUND */
export async function commitById(
  read: Readers,
  functionId: string,
  id: string,
): Promise<CommitRow> {
  const row = await read.commits.get(functionId, id);
  if (row !== undefined) return row;
  throw new DomainError(
    "COMMIT_NOT_FOUND",
    `Cannot find commit ${JSON.stringify(id)} of function ${functionId}: it does not exist`,
  );
}

/** The error for an unknown invocation; for an unknown function, that of the function. */
export async function invocationNotFound(
  read: Readers,
  functionId: string,
  id: string,
): Promise<DomainError> {
  await anyFunction(read, functionId);
  return new DomainError(
    "INVOCATION_NOT_FOUND",
    `Cannot find invocation ${JSON.stringify(id)} of function ${functionId}: it does not exist`,
  );
}

function functionNotFound(id: string, why = "it does not exist"): DomainError {
  return new DomainError(
    "FUNCTION_NOT_FOUND",
    `Cannot find function ${JSON.stringify(id)}: ${why}`,
  );
}
