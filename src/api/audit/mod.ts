import type { Operation } from "../operation.ts";
import { EXPORT_OPERATIONS } from "./exports.ts";
import { listEvents, verifyLog } from "./events.ts";

/** Read and check the audit log, and export it. */
export const AUDIT_OPERATIONS: readonly Operation[] = [
  listEvents,
  verifyLog,
  ...EXPORT_OPERATIONS,
];
