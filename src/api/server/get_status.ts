import { z } from "@hono/zod-openapi";
import { jsonOperation } from "../operation.ts";
import { durationJson, durationOut, int32Out } from "../primitives.ts";

const bytes = z.number().int().openapi({
  description: "Memory in bytes that these processes share with no other process",
});

const size = z.number().int().openapi({ description: "Bytes" });

const worker = z.object({
  id: z.string(),
  version: z.string(),
  capacity: int32Out.openapi({ description: "Number of its slots" }),
  free: int32Out,
  isDraining: z.boolean().openapi({ description: "Whether it accepts no new calls" }),
}).openapi("invoked.Worker");

const status = z.object({
  version: z.string(),
  uptime: durationOut,
  walls: z.string().openapi({ description: "The isolation in force" }),
  slots: z.object({
    running: int32Out,
    queued: int32Out,
    limit: int32Out.openapi({ description: "Calls that may run at the same time, on all workers" }),
    perSecond: z.number().optional().openapi({
      description: "Slots granted a second while all are taken; absent without a measurement",
    }),
  }),
  disk: z.object({
    freeBytes: size,
    totalBytes: size,
    databaseBytes: size.optional().openapi({ description: "Absent for PostgreSQL" }),
  }).openapi({ description: "The file system with the data directory" }),
  workers: z.array(worker).optional().openapi({ description: "Absent without a cluster" }),
  root: z.object({ count: int32Out, privateBytes: bytes }).optional(),
  templates: z.object({ blank: int32Out, script: int32Out, privateBytes: bytes }).optional(),
  instances: z.object({ count: int32Out, waiting: int32Out, privateBytes: bytes }).optional()
    .openapi({ description: "Absent, as root and templates, while each call starts a process" }),
}).openapi("invoked.Status");

export const getStatus = jsonOperation({
  operationId: "invoked.ServerService.GetStatus",
  method: "get",
  path: "/api/v1/status",
  summary: "Report slots, walls, disk, workers, and the processes from which calls are forked",
  permission: "read",
  response: status,
  async handle(_, { serverStatus }) {
    const { version, uptimeMs, walls, load, forks, disk, workers } = await serverStatus();
    const { running, queued, maxRunning: limit, perSecond } = load;
    const { databaseBytes, ...fileSystem } = disk;
    return {
      version,
      uptime: durationJson(Math.floor(uptimeMs)),
      walls,
      slots: { running, queued, limit, ...perSecond === undefined ? {} : { perSecond } },
      disk: { ...fileSystem, ...databaseBytes === undefined ? {} : { databaseBytes } },
      ...workers === undefined ? {} : { workers: [...workers] },
      ...forks,
    };
  },
});
