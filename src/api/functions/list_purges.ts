import { z } from "@hono/zod-openapi";
import type { PurgeRow } from "../../store/purges.ts";
import type { FunctionScope } from "../../domain/identity/mod.ts";
import { jsonOperation, type Uses } from "../operation.ts";
import { int32Out, int64Out, listOf, pageOf, pageQuery, timestamp } from "../primitives.ts";
import { functionParam } from "./schemas.ts";

const purgeRecordOut = z.object({
  id: z.string(),
  purgedAt: timestamp,
  purgedBy: z.string().openapi({ description: "Display name of the principal" }),
  before: timestamp.optional().openapi({
    description: "Absent for a purge of files",
  }),
  commitId: z.string().optional().openapi({
    description:
      "The commit whose files were purged; absent if the purge covered every commit with the file",
  }),
  path: z.string().optional().openapi({
    description: "Absent if the purge covered all files of the commit",
  }),
  allFunctions: z.boolean().optional().openapi({
    description:
      "Whether the purge covered the invocations of all functions; its counts are totals, and " +
      "absent for callers whose roles are narrowed to functions",
  }),
  finishedAt: timestamp.optional().openapi({ description: "Absent until everything is erased" }),
  invocations: int32Out.optional(),
  files: int32Out.optional(),
  bytes: int64Out.optional(),
}).openapi("invoked.FunctionPurge");

export const listPurges = jsonOperation({
  operationId: "invoked.FunctionService.ListPurges",
  method: "get",
  path: "/api/v1/functions/{function_id}/purges",
  summary: "List the purges of a function, newest first",
  permission: "functions:read",
  params: functionParam,
  query: pageQuery,
  response: listOf(purgeRecordOut),
  async handle({ params, query, functions }, { purges }: Uses<"purges">) {
    const { list, nextPageToken } = await purges.list(params.function_id, pageOf(query));
    return { list: list.map((row) => purgeRecordJson(row, functions)), nextPageToken };
  },
});

/** @param functions that the caller may see: totals of all functions are for callers who may see all */
function purgeRecordJson(
  row: PurgeRow,
  functions: FunctionScope,
): z.input<typeof purgeRecordOut> {
  const { id, purgedAt, purgedBy, before, commitId, path, finishedAt } = row;
  return {
    id,
    purgedAt,
    purgedBy,
    ...before === null ? {} : { before },
    ...commitId === null ? {} : { commitId },
    ...path === null ? {} : { path },
    ...row.functionId === null ? { allFunctions: true } : {},
    ...finishedAt === null ? {} : { finishedAt },
    ...row.functionId === null && functions !== "all" ? {} : {
      invocations: row.invocations,
      files: row.files,
      bytes: String(row.bytes),
    },
  };
}
