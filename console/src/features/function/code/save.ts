import { type QueryClient, useMutation, useQueryClient } from "@tanstack/react-query";
import { type RefObject, useCallback, useMemo, useRef } from "react";
import { ApiError, call, type Commit, encodeBytes, fetchRaw } from "../../../api/client.ts";
import { keys } from "../../../api/queries.ts";
import { useStored } from "../../../browser/stored.ts";
import type { Problem } from "../../../parts/monaco/models.ts";
import { bytesOf, type CommitContent, commitQuery, functionQuery } from "../queries.ts";
import { draftBetween, type Files, setDraft } from "./drafts.ts";
import { buildProblems } from "./problems.tsx";
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
class DraftsDiffer extends Error {
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
    loadReport: undefined,
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

export interface Saving {
  /** Saves the draft as a commit; without a draft it does nothing. */
  readonly save: () => Promise<void>;
  /** The message of the next commit, which this browser keeps. */
  readonly message: string;
  readonly setMessage: (message: string) => void;
  readonly isSaving: boolean;
  /** The commit of the last save. */
  readonly savedId: string | undefined;
  /** Where the build failed. */
  readonly problems: readonly Problem[];
  /** Why the last save failed, unless problems say it. */
  readonly error: unknown;
}

export function useSave(
  workspace: Workspace,
  format: RefObject<() => Promise<void>>,
): Saving {
  const queries = useQueryClient();
  const [message, setMessage] = useStored(`message.${workspace.functionId}`, "");
  const latest = useRef({ workspace, message });
  latest.current = { workspace, message };
  const { mutateAsync, isPending, data, error } = useMutation({
    mutationFn: async () => {
      await format.current();
      const { workspace, message } = latest.current;
      if (workspace.draft === undefined) return undefined;
      const savedId = await save(queries, workspace, message);
      setMessage("");
      return savedId;
    },
  });
  const isRunning = useRef(false);
  const start = useCallback(async () => {
    if (isRunning.current) return;
    isRunning.current = true;
    await mutateAsync().catch(() => {});
    isRunning.current = false;
  }, [mutateAsync]);
  const problems = useMemo(() => buildProblems(error), [error]);
  return {
    save: start,
    isSaving: isPending,
    savedId: data,
    problems,
    error: problems.length > 0 || error === null || isDecision(error) ? undefined : error,
    message,
    setMessage,
  };
}

/** A note of the page asks for the decision. */
function isDecision(error: unknown): boolean {
  return error instanceof HeadMoved || error instanceof DraftsDiffer;
}
