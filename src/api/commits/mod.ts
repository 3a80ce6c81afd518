import type { Operation } from "../operation.ts";
import { createFinalCommit } from "./create_final_commit.ts";
import { getCommitContent } from "./get_commit_content.ts";
import { getLockFile } from "./get_lock_file.ts";
import { getTypes } from "./get_types.ts";
import { listCommits } from "./list_commits.ts";
import { createInitialCommit } from "./create_initial_commit.ts";
import { uploadFile } from "./upload_file.ts";

/** Make commits in three steps, and read them. */
export const COMMIT_OPERATIONS: readonly Operation[] = [
  listCommits,
  createInitialCommit,
  createFinalCommit,
  getLockFile,
  getCommitContent,
  getTypes,
  uploadFile,
];
