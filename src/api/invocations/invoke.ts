import { z } from "@hono/zod-openapi";
import type { Invoke } from "../../domain/invocations/invocations.ts";
import { embeddedBase64 } from "../../shared/json_text.ts";
import { traceOfRequest } from "../../shared/trace_headers.ts";
import { jsonOperation, Reply, type Uses } from "../operation.ts";
import { invalid } from "../../domain/errors.ts";
import { bytesIn, bytesOut, timestampIn } from "../primitives.ts";
import { statusName } from "./schemas.ts";

export const invoke = jsonOperation({
  operationId: "c1.api.functions.v1.FunctionsService.Invoke",
  route: "POST /api/v1/functions/{function_id}/invoke",
  summary: "Invoke a function and, by default, wait for the invocation to end",
  permission: "functions:invoke",
  // Its invocation is the record.
  audit: "none",
  headers: z.object({
    "Prefer": z.string().transform(parsePrefer).optional().openapi({
      type: "string",
      description: "`respond-async`, `wait=N` (RFC 7240)",
    }),
    "Invoke-At": timestampIn.optional().openapi({
      description: "Earliest start of the invocation; requires `Prefer: respond-async`",
    }),
    "Idempotency-Key": z.string().optional().openapi({
      description: "A repeated request within 24 hours returns the first response",
    }),
    "traceparent": z.string().optional().openapi({
      description: "The caller's span (W3C Trace Context); a malformed header is ignored",
    }),
    "tracestate": z.string().optional().openapi({
      description: "At most 512 characters; ignored without a `traceparent`",
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
      description: "The function's return value; absent unless the function succeeded",
    }),
  }).openapi("c1.api.functions.v1.FunctionsServiceInvokeResponse"),
  async handle(
    { params, headers, body, principal, onInvocation },
    { invocations }: Uses<"invocations">,
  ) {
    const { respondAsync, wait, applied } = headers.Prefer ?? NO_PREFERENCES;
    const time = headers["Invoke-At"];
    if (time !== undefined && !respondAsync) {
      throw invalid({ field: "Invoke-At", description: "needs the header Prefer: respond-async" });
    }
    const row = await invocations.invoke(principal, {
      functionId: params.function_id,
      ...body,
      json: body.json,
      idempotencyKey: headers["Idempotency-Key"],
      wait,
      onRecorded: onInvocation,
      notBefore: time === undefined ? undefined : new Date(time),
      trace: traceOfRequest(headers),
    });
    return Reply.json({
      invocationId: row.id,
      ...row.output === null ? {} : { json: embeddedBase64(row.output) },
    }, {
      "Invocation-Status": statusName(row.status),
      ...applied === "" ? {} : { "Preference-Applied": applied },
    });
  },
});

/** The preferences of RFC 7240 that `Invoke` applies. */
interface Preferences {
  readonly respondAsync: boolean;
  /** How long the caller waits for the end. */
  readonly wait: Invoke["wait"];
  /** The value of the `Preference-Applied` header; empty if none was applied. */
  readonly applied: string;
}

const NO_PREFERENCES: Preferences = {
  respondAsync: false,
  wait: { kind: "until-end" },
  applied: "",
};

/** Parses a `Prefer` header. Unknown and malformed preferences are ignored, as RFC 7240, section 2, requires. */
function parsePrefer(header: string): Preferences {
  let respondAsync = false;
  let waitSeconds: number | undefined;
  for (const part of header.split(",")) {
    const [name = "", value] = (part.split(";")[0] ?? "").split("=").map((text) => text.trim());
    if (name.toLowerCase() === "respond-async") respondAsync = true;
    const seconds = value?.replace(/^"(.*)"$/, "$1") ?? "";
    if (name.toLowerCase() === "wait" && /^\d{1,6}$/.test(seconds)) waitSeconds ??= Number(seconds);
  }
  if (!respondAsync && waitSeconds === undefined) return NO_PREFERENCES;
  const applied = [
    ...respondAsync ? ["respond-async"] : [],
    ...waitSeconds === undefined ? [] : [`wait=${waitSeconds}`],
  ];
  return {
    respondAsync,
    wait: { kind: "at-most", ms: 1000 * (waitSeconds ?? 0) },
    applied: applied.join(", "),
  };
}
