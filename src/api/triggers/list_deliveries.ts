import { z } from "@hono/zod-openapi";
import type { DeliveryRow } from "../../store/deliveries.ts";
import { jsonOperation, type Uses } from "../operation.ts";
import { listOf, pageOf, pageQuery, timestamp } from "../primitives.ts";
import { triggerParam } from "./schemas.ts";

const PREFIX = "DELIVERY_STATUS_";
const STATUSES = [
  `${PREFIX}UNSPECIFIED`,
  `${PREFIX}STARTED`,
  `${PREFIX}REPEAT`,
  `${PREFIX}REFUSED`,
] as const;

const deliveryOut = z.object({
  id: z.string(),
  receivedAt: timestamp,
  status: z.enum(STATUSES),
  invocationId: z.string().optional().openapi({
    description: "The invocation that this delivery or an earlier delivery of the event started",
  }),
  reason: z.string().optional().openapi({ description: "Why the delivery was rejected" }),
}).openapi("invoked.Delivery");

export const listDeliveries = jsonOperation({
  operationId: "invoked.TriggerService.ListDeliveries",
  method: "get",
  path: "/api/v1/functions/{function_id}/triggers/{id}/deliveries",
  summary: "List the deliveries to a webhook in the last 7 days, newest first",
  permission: "functions:read",
  params: triggerParam,
  query: pageQuery,
  response: listOf(deliveryOut),
  async handle({ params, query }, { triggers }: Uses<"triggers">) {
    const { function_id, id } = params;
    const { list, nextPageToken } = await triggers.deliveries(function_id, id, pageOf(query));
    return { list: list.map(deliveryJson), nextPageToken };
  },
});

function deliveryJson(
  { id, receivedAt, status, invocationId, reason }: DeliveryRow,
): z.input<typeof deliveryOut> {
  return {
    id,
    receivedAt,
    status: `${PREFIX}${status}`,
    ...invocationId === null ? {} : { invocationId },
    ...reason === null ? {} : { reason },
  };
}
