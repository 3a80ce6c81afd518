import { z } from "@hono/zod-openapi";
import type { PurgeAnswer } from "../../domain/purges/purges.ts";
import { jsonOperation, type Uses } from "../operation.ts";
import { int32Out, int64Out, textIn, timestampIn } from "../primitives.ts";
import { functionParam } from "./schemas.ts";

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
  method: "post",
  path: "/api/v1/functions/{function_id}/purge",
  summary:
    "Permanently erase ended invocations or commit files, of a function or of all functions (-)",
  permission: "functions:write",
  destroys: true,
  params: functionParam,
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
