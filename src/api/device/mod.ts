import type { Operation } from "../operation.ts";
import { authorizeDevice } from "./authorize.ts";
import { approveDevice, denyDevice } from "./decide.ts";
import { findDevice } from "./find.ts";

/** Sign in devices, and approve and deny their sign-ins. */
export const DEVICE_OPERATIONS: readonly Operation[] = [
  authorizeDevice,
  findDevice,
  approveDevice,
  denyDevice,
];
