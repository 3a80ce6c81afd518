import { z } from "@hono/zod-openapi";
import { jsonOperation, type Uses } from "../operation.ts";
import { durationIn } from "../primitives.ts";
import { secretJson, shownSecrets } from "./answers.ts";
import { triggerParam } from "./schemas.ts";
import { secretText } from "./settings.ts";

export const rotateSecret = jsonOperation({
  operationId: "invoked.TriggerService.RotateSecret",
  method: "post",
  path: "/api/v1/functions/{function_id}/triggers/{id}/rotate_secret",
  summary: "Replace the secret of a trigger; the server accepts the old secret for some time",
  permission: "functions:write",
  params: triggerParam,
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
