import { z } from "@hono/zod-openapi";
import { jsonOperation } from "../operation.ts";
import { int32Out } from "../primitives.ts";

const bytes = z.number().int().openapi({
  description: "Memory in bytes that these processes share with no other process",
});

const status = z.object({
  walls: z.string().openapi({ description: "The isolation in force" }),
  slots: z.object({ running: int32Out, queued: int32Out }),
  root: z.object({ count: int32Out, privateBytes: bytes }).optional(),
  templates: z.object({ blank: int32Out, script: int32Out, privateBytes: bytes }).optional(),
  instances: z.object({ count: int32Out, waiting: int32Out, privateBytes: bytes }).optional()
    .openapi({ description: "Absent, as root and templates, while each call starts a process" }),
}).openapi("invoked.Status");

export const getStatus = jsonOperation({
  operationId: "invoked.ServerService.GetStatus",
  method: "get",
  path: "/api/v1/status",
  summary: "Report slots, walls, and the processes from which calls are forked",
  permission: "read",
  response: status,
  async handle(_, { serverStatus }) {
    const { walls, load: { running, queued }, forks } = await serverStatus();
    return { walls, slots: { running, queued }, ...forks };
  },
});
