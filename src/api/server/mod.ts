import { z } from "@hono/zod-openapi";
import { jsonOperation, type Operation, rawOperation, Reply, type Uses } from "../operation.ts";
import { DomainError } from "../../domain/errors.ts";
import { getStatus } from "./get_status.ts";
import { watchChanges } from "./watch_changes.ts";

const acceptance = z.object({
  accepted: z.boolean(),
  reason: z.string().optional().openapi({ description: "Why it would be rejected" }),
});
const modes = {
  synchronous: acceptance.openapi({
    description: "Whether a synchronous invocation would be accepted now, and could begin",
  }),
  asynchronous: acceptance.openapi({
    description:
      "Whether an asynchronous invocation would be accepted now; it may wait for a worker",
  }),
};
const ready = z.object({
  status: z.literal("ready"),
  ...modes,
  running: z.number().int(),
  waiting: z.number().int(),
  callsPerSecond: z.number().nullable().openapi({
    description: "Measured throughput while all slots are taken; null without a measurement",
  }),
  damaged: z.array(z.string()).optional().openapi({
    description:
      "What reads since the start and the last verification found damaged, at most 100 entries",
  }),
});
const notReady = z.object({ status: z.literal("not ready"), reason: z.string(), ...modes });

const getReadiness = rawOperation({
  operationId: "invoked.HealthService.GetReadiness",
  route: "GET /readyz",
  summary: "Report whether the server accepts invocations, and how busy the server is",
  permission: "public",
  answers: {
    200: { description: "The server accepts invocations", content: { "application/json": ready } },
    503: {
      description: "The server accepts no invocations",
      content: { "application/json": notReady },
    },
  },
  handle: async (_, { readiness }: Uses<"readiness">) => {
    const now = await readiness();
    const { synchronous, asynchronous } = now;
    if (!now.ready) {
      const { reason } = now;
      const answer = { status: "not ready", reason, synchronous, asynchronous };
      return Reply.json(answer, {}, 503);
    }
    const { running, queued: waiting, perSecond } = now.load;
    const callsPerSecond = perSecond === undefined ? null : Number(perSecond.toPrecision(3));
    return Reply.json({
      status: "ready",
      synchronous,
      asynchronous,
      running,
      waiting,
      callsPerSecond,
      ...now.damaged.length === 0 ? {} : { damaged: now.damaged },
    });
  },
});

const getHealth = jsonOperation({
  operationId: "invoked.HealthService.GetHealth",
  route: "GET /healthz",
  summary: "Report that the process runs",
  permission: "public",
  response: z.object({ status: z.literal("ok") }),
  handle: () => Promise.resolve({ status: "ok" as const }),
});

const getOpenApi = jsonOperation({
  operationId: "invoked.OpenApiService.GetDocument",
  route: "GET /openapi.json",
  summary: "Get this document",
  permission: "public",
  response: z.looseObject({ openapi: z.string() }),
  handle: (_, { openApiDocument }: Uses<"openApiDocument">) => Promise.resolve(openApiDocument()),
});

const getMetrics = rawOperation({
  operationId: "invoked.ServerService.GetMetrics",
  route: "GET /api/v1/metrics",
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
  route: "POST /api/v1/resume",
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
