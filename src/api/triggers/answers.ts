/** The API's form of a trigger. */
import { z } from "@hono/zod-openapi";
import {
  CATCH_UPS,
  type CorsSettings,
  ENDPOINT_AUTHS,
  OVERLAPS,
  SIGNATURE_ENCODINGS,
  type TriggerSettings,
  WEBHOOK_HANDSHAKES,
  WEBHOOK_RESPONSES,
  type WebhookSettings,
} from "../../domain/triggers/settings.ts";
import type { MadeTrigger, Triggers, TriggerView } from "../../domain/triggers/triggers.ts";
import type { ShownSecret } from "../../domain/triggers/writes.ts";
import { durationJson, durationOut, int32Out, timestamp } from "../primitives.ts";

const catchUp = z.enum(CATCH_UPS);
const overlap = z.enum(OVERLAPS);
const empty = z.object({});

const scheduleOut = z.object({
  cronSpec: z.string().optional(),
  at: timestamp.optional(),
  timezone: z.string(),
  start: timestamp.optional(),
  input: z.record(z.string(), z.unknown()),
  catchUp: catchUp.openapi({ description: "What happens to times that passed without a server" }),
  overlap: overlap.openapi({ description: "What happens to a time while an earlier run goes on" }),
}).openapi("invoked.ScheduleTrigger");

const webhookOut = z.object({
  listenerId: z.string(),
  allowSourceCidrs: z.array(z.string()),
  maxBytes: int32Out,
  response: z.enum(WEBHOOK_RESPONSES),
  eventIdHeader: z.string().optional(),
  handshake: z.enum(WEBHOOK_HANDSHAKES).optional().openapi({
    description: "What GET and HEAD are answered; absent: 405, as for any other address",
  }),
  hmac: empty.optional().openapi({ description: "C1's signature" }),
  jwt: z.object({ jwksUrl: z.string() }).optional().openapi({ description: "C1's token" }),
  capabilityUrl: empty.optional().openapi({ description: "A path that is the secret" }),
  standardWebhooks: empty.optional(),
  github: empty.optional(),
  stripe: empty.optional(),
  slack: empty.optional(),
  discord: z.object({ publicKey: z.string() }).optional(),
  header: z.object({
    name: z.string(),
    prefix: z.string(),
    encoding: z.enum(SIGNATURE_ENCODINGS),
  }).optional().openapi({
    description: "HMAC-SHA256 of the body in a header, or the secret itself",
  }),
}).openapi("invoked.WebhookTrigger");

const corsOut = z.object({
  allowOrigins: z.array(z.string()),
  allowMethods: z.array(z.string()),
  allowHeaders: z.array(z.string()),
  exposeHeaders: z.array(z.string()),
  allowCredentials: z.boolean(),
  maxAge: durationOut.optional(),
}).openapi("invoked.CrossOriginSharing");

const httpOut = z.object({
  slug: z.string(),
  auth: z.enum(ENDPOINT_AUTHS),
  host: z.string().optional(),
  cors: corsOut.optional(),
  recordBody: z.boolean(),
}).openapi("invoked.HttpTrigger");

export const triggerOut = z.object({
  id: z.string(),
  functionId: z.string(),
  displayName: z.string(),
  paused: z.boolean(),
  vfsId: z.string().optional().openapi({ description: "Absent: the volume of the function" }),
  schedule: scheduleOut.optional(),
  webhook: webhookOut.optional(),
  http: httpOut.optional(),
  lastRun: z.object({
    time: timestamp,
    invocationId: z.string().optional(),
    reason: z.string().optional().openapi({ description: "Why no call was started" }),
  }).optional().openapi({
    description: "Absent for http triggers: each request is an invocation of the function",
  }),
  nextRuns: z.array(timestamp).openapi({ description: "The next times of a schedule" }),
  createdAt: timestamp,
  updatedAt: timestamp,
}).openapi("invoked.Trigger");

export const triggerAnswer = z.object({ trigger: triggerOut });

export const shownSecrets = {
  webhookHmacSecret: z.string().optional().openapi({
    description: "Secret of the method hmac; returned once",
  }),
  webhookSecret: z.string().optional().openapi({
    description: "Secret of other methods; returned once",
  }),
  webhookCapabilityUrl: z.string().optional().openapi({
    description: "Address with the secret; returned once",
  }),
};

export const madeTriggerOut = z.object({ trigger: triggerOut, ...shownSecrets });

/** The API's form of a trigger. */
export function triggerJson(
  { row, settings, lastRun, nextRuns }: TriggerView,
): z.input<typeof triggerOut> {
  return {
    id: row.id,
    functionId: row.functionId,
    displayName: row.displayName,
    paused: row.paused === 1,
    ...row.volumeId === null ? {} : { vfsId: row.volumeId },
    ...settingsJson(settings, row.listenerId ?? ""),
    ...lastRun === undefined ? {} : {
      lastRun: {
        time: lastRun.time,
        ...lastRun.invocationId === null ? {} : { invocationId: lastRun.invocationId },
        ...lastRun.reason === null ? {} : { reason: lastRun.reason },
      },
    },
    nextRuns: [...nextRuns],
    createdAt: row.createdAt,
    updatedAt: row.updatedAt,
  };
}

/** The API's form of a trigger with the secret that a request has made. */
export function madeTriggerJson(
  { trigger, secret }: MadeTrigger,
  triggers: Triggers,
): z.input<typeof madeTriggerOut> {
  return { trigger: triggerJson(trigger), ...secretJson(trigger.row, secret, triggers) };
}

/** The field of a secret that is shown once. */
export function secretJson(
  row: TriggerView["row"],
  secret: ShownSecret | undefined,
  triggers: Triggers,
): Partial<Record<keyof typeof shownSecrets, string>> {
  switch (secret?.form) {
    case undefined:
      return {};
    case "c1":
      return { webhookHmacSecret: secret.value };
    case "token":
      return { webhookCapabilityUrl: triggers.capabilityUrl(row, secret.value) };
    case "standard":
    case "text":
    case "plain":
      return { webhookSecret: secret.value };
  }
}

function settingsJson(
  settings: TriggerSettings,
  listenerId: string,
): Partial<z.input<typeof triggerOut>> {
  switch (settings.kind) {
    case "schedule":
      return { schedule: settings.schedule };
    case "webhook":
      return { webhook: webhookJson(settings.webhook, listenerId) };
    case "http": {
      const { cors, recordBody = false, ...http } = settings.http;
      return {
        http: { ...http, recordBody, ...cors === undefined ? {} : { cors: corsJson(cors) } },
      };
    }
  }
}

function webhookJson(
  { method, ...webhook }: WebhookSettings,
  listenerId: string,
): z.input<typeof webhookOut> {
  const { kind, ...parameters } = method;
  const { allowSourceCidrs, ...rest } = webhook;
  return {
    listenerId,
    allowSourceCidrs: [...allowSourceCidrs],
    ...rest,
    [kind]: parameters,
  };
}

function corsJson({ maxAgeMs, ...cors }: CorsSettings): z.input<typeof corsOut> {
  return {
    ...cors as { readonly [Name in keyof typeof cors]: never },
    ...maxAgeMs === undefined ? {} : { maxAge: durationJson(maxAgeMs) },
  };
}
