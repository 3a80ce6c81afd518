import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { call } from "../../api/client.ts";
import { paging } from "../../api/paging.ts";
import { keys } from "../../api/keys.ts";
import type { BuildWarning, Commit, Fn, TypeDiagnostic } from "../../api/types.ts";
import { textOf } from "./content.ts";

const TYPES_POLL = 1_000;
const PAGE_SIZE = 50;
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
}

export const functionQuery = (id: string) =>
  queryOptions({
    queryKey: keys.function(id),
    queryFn: async ({ signal }) => {
      const answer = await call("GET /api/v1/functions/{id}", { path: { id }, signal });
      return answer.function as Fn;
    },
  });

/** The content of a commit never changes; its type check ends later. */
export const commitQuery = (functionId: string, id: string) =>
  queryOptions({
    queryKey: keys.commit(functionId, id),
    queryFn: async ({ signal }): Promise<CommitContent> => {
      const path = { function_id: functionId, id };
      const request = call("GET /api/v1/functions/{function_id}/commits/{id}", { path, signal });
      const { commit, parentCommitId = "", files, typeCheck, warnings } = await request;
      return {
        commit: commit as Commit,
        parentId: parentCommitId,
        files: files ?? {},
        types: typeStateOf(typeCheck?.state),
        diagnostics: typeCheck?.diagnostics ?? [],
        warnings: warnings ?? [],
        unchecked: typeCheck?.message,
      };
    },
    // A tag and HEAD come to name another commit.
    staleTime: COMMIT_ID.test(id) ? Infinity : 0,
    refetchInterval: ({ state }) => state.data?.types === "PENDING" ? TYPES_POLL : false,
  });

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
export const commitsQuery = (functionId: string) =>
  infiniteQueryOptions({
    queryKey: keys.commits(functionId),
    queryFn: async ({ signal, pageParam }) => {
      const request = call("GET /api/v1/functions/{function_id}/commits", {
        path: { function_id: functionId },
        query: { page_size: PAGE_SIZE, page_token: pageParam },
        signal,
      });
      const { list = [], nextPageToken = "" } = await request;
      return { list: list as Commit[], nextPageToken };
    },
    ...paging,
  });
