import { z } from "@hono/zod-openapi";
import { jsonOperation, type Operation, rawOperation, Reply, type Uses } from "../operation.ts";
import { DomainError } from "../../domain/errors.ts";
import { getReadiness } from "./get_readiness.ts";
import { getStatus } from "./get_status.ts";
import { watchChanges } from "./watch_changes.ts";

const getHealth = jsonOperation({
  operationId: "invoked.HealthService.GetHealth",
  method: "get",
  path: "/healthz",
  summary: "Report that the process runs",
  permission: "public",
  response: z.object({ status: z.literal("ok") }),
  handle: () => Promise.resolve({ status: "ok" as const }),
});

const getOpenApi = jsonOperation({
  operationId: "invoked.OpenApiService.GetDocument",
  method: "get",
  path: "/openapi.json",
  summary: "Get this document",
  permission: "public",
  response: z.looseObject({ openapi: z.string() }),
  handle: (_, { openApiDocument }: Uses<"openApiDocument">) => Promise.resolve(openApiDocument()),
});

const getMetrics = rawOperation({
  operationId: "invoked.ServerService.GetMetrics",
  method: "get",
  path: "/api/v1/metrics",
  summary: "Get the metrics of the node that answers, in the format of Prometheus",
  permission: "metrics:read",
  ofClient: true,
  answers: { 200: { description: "OK", content: { "text/plain": z.string() } } },
  async handle(_, { metricsPage }: Uses<"metricsPage">) {
    if (metricsPage === undefined) {
      throw new DomainError(
        "METRICS_OFF",
        "The server does not serve metrics; start the server with --metrics",
      );
    }
    const { contentType, text } = await metricsPage();
    return Reply.stream(new Blob([text]).stream(), { "Content-Type": contentType });
  },
});

const resume = jsonOperation({
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

/** Ask about the server itself, and resume it. */
export const SERVER_OPERATIONS: readonly Operation[] = [
  getHealth,
  getReadiness,
  getOpenApi,
  getStatus,
  getMetrics,
  resume,
  watchChanges,
];
