import { jsonOperation } from "../operation.ts";
import { empty } from "../primitives.ts";
import { type Deciding, guesser, userCodeBody } from "./schemas.ts";

export const approveDevice = jsonOperation({
  operationId: "invoked.DeviceService.Approve",
  method: "post",
  path: "/auth/v1/device/approve",
  summary: "Let a device act as the caller's principal, within the roles that the device asks for",
  permission: "console",
  audit: "own",
  body: userCodeBody,
  response: empty,
  async handle(input, services: Deciding) {
    await services.deviceFlow.approve(await guesser(input, services), input.body.userCode);
    return {};
  },
});

export const denyDevice = jsonOperation({
  operationId: "invoked.DeviceService.Deny",
  method: "post",
  path: "/auth/v1/device/deny",
  summary: "Deny a device its sign-in",
  permission: "console",
  audit: "own",
  body: userCodeBody,
  response: empty,
  async handle(input, services: Deciding) {
    await services.deviceFlow.deny(await guesser(input, services), input.body.userCode);
    return {};
  },
});
