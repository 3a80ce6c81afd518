import type { Operation } from "../operation.ts";
import { EXPORT_OPERATIONS } from "./exports.ts";
import { listEvents } from "./list_events.ts";
import { verifyLog } from "./verify.ts";

/** Read and check the audit log, and export it. */
export const AUDIT_OPERATIONS: readonly Operation[] = [
  listEvents,
  verifyLog,
  ...EXPORT_OPERATIONS,
];
