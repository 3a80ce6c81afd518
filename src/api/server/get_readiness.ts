import { z } from "@hono/zod-openapi";
import { rawOperation, Reply, type Uses } from "../operation.ts";

const ready = z.object({
  status: z.literal("ready"),
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
const notReady = z.object({ status: z.literal("not ready"), reason: z.string() });

export const getReadiness = rawOperation({
  operationId: "invoked.HealthService.GetReadiness",
  method: "get",
  path: "/readyz",
  summary: "Report whether the server accepts invocations, and how busy the server is",
  permission: "public",
  answers: {
    200: { description: "The server accepts invocations", content: { "application/json": ready } },
    503: {
      description: "The server accepts no invocations",
      content: { "application/json": notReady },
    },
  },
  handle: (_, { readiness }: Uses<"readiness">) => {
    const now = readiness();
    if (!now.ready) {
      return Promise.resolve(Reply.json({ status: "not ready", reason: now.reason }, {}, 503));
    }
    const { running, queued: waiting, perSecond } = now.load;
    const callsPerSecond = perSecond === undefined ? null : Number(perSecond.toPrecision(3));
    return Promise.resolve(Reply.json({
      status: "ready",
      running,
      waiting,
      callsPerSecond,
      ...now.damaged.length === 0 ? {} : { damaged: now.damaged },
    }));
  },
});
