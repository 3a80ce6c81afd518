import type { Operation } from "../operation.ts";
import { listUsage } from "./list_usage.ts";

/** What functions used, and what they cost. */
export const USAGE_OPERATIONS: readonly Operation[] = [listUsage];
