import { z } from "@hono/zod-openapi";
import type { DescribedPublishRow } from "../../store/functions.ts";
import { jsonOperation, type Uses } from "../operation.ts";
import { listOf, pageJson, pageOf, pageQuery, timestamp } from "../primitives.ts";
import { functionJson, functionOut } from "./schemas.ts";
import { preconditionHeaders, readPreconditions } from "../preconditions.ts";

const publishOut = z.object({
  id: z.string(),
  commitId: z.string().optional().openapi({ description: "Absent: the function was unpublished" }),
  previousCommitId: z.string().optional().openapi({
    description: "The previously published commit; absent for the first publish",
  }),
  publishedAt: timestamp.optional().openapi({
    description: "Absent for a publish before the server recorded this field",
  }),
  publishedBy: z.string().optional().openapi({
    description: "Display name of the principal who published; absent if publishedAt is absent",
  }),
  restoredPublishId: z.string().optional().openapi({
    description:
      "The publish that a roll-back restored; absent for other publishes, and for a roll-back " +
      "before the server recorded this field",
  }),
  message: z.string().openapi({ description: "The message of the commit" }),
}).openapi("invoked.FunctionPublish");

export const listPublishes = jsonOperation({
  operationId: "invoked.FunctionService.ListPublishes",
  route: "GET /api/v1/functions/{function_id}/publishes",
  summary: "List the publishes of a function, newest first",
  permission: "functions:read",
  query: pageQuery,
  response: listOf(publishOut),
  async handle({ params, query }, { publishes }: Uses<"publishes">) {
    return pageJson(await publishes.list(params.function_id, pageOf(query)), publishJson);
  },
});

function publishJson(row: DescribedPublishRow): z.input<typeof publishOut> {
  const { id, commitId, previousCommitId, publishedAt, publishedBy, restoredId, message } = row;
  return {
    id,
    ...commitId === null ? {} : { commitId },
    ...previousCommitId === null ? {} : { previousCommitId },
    ...publishedAt === null ? {} : { publishedAt },
    ...publishedBy === null ? {} : { publishedBy },
    ...restoredId === null ? {} : { restoredPublishId: restoredId },
    message: message ?? "",
  };
}

export const rollBackFunction = jsonOperation({
  operationId: "invoked.FunctionService.RollBack",
  route: "POST /api/v1/functions/{function_id}/rollback",
  summary:
    "Publish the previously published commit again; each further roll-back goes back one more publish",
  permission: "functions:write",
  headers: preconditionHeaders,
  body: z.object({
    commitId: z.string().default("").openapi({
      description:
        "Id, HEAD or tag of the commit to publish again; the next roll-back continues from the " +
        "last publish of this commit",
    }),
  }).openapi("invoked.RollBackRequest"),
  response: z.object({ function: functionOut }),
  async handle({ params, headers, body, principal }, { functions }: Uses<"functions">) {
    const preconditions = readPreconditions(headers);
    const { function_id: id } = params;
    const fn = await functions.rollBack(principal, id, body.commitId, preconditions);
    return { function: functionJson(fn) };
  },
});
