import { jsonOperation } from "../operation.ts";
import { type Deciding, deviceJson, pendingDevice, userCodeBody } from "./schemas.ts";

export const findDevice = jsonOperation({
  operationId: "invoked.DeviceService.Find",
  method: "post",
  path: "/auth/v1/device/find",
  summary: "Get a device that waits for its sign-in, by its user code",
  permission: "console",
  audit: "own",
  body: userCodeBody,
  response: pendingDevice,
  async handle(
    { body, sessionCookie, remoteAddress },
    { consoleSessions, deviceFlow, deviceGuesses }: Deciding,
  ) {
    const { token = "" } = sessionCookie;
    const { principal } = await consoleSessions.check(token, remoteAddress);
    deviceGuesses.count(principal, remoteAddress);
    return deviceJson(await deviceFlow.find(principal, body.userCode));
  },
});
