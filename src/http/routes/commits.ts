import { z } from "@hono/zod-openapi";
import type { Domain } from "../../domain/mod.ts";
import { type App, endpoint } from "../endpoint.ts";
import {
  commitJson,
  commitMessageIn,
  commitOut,
  typeCheckJson,
  typeCheckOut,
} from "../../api/commits/schemas.ts";
import { filesOut } from "../../api/functions/schemas.ts";
import { bytesOut, empty, encodeBase64, listOf, pageQuery } from "../../api/primitives.ts";

const SERVICE = "c1.api.functions.v1.FunctionsService";
const functionParam = z.object({ function_id: z.string() });
const commitParams = z.object({ function_id: z.string(), commit_id: z.string() });

/** Make commits in three steps, and read them. */
export function commitRoutes(app: App, { commits }: Domain, maxBodyBytes: number): void {
  endpoint(app, maxBodyBytes, {
    operationId: `${SERVICE}.ListCommits`,
    method: "get",
    path: "/api/v1/functions/{function_id}/commits",
    summary: "List the commits of a function, newest first",
    params: functionParam,
    query: pageQuery,
    response: listOf(commitOut),
  }, async ({ params, query }) => {
    const page = { pageSize: query.page_size, pageToken: query.page_token };
    const { list, nextPageToken } = await commits.list(params.function_id, page);
    return { list: list.map(commitJson), nextPageToken };
  });

  endpoint(app, maxBodyBytes, {
    operationId: `${SERVICE}.Commit`,
    method: "post",
    path: "/api/v1/functions/{function_id}/commits",
    summary: "Open a commit: declare its files, and learn where to upload each",
    params: functionParam,
    body: z.object({
      filenames: z.array(z.string()).default([]),
      commitMessage: commitMessageIn,
    }).openapi("c1.api.functions.v1.FunctionsServiceCommitRequest"),
    response: z.object({ commitId: z.string(), uploadUrls: z.record(z.string(), z.string()) }),
  }, async ({ params, body, principal }) => {
    const spec = { filenames: body.filenames, message: body.commitMessage };
    const { commitId, uploadUrls } = await commits.open(principal, params.function_id, spec);
    return { commitId, uploadUrls: Object.fromEntries(uploadUrls) };
  });

  endpoint(app, maxBodyBytes, {
    operationId: `${SERVICE}.FinalizeCommit`,
    method: "post",
    path: "/api/v1/functions/{function_id}/commits/{commit_id}/finalize",
    summary: "Build and lock an open commit, and make it the head",
    params: commitParams,
    body: empty,
    response: z.object({ commit: commitOut, typeCheck: typeCheckOut }),
  }, async ({ params }) => {
    const row = await commits.finalize(params.function_id, params.commit_id);
    return { commit: commitJson(row), typeCheck: typeCheckJson(row) };
  });

  endpoint(app, maxBodyBytes, {
    operationId: `${SERVICE}.GetLockfile`,
    method: "get",
    path: "/api/v1/functions/{function_id}/commits/{commit_id}/lockfile",
    slashes: "commit_id",
    summary: "Get the deno.lock that pins a commit's dependencies",
    params: commitParams,
    response: z.object({ content: bytesOut, exists: z.boolean() }),
  }, async ({ params }) => ({
    content: encodeBase64(await commits.lockfile(params.function_id, params.commit_id)),
    exists: true,
  }));

  endpoint(app, maxBodyBytes, {
    operationId: `${SERVICE}.GetCommit`,
    method: "get",
    path: "/api/v1/functions/{function_id}/commits/{id}",
    slashes: "id",
    summary: "Get a commit and its files, by id, HEAD or refs/tags/<name>",
    params: z.object({ function_id: z.string(), id: z.string() }),
    response: z.object({ commit: commitOut, files: filesOut, typeCheck: typeCheckOut }),
  }, async ({ params }) => {
    const { commit, files } = await commits.get(params.function_id, params.id);
    const contents = Array.from(files, ([path, content]) => [path, encodeBase64(content)] as const);
    return {
      commit: commitJson(commit),
      files: Object.fromEntries(contents),
      typeCheck: typeCheckJson(commit),
    };
  });
}
