import { z } from "@hono/zod-openapi";
import { embeddedBase64 } from "../../shared/json_text.ts";
import { filesOut } from "../functions/schemas.ts";
import { jsonOperation, type Uses } from "../operation.ts";
import { trueOrFalse } from "../primitives.ts";
import { loadReportJson, loadReportOut } from "./load_report.ts";
import {
  commitJson,
  commitOut,
  typeCheckJson,
  typeCheckOut,
  warningsJson,
  warningsOut,
} from "./schemas.ts";

export const getCommitContent = jsonOperation({
  operationId: "c1.api.functions.v1.FunctionsService.GetCommitContent",
  method: "get",
  path: "/api/v1/functions/{function_id}/commits/{id}",
  slashes: { id: "commit-reference" },
  summary: "Get a commit and its files, by id, HEAD or refs/tags/<name>",
  permission: "functions:read",
  params: z.object({ function_id: z.string(), id: z.string() }),
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
