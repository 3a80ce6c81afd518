import { z } from "@hono/zod-openapi";
import { isAlmostFull } from "../../domain/alerts/conditions.ts";
import { jsonOperation, type Uses } from "../operation.ts";
import { timestamp } from "../primitives.ts";
import { durationJson, durationOut, int32Out } from "../primitives.ts";

const bytes = z.number().int().optional().openapi({
  description:
    "Private memory of these processes in bytes; absent if the server may not inspect them",
});

const size = z.number().int().openapi({ description: "Bytes" });

const worker = z.object({
  id: z.string(),
  version: z.string(),
  capacity: int32Out.openapi({ description: "Number of slots of the worker" }),
  free: int32Out,
  isDraining: z.boolean().openapi({ description: "Whether the worker rejects new invocations" }),
}).openapi("invoked.Worker");

const status = z.object({
  version: z.string(),
  commit: z.string().openapi({ description: "Commit of the release or clone, or `unknown`" }),
  deno: z.string(),
  schema: z.string().openapi({ description: "Newest migration of the database" }),
  protocol: int32Out.openapi({ description: "Protocol of API nodes and workers" }),
  uptime: durationOut,
  walls: z.string().openapi({ description: "The isolation in force" }),
  paused: z.object({
    since: timestamp.openapi({ description: "When the backup was restored" }),
    backupAt: timestamp.openapi({ description: "When the backup was taken" }),
  }).optional().openapi({
    description:
      "Present while schedules, webhooks, retries and asynchronous invocations wait for Resume",
  }),
  damaged: z.array(z.string()).optional().openapi({
    description:
      "What reads since the start and the last verification found damaged, at most 100 entries",
  }),
  slots: z.object({
    running: int32Out,
    queued: int32Out,
    limit: int32Out.openapi({
      description: "Invocations that may run at the same time on all workers",
    }),
    perSecond: z.number().optional().openapi({
      description:
        "Slots granted per second while all slots are taken; absent without a measurement",
    }),
  }),
  disk: z.object({
    freeBytes: size,
    totalBytes: size,
    isAlmostFull: z.boolean().openapi({
      description: "Whether so little is free that the alert InvokedDiskAlmostFull may begin",
    }),
    databaseBytes: size.optional().openapi({ description: "Absent for PostgreSQL" }),
  }).openapi({ description: "The file system of the data directory" }),
  workers: z.array(worker).optional().openapi({ description: "Absent without a cluster" }),
  root: z.object({ count: int32Out, privateBytes: bytes }).optional(),
  templates: z.object({ blank: int32Out, script: int32Out, privateBytes: bytes }).optional(),
  instances: z.object({ count: int32Out, waiting: int32Out, privateBytes: bytes }).optional()
    .openapi({
      description: "Absent, like root and templates, while every invocation spawns a process",
    }),
}).openapi("invoked.Status");

export const getStatus = jsonOperation({
  operationId: "invoked.ServerService.GetStatus",
  route: "GET /api/v1/status",
  summary: "Report slots, isolation, disk, workers, and the processes that fork instances",
  permission: "server:read",
  response: status,
  async handle(_, { serverStatus }: Uses<"serverStatus">) {
    const state = await serverStatus();
    const { versions, uptimeMs, walls, paused, damaged, load, forks, disk, workers } = state;
    const { running, queued, maxRunning: limit, perSecond } = load;
    const { databaseBytes, ...fileSystem } = disk;
    return {
      ...versions,
      uptime: durationJson(Math.floor(uptimeMs)),
      walls,
      ...paused === undefined ? {} : { paused: { ...paused } },
      ...damaged.length === 0 ? {} : { damaged: [...damaged] },
      slots: { running, queued, limit, ...perSecond === undefined ? {} : { perSecond } },
      disk: {
        ...fileSystem,
        isAlmostFull: isAlmostFull(fileSystem),
        ...databaseBytes === undefined ? {} : { databaseBytes },
      },
      ...workers === undefined ? {} : { workers: [...workers] },
      ...forks,
    };
  },
});
