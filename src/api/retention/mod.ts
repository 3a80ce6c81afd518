import type { Operation } from "../operation.ts";
import { purgeExpired } from "./purge_expired.ts";

/** See and erase what is beyond its retention. */
export const RETENTION_OPERATIONS: readonly Operation[] = [purgeExpired];
