import { z } from "@hono/zod-openapi";
import { assertEachOnce, type DeviceAuthorization, required } from "../../domain/identity/mod.ts";
import { FORM, oauthError, readForm, resource, tooManyRequests } from "../auth/form.ts";
import { rawOperation, Reply, type Uses } from "../operation.ts";
import { senderOf } from "../../shared/token_buckets.ts";

const deviceForm = z.object({
  client_id: z.string(),
  scope: z.string().optional().openapi({
    description: "Names or ids of roles, separated by spaces, which cut the token",
  }),
  resource,
});
const deviceAnswer = {
  "application/json": z.object({
    device_code: z.string(),
    user_code: z.string(),
    verification_uri: z.string(),
    verification_uri_complete: z.string(),
    expires_in: z.int(),
    interval: z.int(),
  }),
};

/** Begins the sign-in of a device; RFC 8628, section 3.1. */
export const authorizeDevice = rawOperation({
  operationId: "invoked.AuthService.DeviceAuthorization",
  method: "post",
  path: "/auth/v1/device_authorization",
  summary: "Begin to sign in a device, whose user code a person approves in the console",
  permission: "public",
  // By strangers: who asks is on record once somebody decides, or once the request is rejected.
  audit: "own",
  content: { [FORM]: deviceForm },
  answers: {
    200: { description: "OK", content: deviceAnswer },
    400: { description: "Bad request", content: oauthError },
    401: { description: "Unknown client", content: oauthError },
    429: { description: "Too many sign-ins of devices, or from this address", content: oauthError },
  },
  async handle(
    { body, remoteAddress },
    { deviceFlow, tokenRateLimit }: Uses<"deviceFlow" | "tokenRateLimit">,
  ) {
    const form = await readForm(body);
    assertEachOnce(form);
    const clientId = required(form, "client_id");
    const sender = senderOf(remoteAddress);
    const waitSeconds = tokenRateLimit.countGranted(remoteAddress, { clientId: "device sign-ins" });
    if (waitSeconds > 0) {
      return tooManyRequests(waitSeconds, "this address begins too many sign-ins (--token-rate)");
    }
    const scope = form.get("scope") ?? "";
    const resources = form.getAll("resource");
    const request = { clientId, scope, resources, address: remoteAddress ?? "", sender };
    return Reply.json(answerOf(await deviceFlow.begin(request)));
  },
});

function answerOf(begun: DeviceAuthorization) {
  return {
    device_code: begun.deviceCode,
    user_code: begun.userCode,
    verification_uri: begun.verificationUri,
    verification_uri_complete: begun.verificationUriComplete,
    expires_in: begun.expiresInSeconds,
    interval: begun.intervalSeconds,
  };
}
