import { z } from "@hono/zod-openapi";
import { jsonOperation, type Uses } from "../operation.ts";

export const resume = jsonOperation({
  operationId: "invoked.RestoreService.Resume",
  method: "post",
  path: "/api/v1/resume",
  summary: "Start what waits on a server that was restored from a backup",
  permission: "server:write",
  ofClient: true,
  audit: "call",
  body: z.object({}).openapi("invoked.ResumeRequest"),
  response: z.object({
    resumed: z.boolean().openapi({ description: "False if the server was not paused" }),
  }).openapi("invoked.ResumeResponse"),
  async handle(_, { pause }: Uses<"pause">) {
    return { resumed: await pause.end() };
  },
});
