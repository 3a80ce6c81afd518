import { jsonOperation } from "../operation.ts";
import { type Deciding, deviceJson, guesser, pendingDevice, userCodeBody } from "./schemas.ts";

export const findDevice = jsonOperation({
  operationId: "invoked.DeviceService.Find",
  method: "post",
  path: "/auth/v1/device/find",
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
