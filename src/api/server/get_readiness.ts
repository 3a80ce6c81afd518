import { z } from "@hono/zod-openapi";
import { rawOperation, Reply, type Uses } from "../operation.ts";

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
