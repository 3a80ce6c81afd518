import { z } from "@hono/zod-openapi";
import {
  assertEachOnce,
  type DeviceAuthorization,
  type PendingDevice,
  type Principal,
  required,
} from "../../domain/identity/mod.ts";
import { jsonOperation, type Operation, rawOperation, Reply, type Uses } from "../operation.ts";
import { timestamp } from "../primitives.ts";
import type { SessionCookie } from "../cookies.ts";
import { FORM, oauthError, readForm, resource, tooManyRequests } from "../auth/form.ts";
import { senderOf } from "../../shared/token_buckets.ts";

/** What the operations of the page use. A person must be there, so an access token is no proof. */
type Deciding = Uses<"consoleSessions" | "deviceFlow" | "deviceGuesses">;

/**
 * The principal of the session, for whom one more user code is tried.
 * @throws SESSION_ENDED, RATE_LIMITED
 */
async function guesser(
  { sessionCookie: { token = "" }, remoteAddress }: {
    readonly sessionCookie: SessionCookie;
    readonly remoteAddress: string | undefined;
  },
  { consoleSessions, deviceGuesses }: Deciding,
): Promise<Principal> {
  const { principal } = await consoleSessions.check(token, remoteAddress);
  deviceGuesses.count(principal, remoteAddress);
  return principal;
}

/** What a person types. */
const userCodeBody = z.object({
  userCode: z.string().min(1).max(64).openapi({
    description: "The code that the device shows; case and separators do not matter",
  }),
});

const pendingDevice = z.object({
  userCode: z.string(),
  clientId: z.string().openapi({ description: "Public client of the device" }),
  clientName: z.string(),
  address: z.string().openapi({ description: "IP address of the device" }),
  scopedRoles: z.array(z.object({ id: z.string(), displayName: z.string() })).openapi({
    description: "Roles that the device asks for. Empty: all roles of the principal",
  }),
  createdAt: timestamp,
  expiresAt: timestamp,
}).openapi("invoked.PendingDevice");

/** The API's form of a pending device. */
function deviceJson(device: PendingDevice): z.input<typeof pendingDevice> {
  return { ...device, scopedRoles: device.scopedRoles.map((role) => ({ ...role })) };
}

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
const authorizeDevice = rawOperation({
  operationId: "invoked.AuthService.DeviceAuthorization",
  route: "POST /auth/v1/device_authorization",
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

const findDevice = jsonOperation({
  operationId: "invoked.DeviceService.Find",
  route: "POST /auth/v1/device/find",
  summary: "Get a device that waits for its sign-in, by its user code",
  permission: "console",
  audit: "own",
  body: userCodeBody,
  response: pendingDevice,
  async handle(input, services: Deciding) {
    const principal = await guesser(input, services);
    return deviceJson(await services.deviceFlow.find(principal, input.body.userCode));
  },
});

const approveDevice = jsonOperation({
  operationId: "invoked.DeviceService.Approve",
  route: "POST /auth/v1/device/approve",
  summary: "Let a device act as the caller's principal, within the roles that the device asks for",
  permission: "console",
  audit: "own",
  body: userCodeBody,
  async handle(input, services: Deciding) {
    await services.deviceFlow.approve(await guesser(input, services), input.body.userCode);
  },
});

const denyDevice = jsonOperation({
  operationId: "invoked.DeviceService.Deny",
  route: "POST /auth/v1/device/deny",
  summary: "Deny a device its sign-in",
  permission: "console",
  audit: "own",
  body: userCodeBody,
  async handle(input, services: Deciding) {
    await services.deviceFlow.deny(await guesser(input, services), input.body.userCode);
  },
});

/** Sign in devices, and approve and deny their sign-ins. */
export const DEVICE_OPERATIONS: readonly Operation[] = [
  authorizeDevice,
  findDevice,
  approveDevice,
  denyDevice,
];
