import { z } from "@hono/zod-openapi";
import type { Invoke } from "../../domain/invocations/invocations.ts";
import type { Domain } from "../../domain/mod.ts";
import { type App, endpoint } from "../endpoint.ts";
import { parsePrefer, preferenceApplied, type Preferences } from "../../api/invocations/prefer.ts";
import { statusName } from "../../api/invocations/schemas.ts";
import { bytesIn, bytesOut, encodeBase64 } from "../../api/primitives.ts";

/** Call a function. */
export function invokeRoute(app: App, { invocations }: Domain, maxBodyBytes: number): void {
  endpoint(app, maxBodyBytes, {
    operationId: "c1.api.functions.v1.FunctionsService.Invoke",
    method: "post",
    path: "/api/v1/functions/{function_id}/invoke",
    summary: "Call a function and, by default, wait for its end",
    right: "invoke",
    params: z.object({ function_id: z.string() }),
    headers: z.object({
      "Prefer": z.string().optional().openapi({
        description: "`respond-async`, `wait=N` (RFC 7240)",
      }),
      "Idempotency-Key": z.string().optional().openapi({
        description: "A repeat within 24 hours answers the first",
      }),
    }),
    body: z.object({
      commitId: z.string().default("").openapi({
        description: "Id, HEAD or refs/tags/<name>; empty: the published commit",
      }),
      json: bytesIn.optional().openapi({
        type: "string",
        format: "byte",
        description: "A JSON object; absent: {}",
      }),
      vfsId: z.string().default("").openapi({ description: "Volume to attach" }),
    }).openapi("c1.api.functions.v1.FunctionsServiceInvokeRequest"),
    response: z.object({
      invocationId: z.string(),
      json: bytesOut.optional().openapi({
        description: "What the function returned; absent unless it succeeded",
      }),
    }).openapi("c1.api.functions.v1.FunctionsServiceInvokeResponse"),
  }, async ({ params, body, principal }, c) => {
    // A function that calls has no headers: it waits for the end.
    const preferences = parsePrefer(c?.req.header("prefer"));
    const row = await invocations.invoke(principal, {
      functionId: params.function_id,
      ...body,
      json: body.json,
      idempotencyKey: c?.req.header("idempotency-key"),
      wait: waitFor(preferences),
    });
    c?.header("Invocation-Status", statusName(row.status));
    const applied = preferenceApplied(preferences);
    if (applied !== undefined) c?.header("Preference-Applied", applied);
    return {
      invocationId: row.id,
      ...row.output === null ? {} : { json: encodeBase64(row.output) },
    };
  });
}

function waitFor({ respondAsync, wait }: Preferences): Invoke["wait"] {
  if (wait !== undefined) return { kind: "at-most", ms: wait * 1000 };
  return respondAsync ? { kind: "at-most", ms: 0 } : { kind: "until-end" };
}
