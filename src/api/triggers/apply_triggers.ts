import { z } from "@hono/zod-openapi";
import { functionParam } from "../functions/schemas.ts";
import { jsonOperation, type Uses } from "../operation.ts";
import { fieldMask, textIn } from "../primitives.ts";
import { secretJson, shownSecrets, triggerJson, triggerOut } from "./answers.ts";
import { assertMayAttach } from "./attach.ts";
import { triggerIn } from "./schemas.ts";

const CHANGES_MAX = 1_000;

const changeIn = z.object({
  id: textIn.optional().openapi({ description: "Absent: the trigger is created" }),
  trigger: triggerIn.optional().openapi({ description: "Absent: the trigger is deleted" }),
  updateMask: fieldMask.optional(),
}).refine(({ id, trigger }) => id !== undefined || trigger !== undefined, {
  error: "must have an id, a trigger, or both",
});

export const applyTriggers = jsonOperation({
  operationId: "invoked.TriggerService.ApplyTriggers",
  method: "post",
  path: "/api/v1/functions/{function_id}/triggers/apply",
  summary:
    "Create, change and delete triggers in one transaction, in which triggers may swap names and slugs",
  permission: "functions:write",
  destroys: true,
  params: functionParam,
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
