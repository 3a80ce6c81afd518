import { z } from "@hono/zod-openapi";
import { conditionOf, runbookOf } from "../../domain/alerts/conditions.ts";
import type { AlertRow } from "../../store/alerts.ts";
import { jsonOperation, type Operation, type Uses } from "../operation.ts";
import { int32Out, timestamp } from "../primitives.ts";

/** Without it, a caller sees no alert of a function. */
const GET_FUNCTION = "c1.api.functions.v1.FunctionsService.GetFunction";

const alert = z.object({
  id: z.string(),
  name: z.string().openapi({ description: "As in the rules for Prometheus" }),
  severity: z.string().openapi({ description: "`warning` or `critical`" }),
  summary: z.string().openapi({ description: "With the value of the last check" }),
  startsAt: timestamp.openapi({ description: "The first check at which the condition held" }),
  functionId: z.string().optional().openapi({ description: "Present for an alert of a function" }),
  page: z.string().openapi({ description: "Path of the console's page about the alert" }),
  runbook: z.string().openapi({ description: "Path of the runbook in the documentation" }),
}).openapi("invoked.Alert");

const listAlerts = jsonOperation({
  operationId: "invoked.AlertService.List",
  route: "GET /api/v1/alerts",
  summary: "List the alerts that fire, oldest first",
  permission: "server:read",
  response: z.object({
    list: z.array(alert).openapi({
      description: "Without alerts of functions that the caller may not see",
    }),
    isPosted: z.boolean().openapi({ description: "Whether the server posts alerts" }),
    failing: z.object({
      since: timestamp,
      error: z.string(),
    }).optional().openapi({ description: "Present while the receiver does not take posts" }),
  }).openapi("invoked.ListAlertsResponse"),
  async handle({ principal }, { alerts }: Uses<"alerts">) {
    const { firing, hasReceiver, failing } = await alerts.report();
    return {
      list: firing.map(alertJson).filter(({ functionId }) =>
        functionId === undefined || principal.access.may(GET_FUNCTION, functionId)
      ),
      isPosted: hasReceiver,
      ...failing === undefined ? {} : { failing },
    };
  },
});

const outcome = z.object({
  status: int32Out.optional().openapi({
    description: "HTTP status of the receiver; absent without an answer",
  }),
  error: z.string().optional().openapi({
    description: "Why the receiver has not taken the post; absent if it has",
  }),
}).openapi("invoked.AlertPostOutcome");

const testReceiver = jsonOperation({
  operationId: "invoked.AlertReceiverService.Test",
  route: "POST /api/v1/alerts/test",
  summary: "Post the beginning and the end of a test alert",
  permission: "server:write",
  ofClient: true,
  audit: "call",
  body: z.object({}).openapi("invoked.TestAlertReceiverRequest"),
  response: z.object({
    posts: z.array(outcome).openapi({
      description: "Of the beginning, and of the end if the receiver has taken the beginning",
    }),
  }).openapi("invoked.TestAlertReceiverResponse"),
  async handle(_, { alerts }: Uses<"alerts">) {
    const outcomes = await alerts.test();
    return {
      posts: outcomes.map(({ status, error }) => ({
        ...status === undefined ? {} : { status },
        ...error === undefined ? {} : { error },
      })),
    };
  },
});

function alertJson({ id, name, subject, labels, summary, startsAt }: AlertRow) {
  const { invoked_function_id: functionId } = JSON.parse(labels) as Record<string, string>;
  const condition = conditionOf(name);
  return {
    id,
    name,
    severity: condition?.severity ?? "warning",
    summary,
    startsAt,
    ...functionId === undefined ? {} : { functionId },
    page: condition?.page(subject) ?? "/",
    runbook: runbookOf(name),
  };
}

/** Read the alerts that fire, and test where they are posted. */
export const ALERT_OPERATIONS: readonly Operation[] = [listAlerts, testReceiver];
