/** Namespaces of `sdk` for what the server counts and reports. All are additions of this server. */
import type { Answered, OfFunction } from "./api_request.ts";
import type { RequestOptions } from "./api_types.ts";

/** The time to count. */
export interface StatisticsRequest {
  /** RFC 3339; 24 hours before `until` by default. */
  since?: string;
  /** RFC 3339, exclusive; now by default. */
  until?: string;
  /** Whole seconds such as `60s`; a 60th of the time by default. */
  step?: string;
}

/** Counts and durations of invocations. */
export interface CallCounts {
  calls?: number;
  /** Failures by error code. */
  failures?: Record<string, number>;
  /** Such as `0.001500s`, within 5 %; absent if no invocation has ended. */
  p50?: string;
  p99?: string;
  cpuTime?: string;
}

export interface StatisticsStep extends CallCounts {
  start?: Date;
}

export interface FunctionStatistics extends CallCounts {
  functionId?: string;
  displayName?: string;
  /** When its newest invocation was accepted. */
  newestAt?: Date;
  callsByStep?: number[];
  failuresByStep?: number[];
}

/** Counts of invocations. */
export interface Statistics {
  getOfFunction(
    request: OfFunction & StatisticsRequest,
    options?: RequestOptions,
  ): Answered<"getFunctionStatisticsResponse", { list?: StatisticsStep[] }>;
  /** Those of all functions: `list`, or with `byFunction` the first `functions` of an order. */
  get(
    request?: StatisticsRequest & {
      byFunction?: boolean;
      functionIds?: string[];
      orderBy?:
        | "STATISTICS_ORDER_CALLS"
        | "STATISTICS_ORDER_FAILURES"
        | "STATISTICS_ORDER_P99"
        | "STATISTICS_ORDER_CPU_TIME";
      limit?: number;
    },
    options?: RequestOptions,
  ): Answered<
    "getStatisticsResponse",
    { list?: StatisticsStep[]; functions?: FunctionStatistics[] }
  >;
}

/** What invocations used; 64-bit numbers are strings. */
export interface UsageSums {
  invocations?: string;
  errors?: string;
  attempts?: string;
  /** Such as `1.500000s`. */
  cpuTime?: string;
  wallTime?: string;
  gbSeconds?: number;
  egressBytes?: string;
  volumeBytes?: string;
}

export interface UsageGroup extends UsageSums {
  /** In UTC, such as `2026-01-31`. */
  day?: string;
  functionId?: string;
  functionDisplayName?: string;
  principalId?: string;
  principalDisplayName?: string;
}

/** What functions used. */
export interface Usage {
  list(
    request?: {
      /** The first and the last day in UTC; by default this month until today. */
      from?: string;
      to?: string;
      functionId?: string;
      principalId?: string;
      /** By function by default. */
      groupBy?: ("day" | "function" | "principal")[];
      pageSize?: number;
      pageToken?: string;
    },
    options?: RequestOptions,
  ): Answered<
    "listUsageResponse",
    {
      from?: string;
      to?: string;
      list?: UsageGroup[];
      nextPageToken?: string;
      /** Only on the first page. */
      total?: UsageSums;
    }
  >;
}

export interface ServerStatus {
  version?: string;
  uptime?: string;
  walls?: string;
  slots?: { running?: number; queued?: number; limit?: number; perSecond?: number };
  disk?: {
    freeBytes?: number;
    totalBytes?: number;
    isAlmostFull?: boolean;
    databaseBytes?: number;
  };
  /** Absent without a cluster. */
  workers?: {
    id?: string;
    version?: string;
    capacity?: number;
    free?: number;
    isDraining?: boolean;
  }[];
}

/** An alert that fires. */
export interface Alert {
  id?: string;
  /** As in the rules for Prometheus. */
  name?: string;
  severity?: string;
  summary?: string;
  startsAt?: Date;
  /** Absent unless the alert is about a function. */
  functionId?: string;
  /** Path of the console's page about the alert. */
  page?: string;
  /** Path of the runbook in the documentation. */
  runbook?: string;
}

/** The server itself. */
export interface Server {
  listAlerts(options?: RequestOptions): Answered<
    "listAlertsResponse",
    { list?: Alert[]; isPosted?: boolean; failing?: { since?: Date; error?: string } }
  >;
  getStatus(options?: RequestOptions): Answered<"getStatusResponse", ServerStatus>;
}
