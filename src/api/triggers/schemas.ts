import { z } from "@hono/zod-openapi";
import { resource } from "../messages/of_schema.ts";
import { textIn } from "../primitives.ts";
import { httpIn, scheduleIn, webhookIn } from "./settings.ts";

/** Names a trigger of a function. */
export const triggerParam = z.object({ function_id: z.string(), id: z.string() });

/** The fields of a trigger that a request can carry; others are ignored, but not inside its settings. */
export const triggerIn = resource(z.object({
  displayName: textIn.optional(),
  paused: z.boolean().optional(),
  vfsId: z.string().optional().openapi({ description: "Volume of the trigger's invocations" }),
  schedule: scheduleIn.optional(),
  webhook: webhookIn.optional(),
  http: httpIn.optional(),
}));
