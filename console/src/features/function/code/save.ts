import type { QueryClient } from "@tanstack/react-query";
import { ApiError, call, fetchRaw } from "../../../api/client.ts";
import { keys } from "../../../api/keys.ts";
import type { Commit } from "../../../api/types.ts";
import { encodeBytes } from "../../../api/base64.ts";
import { bytesOf } from "../content.ts";
import { type CommitContent, commitQuery, functionQuery } from "../queries.ts";
import { setDraft } from "./draft_store.ts";
import { draftBetween, type Files } from "./drafts.ts";
import { currentFiles, type Workspace } from "./workspace.ts";

/** Uploads of one commit that run at the same time. */
const PARALLEL_UPLOADS = 4;

/** Somebody else made a commit since the draft began. */
export class HeadMoved extends Error {
  override readonly name = "HeadMoved";
  constructor() {
    super("Somebody saved a newer commit since you began. Nothing was saved: compare and decide");
  }
}

/** Another tab has another draft. */
export class DraftsDiffer extends Error {
  override readonly name = "DraftsDiffer";
  constructor() {
    super("Another tab has a different draft. Nothing was saved: compare and decide");
  }
}

/**
 * Makes a commit of the workspace's files. Text that is typed meanwhile stays a draft on top of it.
 * Throws `HeadMoved`, `DraftsDiffer`, or `ApiError`, as for a build that failed.
 */
export async function save(
  queries: QueryClient,
  workspace: Workspace,
  message: string,
): Promise<string> {
  const { functionId } = workspace;
  if (workspace.rival !== undefined) throw new DraftsDiffer();
  const files = currentFiles(workspace);
  const contents = new Map(
    Object.entries(files).map(([path, content]) => [path, bytesOf(content)] as const),
  );
  const opened = await call("POST /api/v1/functions/{function_id}/commits", {
    path: { function_id: functionId },
    body: { filenames: [...contents.keys()], commitMessage: message },
  });
  const { commitId = "", uploadUrls = {} } = opened;
  await upload(contents, uploadUrls);
  const { commit, warnings } = await finalize(queries, workspace, commitId);
  // The page already has the data that it shows next: the editor must not return to the former head meanwhile.
  queries.setQueryData(commitQuery(functionId, commitId).queryKey, {
    commit,
    parentId: workspace.base,
    files: Object.fromEntries([...contents].map(([path, bytes]) => [path, encodeBytes(bytes)])),
    types: "PENDING",
    diagnostics: [],
    warnings,
    unchecked: undefined,
  });
  queries.setQueryData(
    functionQuery(functionId).queryKey,
    (fn) => fn === undefined ? fn : { ...fn, head: commitId },
  );
  keepNewer(workspace, commitId, files);
  await queries.invalidateQueries({ queryKey: keys.commits(functionId), exact: true });
  await queries.invalidateQueries({ queryKey: keys.function(functionId) });
  return commitId;
}

/** Makes the commit the head, if the head is that of the workspace still. */
async function finalize(
  queries: QueryClient,
  { functionId, base }: Workspace,
  commitId: string,
): Promise<Pick<CommitContent, "commit" | "warnings">> {
  const request = call("POST /api/v1/functions/{function_id}/commits/{commit_id}/finalize", {
    path: { function_id: functionId, commit_id: commitId },
    header: base === "" ? { "If-None-Match": "*" } : { "If-Match": `"${base}"` },
    body: {},
  });
  try {
    const { commit, warnings = [] } = await request;
    return { commit: commit as Commit, warnings };
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 412) throw error;
    await queries.invalidateQueries({ queryKey: keys.function(functionId) });
    throw new HeadMoved();
  }
}

/** What the author typed during the save. */
function keepNewer(workspace: Workspace, commitId: string, files: Files): void {
  const newer = draftBetween(commitId, files, currentFiles(workspace));
  setDraft(workspace.functionId, newer, commitId);
}

async function upload(
  contents: ReadonlyMap<string, Uint8Array<ArrayBuffer>>,
  urls: Readonly<Record<string, string>>,
): Promise<void> {
  const waiting = contents.entries();
  const work = async () => {
    for (const [path, body] of waiting) {
      const url = urls[path];
      if (url === undefined) throw new ApiError(0, "", `The server gave no URL for ${path}`);
      const { pathname, search } = new URL(url, location.origin);
      await fetchRaw(pathname + search, { method: "PUT", body });
    }
  };
  await Promise.all(Array.from({ length: PARALLEL_UPLOADS }, work));
}
