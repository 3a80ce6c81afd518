import { z } from "@hono/zod-openapi";
import { jsonOperation } from "../operation.ts";

export const getHealth = jsonOperation({
  operationId: "invoked.HealthService.GetHealth",
  method: "get",
  path: "/healthz",
  summary: "Report that the process runs",
  permission: "public",
  response: z.object({ status: z.literal("ok") }),
  handle: () => Promise.resolve({ status: "ok" as const }),
});
