import { z } from "@hono/zod-openapi";
import type { PurgeAnswer } from "../../domain/purges/purges.ts";
import { jsonOperation, type Uses } from "../operation.ts";
import {
  int32Out,
  int64Out,
  listOf,
  pageJson,
  pageOf,
  pageQuery,
  textIn,
  timestamp,
  timestampIn,
} from "../primitives.ts";
import type { PurgeRow } from "../../store/purges.ts";
import type { FunctionScope } from "../../domain/identity/mod.ts";

const purgeIn = z.object({
  before: timestampIn.optional().openapi({
    description: "Purge invocations that ended before this time, with input, output and log",
  }),
  commitId: textIn.default("").openapi({
    description: "Purge files of this commit: an id, HEAD or refs/tags/<name>",
  }),
  path: textIn.default("").openapi({
    description:
      "Purge this file and files with the same content: of the commit, or without commitId of " +
      "every commit. Without path, purge all files of the commit",
  }),
  dryRun: z.boolean().default(false).openapi({
    description: "Only return the counts of what the purge would erase",
  }),
}).openapi("invoked.PurgeRequest");

const purgeOut = z.object({
  invocations: int32Out,
  files: int32Out,
  bytes: int64Out.openapi({ description: "Inputs, outputs, errors, log lines and files" }),
  commitIds: z.array(z.string()).openapi({
    description: "Commits with purged files; these commits cannot run any more",
  }),
  remaining: z.array(z.object({
    functionId: z.string(),
    commitId: z.string(),
    path: z.string(),
  })).openapi({
    description:
      "The first 100 files with the same content that other commits keep, of functions that you may change",
  }),
}).openapi("invoked.PurgeResponse");

export const purgeFunction = jsonOperation({
  operationId: "invoked.FunctionService.Purge",
  route: "POST /api/v1/functions/{function_id}/purge",
  summary:
    "Permanently erase ended invocations or commit files, of a function or of all functions (-)",
  permission: "functions:write",
  destroys: true,
  body: purgeIn,
  response: purgeOut,
  async handle({ params, body, principal, functions }, { purges }: Uses<"purges">) {
    return purgeJson(await purges.purge(principal, params.function_id, body, functions));
  },
});

function purgeJson(answer: PurgeAnswer): z.input<typeof purgeOut> {
  const { invocations, files, bytes, commitIds, remaining } = answer;
  return {
    invocations,
    files,
    bytes: String(bytes),
    commitIds: [...commitIds],
    remaining: [...remaining],
  };
}

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
  route: "GET /api/v1/functions/{function_id}/purges",
  summary: "List the purges of a function, newest first",
  permission: "functions:read",
  query: pageQuery,
  response: listOf(purgeRecordOut),
  async handle({ params, query, functions }, { purges }: Uses<"purges">) {
    return pageJson(
      await purges.list(params.function_id, pageOf(query)),
      (row) => purgeRecordJson(row, functions),
    );
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
