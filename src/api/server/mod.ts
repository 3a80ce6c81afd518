import type { Operation } from "../operation.ts";
import { getHealth } from "./get_health.ts";
import { getMetrics } from "./get_metrics.ts";
import { getOpenApi } from "./get_openapi.ts";
import { getReadiness } from "./get_readiness.ts";
import { getStatus } from "./get_status.ts";
import { resume } from "./resume.ts";
import { watchChanges } from "./watch_changes.ts";

/** Ask about the server itself, and resume it. */
export const SERVER_OPERATIONS: readonly Operation[] = [
  getHealth,
  getReadiness,
  getOpenApi,
  getStatus,
  getMetrics,
  resume,
  watchChanges,
];
