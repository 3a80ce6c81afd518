/** The HTTP request that an invocation answered. */
import { z } from "@hono/zod-openapi";
import type { HttpRecord } from "../../domain/endpoints/client.ts";
import type { InvocationRecord } from "../../store/invocations.ts";
import { int32Out, int64Out } from "../primitives.ts";

export const httpOut = z.object({
  method: z.string(),
  path: z.string(),
  status: int32Out.optional().openapi({
    description: "Absent if the client disconnected before the response",
  }),
  requestBytes: int64Out.openapi({
    description: "Bytes of the request body that the function read",
  }),
  responseBytes: int64Out,
  requestBody: z.string().optional().openapi({
    description: "First KiB of a text body, if the trigger sets recordBody",
  }),
}).openapi("invoked.InvocationHttp", {
  description: "The HTTP request that the invocation answered",
});

/** The API's form of the request of an invocation, in a long list without its body. */
export function httpJson(
  { http }: Pick<InvocationRecord, "http">,
  view: "basic" | "full",
): { http?: z.input<typeof httpOut> } {
  if (http === null) return {};
  const { method, path, status, requestBytes, responseBytes, requestBody } = JSON.parse(
    http,
  ) as HttpRecord;
  return {
    http: {
      method,
      path,
      ...status === null ? {} : { status },
      requestBytes: `${requestBytes}`,
      responseBytes: `${responseBytes}`,
      ...requestBody === undefined || view === "basic" ? {} : { requestBody },
    },
  };
}
