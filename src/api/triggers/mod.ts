import { z } from "@hono/zod-openapi";
import { resource } from "../messages/of_schema.ts";
import {
  durationIn,
  empty,
  fieldMask,
  listOf,
  pageJson,
  pageOf,
  pageQuery,
  textIn,
  timestamp,
} from "../primitives.ts";
import { httpIn, scheduleIn, secretText, webhookIn } from "./settings.ts";
import { MAY_READ_VOLUME, type Principal, requirePermission } from "../../domain/identity/mod.ts";
import { jsonOperation, type Operation, type Uses } from "../operation.ts";
import {
  madeTriggerJson,
  madeTriggerOut,
  secretJson,
  shownSecrets,
  triggerAnswer,
  triggerJson,
  triggerOut,
} from "./answers.ts";
import type { DeliveryRow } from "../../store/deliveries.ts";
import {
  answerCapabilityHandshake,
  answerHandshake,
  receiveCapability,
  receiveDelivery,
} from "./receive_delivery.ts";
import { enumWords } from "../../resources/words.ts";

/** The fields of a trigger that a request can carry; others are ignored, but not inside its settings. */
const triggerIn = resource(z.object({
  displayName: textIn.optional(),
  paused: z.boolean().optional(),
  vfsId: z.string().optional().openapi({ description: "Volume of the trigger's invocations" }),
  schedule: scheduleIn.optional(),
  webhook: webhookIn.optional(),
  http: httpIn.optional(),
}));

/** Asserts that the caller may see the volumes that triggers of a request attach. @throws ROLE_MISSING */
function assertMayAttach(
  by: Principal,
  triggers: readonly ({ readonly vfsId?: string | undefined } | undefined)[],
): void {
  if (triggers.some((trigger) => trigger?.vfsId)) requirePermission(by, MAY_READ_VOLUME);
}

const listTriggers = jsonOperation({
  operationId: "invoked.TriggerService.ListTriggers",
  route: "GET /api/v1/functions/{function_id}/triggers",
  summary: "List the triggers of a function, newest first",
  permission: "functions:read",
  query: pageQuery,
  response: listOf(triggerOut),
  async handle({ params, query }, { triggers }: Uses<"triggers">) {
    return pageJson(await triggers.list(params.function_id, pageOf(query)), triggerJson);
  },
});

const createTrigger = jsonOperation({
  operationId: "invoked.TriggerService.CreateTrigger",
  route: "POST /api/v1/functions/{function_id}/triggers",
  summary: "Create a trigger; a generated secret is returned once",
  permission: "functions:write",
  body: z.object({ trigger: triggerIn }).openapi("invoked.CreateTriggerRequest"),
  response: madeTriggerOut,
  async handle({ params, body, principal }, { triggers }: Uses<"triggers">) {
    assertMayAttach(principal, [body.trigger]);
    return madeTriggerJson(await triggers.create(params.function_id, body.trigger), triggers);
  },
});

const CHANGES_MAX = 1_000;

const changeIn = z.object({
  id: textIn.optional().openapi({ description: "Absent: the trigger is created" }),
  trigger: triggerIn.optional().openapi({ description: "Absent: the trigger is deleted" }),
  updateMask: fieldMask.optional(),
}).refine(({ id, trigger }) => id !== undefined || trigger !== undefined, {
  error: "must have an id, a trigger, or both",
});

const applyTriggers = jsonOperation({
  operationId: "invoked.TriggerService.ApplyTriggers",
  route: "POST /api/v1/functions/{function_id}/triggers/apply",
  summary:
    "Create, change and delete triggers in one transaction, in which triggers may swap names and slugs",
  permission: "functions:write",
  destroys: true,
  body: z.object({
    changes: z.array(changeIn)
      .max(CHANGES_MAX, { error: `must have at most ${CHANGES_MAX} entries` }).default([]),
    validateOnly: z.boolean().optional().openapi({
      description: "Only validates the changes; the returned lists are empty",
    }),
  }).openapi("invoked.ApplyTriggersRequest"),
  response: z.object({
    list: z.array(triggerOut).openapi({
      description: "Created and changed triggers, in the order of the request",
    }),
    secrets: z.array(z.object({ triggerId: z.string(), ...shownSecrets })).openapi({
      description: "Generated secrets with their triggers; returned once",
    }),
  }),
  async handle(
    { params, body: { changes, validateOnly = false }, principal },
    { triggers }: Uses<"triggers">,
  ) {
    assertMayAttach(principal, changes.map(({ trigger }) => trigger));
    const made = await triggers.apply(params.function_id, changes, validateOnly);
    return {
      list: made.map(({ trigger }) => triggerJson(trigger)),
      secrets: made.flatMap(({ trigger: { row }, secret }) =>
        secret === undefined ? [] : [{ triggerId: row.id, ...secretJson(row, secret, triggers) }]
      ),
    };
  },
});

const getTrigger = jsonOperation({
  operationId: "invoked.TriggerService.GetTrigger",
  route: "GET /api/v1/functions/{function_id}/triggers/{id}",
  summary: "Get a trigger with its last run and, for a schedule, the next runs",
  permission: "functions:read",
  response: triggerAnswer,
  async handle({ params }, { triggers }: Uses<"triggers">) {
    return { trigger: triggerJson(await triggers.get(params.function_id, params.id)) };
  },
});

const updateTrigger = jsonOperation({
  operationId: "invoked.TriggerService.UpdateTrigger",
  route: "PATCH /api/v1/functions/{function_id}/triggers/{id}",
  summary: "Change the masked fields of a trigger, such as paused or schedule.cronSpec",
  permission: "functions:write",
  body: z.object({ trigger: triggerIn, updateMask: fieldMask.optional() })
    .openapi("invoked.UpdateTriggerRequest"),
  response: madeTriggerOut,
  async handle({ params, body, principal }, { triggers }: Uses<"triggers">) {
    const { trigger, updateMask } = body;
    assertMayAttach(principal, [trigger]);
    const made = await triggers.update(params.function_id, params.id, trigger, updateMask);
    return madeTriggerJson(made, triggers);
  },
});

const deleteTrigger = jsonOperation({
  operationId: "invoked.TriggerService.DeleteTrigger",
  route: "DELETE /api/v1/functions/{function_id}/triggers/{id}",
  summary: "Delete a trigger and its deliveries, and keep its invocations",
  permission: "functions:write",
  async handle({ params }, { triggers }: Uses<"triggers">) {
    await triggers.delete(params.function_id, params.id);
  },
});

const rotateSecret = jsonOperation({
  operationId: "invoked.TriggerService.RotateSecret",
  route: "POST /api/v1/functions/{function_id}/triggers/{id}/rotate_secret",
  summary: "Replace the secret of a trigger; the server accepts the old secret for some time",
  permission: "functions:write",
  body: z.object({
    expireOldAfter: durationIn.optional().openapi({
      type: "string",
      format: "duration",
      description: "Default 86400s; 0s revokes the old secret at once",
    }),
    secret: secretText.min(1, { error: "must not be empty; absent, one is made" }).optional()
      .openapi({
        writeOnly: true,
        description: "The new secret; absent: the server generates a secret",
      }),
  }).openapi("invoked.RotateSecretRequest"),
  response: z.object(shownSecrets),
  async handle({ params, body: { secret, expireOldAfter } }, { triggers }: Uses<"triggers">) {
    const { function_id, id } = params;
    const shown = await triggers.rotateSecret(function_id, id, secret, expireOldAfter);
    const row = await triggers.row(function_id, id);
    return secretJson(row, secret === undefined ? shown : undefined, triggers);
  },
});

const runTrigger = jsonOperation({
  operationId: "invoked.TriggerService.RunTrigger",
  route: "POST /api/v1/functions/{function_id}/triggers/{id}/run",
  summary: "Run a schedule now, without changing its next runs",
  permission: "functions:invoke",
  // Its invocation is the record.
  audit: "none",
  body: empty,
  response: z.object({ invocationId: z.string() }),
  async handle({ params }, { schedules }: Uses<"schedules">) {
    return { invocationId: await schedules.runNow(params.function_id, params.id) };
  },
});

const STATUSES = enumWords("DELIVERY_STATUS", "STARTED", "REPEAT", "REFUSED");

const deliveryOut = z.object({
  id: z.string(),
  receivedAt: timestamp,
  status: z.enum(STATUSES),
  invocationId: z.string().optional().openapi({
    description: "The invocation that this delivery or an earlier delivery of the event started",
  }),
  reason: z.string().optional().openapi({ description: "Why the delivery was rejected" }),
}).openapi("invoked.Delivery");

const listDeliveries = jsonOperation({
  operationId: "invoked.TriggerService.ListDeliveries",
  route: "GET /api/v1/functions/{function_id}/triggers/{id}/deliveries",
  summary: "List the deliveries to a webhook in the last 7 days, newest first",
  permission: "functions:read",
  query: pageQuery,
  response: listOf(deliveryOut),
  async handle({ params, query }, { triggers }: Uses<"triggers">) {
    const { function_id, id } = params;
    return pageJson(await triggers.deliveries(function_id, id, pageOf(query)), deliveryJson);
  },
});

function deliveryJson(
  { id, receivedAt, status, invocationId, reason }: DeliveryRow,
): z.input<typeof deliveryOut> {
  return {
    id,
    receivedAt,
    status: `DELIVERY_STATUS_${status}`,
    ...invocationId === null ? {} : { invocationId },
    ...reason === null ? {} : { reason },
  };
}

/** Make, read, change and delete triggers. */
export const TRIGGER_OPERATIONS: readonly Operation[] = [
  listTriggers,
  createTrigger,
  applyTriggers,
  getTrigger,
  updateTrigger,
  deleteTrigger,
  rotateSecret,
  runTrigger,
  listDeliveries,
  receiveDelivery,
  receiveCapability,
  answerHandshake,
  answerCapabilityHandshake,
];
