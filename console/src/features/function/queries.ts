/** The function of the page, its commits, and the files of a commit. */
import { queryOptions, useInfiniteQuery, useSuspenseQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import {
  type BuildWarning,
  call,
  type Commit,
  decodeBytes,
  encodeBytes,
  type Fn,
  type LoadReport,
  type TypeDiagnostic,
} from "../../api/client.ts";
import { keys, type ListQuery, listQuery } from "../../api/queries.ts";
import type { FileContent, FileContents } from "../../parts/files.ts";
import { shortId, visibleText } from "../../parts/format.ts";

const REPORTS_POLL = 1_000;
const COMMIT_ID = /^[0-9A-Za-z]{27}$/;

/** A commit with its files; the content of a file is base64. */
export interface CommitContent {
  readonly commit: Commit;
  /** The head until the commit was made; empty for the first commit. */
  readonly parentId: string;
  readonly files: Readonly<Record<string, string>>;
  readonly types: "PENDING" | "CHECKED" | "NOT_CHECKED";
  readonly diagnostics: readonly TypeDiagnostic[];
  readonly warnings: readonly BuildWarning[];
  /** Why a type check ended without a result; undefined without such a check. */
  readonly unchecked: string | undefined;
  /** Undefined for a commit that cannot run. */
  readonly loadReport: LoadReport | undefined;
}

export const functionQuery = (id: string) =>
  queryOptions({
    queryKey: keys.function(id),
    queryFn: async ({ signal }) => {
      const answer = await call("GET /api/v1/functions/{id}", { path: { id }, signal });
      return answer.function as Fn;
    },
  });

/** The content of a commit never changes; its type check and its load report come later. */
export const commitQuery = (functionId: string, id: string) =>
  queryOptions({
    queryKey: keys.commit(functionId, id),
    queryFn: async ({ signal }): Promise<CommitContent> => {
      const path = { function_id: functionId, id };
      const request = call("GET /api/v1/functions/{function_id}/commits/{id}", { path, signal });
      const { commit, parentCommitId = "", files, typeCheck, warnings, loadReport } = await request;
      return {
        commit: commit as Commit,
        parentId: parentCommitId,
        files: files ?? {},
        types: typeStateOf(typeCheck?.state),
        diagnostics: typeCheck?.diagnostics ?? [],
        warnings: warnings ?? [],
        unchecked: typeCheck?.message,
        loadReport,
      };
    },
    // A tag and HEAD come to name another commit.
    staleTime: COMMIT_ID.test(id) ? Infinity : 0,
    refetchInterval: ({ state }) => isPending(state.data) ? REPORTS_POLL : false,
  });

function isPending(content: CommitContent | undefined): boolean {
  return content?.types === "PENDING" ||
    content?.loadReport?.state === "LOAD_STATE_PENDING";
}

function typeStateOf(state: string | undefined): CommitContent["types"] {
  const word = state?.replace("TYPE_CHECK_STATE_", "");
  return word === "PENDING" || word === "CHECKED" ? word : "NOT_CHECKED";
}

/** The declarations of a commit's packages and of the SDK, by path; of the SDK alone without a commit. */
export const typesQuery = (functionId: string, id: string) =>
  queryOptions({
    queryKey: [...keys.commit(functionId, id), "types"],
    queryFn: async ({ signal }) => {
      const request = id === ""
        ? call("GET /api/v1/functions/types", { signal })
        : call("GET /api/v1/functions/{function_id}/commits/{commit_id}/types", {
          path: { function_id: functionId, commit_id: id },
          signal,
        });
      const { files } = await request;
      return Object.fromEntries(
        Object.entries(files).map(([path, content]) => [path, textOf(content) ?? ""]),
      );
    },
    // A commit keeps its types, which are large: what changes a function does not read them again.
    staleTime: "static",
  });

/** The commits of a function, newest first. */
export const commitsQuery = (functionId: string): ListQuery<Commit> =>
  listQuery(keys.commits(functionId), "GET /api/v1/functions/{function_id}/commits", {
    path: { function_id: functionId },
  });

/** The function of the page. The page shows a tab only once it has the function. */
export function useFunction(): Fn {
  const { functionId } = useParams({ from: "/shell/functions/$functionId" });
  return useSuspenseQuery(functionQuery(functionId)).data;
}

const MESSAGE_CHARACTERS = 60;

/** The published commit, however old it is, and the newest ones, as options of a field. */
export function useCommitOptions(
  { id, publishedCommitId = "" }: Fn,
): readonly { readonly value: string; readonly label: string }[] {
  const { data } = useInfiniteQuery(commitsQuery(id));
  const commits = data?.pages.flatMap(({ list }) => list) ?? [];
  const isListed = commits.some((commit) => commit.id === publishedCommitId);
  return [
    ...publishedCommitId === "" || isListed ? [] : [{ id: publishedCommitId }],
    ...commits,
  ].map(({ id, message = "" }: { readonly id: string; readonly message?: string }) => {
    const text = visibleText(message).slice(0, MESSAGE_CHARACTERS);
    const published = id === publishedCommitId ? "Published " : "";
    return { value: id, label: `${published}${shortId(id)} ${text}` };
  });
}

const decoder = new TextDecoder("utf-8", { fatal: true });

/** The text of a file's base64 content; undefined for bytes that are not UTF-8. */
export function textOf(base64: string): string | undefined {
  try {
    return decoder.decode(decodeBytes(base64));
  } catch {
    return undefined;
  }
}

const decoded = new WeakMap<Readonly<Record<string, string>>, FileContents>();

/** Files by their paths, from their base64 contents; of the same object the same files. */
export function contentsOf(files: Readonly<Record<string, string>>): FileContents {
  const known = decoded.get(files);
  if (known !== undefined) return known;
  const contents = Object.fromEntries(
    Object.entries(files).map(([path, base64]) => [path, textOf(base64) ?? { base64 }]),
  );
  decoded.set(files, contents);
  return contents;
}

const encoder = new TextEncoder();

export function bytesOf(content: FileContent): Uint8Array<ArrayBuffer> {
  return typeof content === "string" ? encoder.encode(content) : decodeBytes(content.base64);
}

/** The content of a file of the reader's disk. */
export async function contentOf(file: File): Promise<FileContent> {
  const base64 = encodeBytes(new Uint8Array(await file.arrayBuffer()));
  return textOf(base64) ?? { base64 };
}
