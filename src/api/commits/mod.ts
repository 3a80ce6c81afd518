import { filesOut } from "../functions/schemas.ts";
import {
  BINARY,
  jsonOperation,
  type Operation,
  rawOperation,
  Reply,
  type Uses,
} from "../operation.ts";
import {
  bytesOut,
  empty,
  encodeBase64,
  idPrefixIn,
  listOf,
  pageJson,
  pageOf,
  pageQuery,
  trueOrFalse,
} from "../primitives.ts";
import {
  commitJson,
  commitMessageIn,
  commitOut,
  typeCheckJson,
  typeCheckOut,
  warningsJson,
  warningsOut,
} from "./schemas.ts";
import { z } from "@hono/zod-openapi";
import { preconditionHeaders, readPreconditions } from "../preconditions.ts";
import { embeddedBase64 } from "../../shared/json_text.ts";
import { loadReportJson, loadReportOut } from "./load_report.ts";
import { getTypes } from "./get_types.ts";

const listCommits = jsonOperation({
  operationId: "c1.api.functions.v1.FunctionsService.ListCommits",
  route: "GET /api/v1/functions/{function_id}/commits",
  summary: "List the commits of a function, newest first",
  permission: "functions:read",
  query: pageQuery.extend({ id_prefix: idPrefixIn }),
  response: listOf(commitOut),
  async handle({ params, query }, { commits }: Uses<"commits">) {
    return pageJson(
      await commits.list(
        params.function_id,
        pageOf(query),
        query.id_prefix,
      ),
      commitJson,
    );
  },
});

const createInitialCommit = jsonOperation({
  operationId: "c1.api.functions.v1.FunctionsService.CreateInitialCommit",
  route: "POST /api/v1/functions/{function_id}/commits",
  summary: "Open a commit: declare its files and get their upload URLs",
  permission: "functions:write",
  body: z.object({
    filenames: z.array(z.string()).default([]),
    commitMessage: commitMessageIn,
  }).openapi("c1.api.functions.v1.FunctionsServiceCreateInitialCommitRequest"),
  response: z.object({ commitId: z.string(), uploadUrls: z.record(z.string(), z.string()) }),
  async handle({ params, body, principal }, { commits }: Uses<"commits">) {
    const spec = { filenames: body.filenames, message: body.commitMessage };
    const { commitId, uploadUrls } = await commits.open(principal, params.function_id, spec);
    return { commitId, uploadUrls: Object.fromEntries(uploadUrls) };
  },
});

const createFinalCommit = jsonOperation({
  operationId: "c1.api.functions.v1.FunctionsService.CreateFinalCommit",
  route: "POST /api/v1/functions/{function_id}/commits/{commit_id}/finalize",
  summary: "Build an open commit, lock its dependencies and make the commit the head",
  permission: "functions:write",
  headers: preconditionHeaders,
  body: empty,
  response: z.object({ commit: commitOut, typeCheck: typeCheckOut, warnings: warningsOut }),
  async handle({ params, headers }, { commits }: Uses<"commits">) {
    const { function_id, commit_id } = params;
    const row = await commits.finalize(function_id, commit_id, readPreconditions(headers));
    return { commit: commitJson(row), typeCheck: typeCheckJson(row), warnings: warningsJson(row) };
  },
});

const getLockFile = jsonOperation({
  operationId: "c1.api.functions.v1.FunctionsService.GetLockFile",
  route: "GET /api/v1/functions/{function_id}/commits/{commit_id}/lockfile",
  slashes: { commit_id: "commit-reference" },
  summary: "Get the deno.lock that pins a commit's dependencies",
  permission: "functions:read",
  response: z.object({ content: bytesOut, exists: z.boolean() }),
  async handle({ params }, { commits }: Uses<"commits">) {
    const content = await commits.lockfile(params.function_id, params.commit_id);
    return { content: encodeBase64(content), exists: true };
  },
});

const getCommitContent = jsonOperation({
  operationId: "c1.api.functions.v1.FunctionsService.GetCommitContent",
  route: "GET /api/v1/functions/{function_id}/commits/{id}",
  slashes: { id: "commit-reference" },
  summary: "Get a commit and its files, by id, HEAD or refs/tags/<name>",
  permission: "functions:read",
  query: z.object({
    show_purged: trueOrFalse.default("false").openapi({
      description: "Return the remaining files of a commit with purged files instead of status 410",
    }),
  }),
  response: z.object({
    commit: commitOut,
    files: filesOut,
    typeCheck: typeCheckOut,
    warnings: warningsOut,
    loadReport: loadReportOut,
    parentCommitId: z.string().optional().openapi({
      description: "The head until this commit was finalized; absent for the first commit",
    }),
    purgedPaths: z.array(z.string()).optional().openapi({
      description: "Purged files; absent without purged files",
    }),
  }),
  async handle({ params, query }, { commits }: Uses<"commits">) {
    const { commit, parentId, files, purgedPaths } = await commits.get(
      params.function_id,
      params.id,
      query.show_purged === "true",
    );
    const contents = Array.from(
      files,
      ([path, content]) => [path, embeddedBase64(content)] as const,
    );
    return {
      commit: commitJson(commit),
      files: Object.fromEntries(contents),
      typeCheck: typeCheckJson(commit),
      warnings: warningsJson(commit),
      ...loadReportJson(commit),
      ...parentId === undefined ? {} : { parentCommitId: parentId },
      ...purgedPaths.length === 0 ? {} : { purgedPaths: [...purgedPaths] },
    };
  },
});

/** The signed token in the path is the credential. */
const uploadFile = rawOperation({
  operationId: "invoked.UploadService.Upload",
  route: "PUT /file/{token}",
  summary: "Upload a file of an open commit to its upload URL",
  permission: "signed-url",
  // The commit that the file belongs to is audited.
  audit: "none",
  content: { "application/octet-stream": BINARY },
  answers: { 204: { description: "Uploaded" } },
  async handle({ params, body }, { commits, maxFileBytes }: Uses<"commits" | "maxFileBytes">) {
    // Before the body is read: an invalid token costs no memory.
    const file = await commits.checkUpload(params.token);
    await commits.upload(file, await body.read(maxFileBytes, "--max-file"));
    return Reply.empty(204);
  },
});

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
