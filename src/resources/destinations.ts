import { type Fields, NONE } from "./field.ts";

/** Where the ends of asynchronous invocations go. */
export const DESTINATION = {
  kind: "group",
  schema: "invoked.Destination",
  about: "Receives {invocation: {id, functionId, status, error, input, output}} when an " +
    "asynchronous invocation ends, unless the invocation was cancelled; {} removes the " +
    "destination",
  docs: "[destinations](#destinations)",
  unset: NONE,
  fields: {
    functionId: { kind: "text", hint: "The id of the function", unset: NONE },
    url: {
      kind: "text",
      max: 2048,
      request: "The host and port must be in outboundNetworkAllowlist",
      hint: "Its host must be among the allowed hosts",
      unset: NONE,
    },
    secret: {
      kind: "text",
      isHidden: true,
      request:
        "Signs requests to the URL as in Standard Webhooks: whsec_ and base64. Never returned; " +
        "absent or empty keeps the stored secret",
      hint: "Signs the requests: whsec_ and base64. Leave empty to keep the stored one",
      unset: NONE,
    },
  },
} as const satisfies Fields[string];
