import type { Operation } from "../operation.ts";
import { finalizeCommit } from "./finalize_commit.ts";
import { getCommit } from "./get_commit.ts";
import { getLockfile } from "./get_lockfile.ts";
import { listCommits } from "./list_commits.ts";
import { openCommit } from "./open_commit.ts";
import { uploadFile } from "./upload_file.ts";

/** Make commits in three steps, and read them. */
export const COMMIT_OPERATIONS: readonly Operation[] = [
  listCommits,
  openCommit,
  finalizeCommit,
  getLockfile,
  getCommit,
  uploadFile,
];
