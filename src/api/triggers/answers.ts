/** The API's form of a trigger. */
import { z } from "@hono/zod-openapi";
import type {
  CorsSettings,
  TriggerSettings,
  WebhookSettings,
} from "../../domain/triggers/settings.ts";
import type { MadeTrigger, Triggers, TriggerView } from "../../domain/triggers/triggers.ts";
import type { ShownSecret } from "../../domain/triggers/writes.ts";
import type { JsonOf } from "../../resources/field.ts";
import { type CORS, TRIGGER_SETTINGS } from "../../resources/triggers.ts";
import { durationJson, timestamp } from "../primitives.ts";
import { answerShape } from "../resource.ts";

const webhookOut = z.object({
  listenerId: z.string(),
  ...answerShape(TRIGGER_SETTINGS.webhook),
}).openapi("invoked.WebhookTrigger");

export const triggerOut = z.object({
  id: z.string(),
  functionId: z.string(),
  displayName: z.string(),
  paused: z.boolean(),
  vfsId: z.string().optional().openapi({ description: "Absent: the volume of the function" }),
  schedule: z.object(answerShape(TRIGGER_SETTINGS.schedule)).openapi("invoked.ScheduleTrigger")
    .optional(),
  webhook: webhookOut.optional(),
  http: z.object(answerShape(TRIGGER_SETTINGS.http)).openapi("invoked.HttpTrigger").optional(),
  lastRun: z.object({
    time: timestamp,
    invocationId: z.string().optional(),
    reason: z.string().optional().openapi({ description: "Why no invocation started" }),
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
      const { cors, ...http } = settings.http;
      return { http: { ...http, ...cors === undefined ? {} : { cors: corsJson(cors) } } };
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

function corsJson({ maxAgeMs, ...cors }: CorsSettings): JsonOf<typeof CORS> {
  return {
    ...cors as { readonly [Name in keyof typeof cors]: never },
    ...maxAgeMs === undefined ? {} : { maxAge: durationJson(maxAgeMs) },
  };
}
