/** A part of an invocation's last attempt; `host_calls` and `egress` are sums in `run`. An addition of this server. */
export interface InvocationPhase {
  name?:
    | "admission"
    | "queue"
    | "instance"
    | "evaluate"
    | "run"
    | "record"
    | "host_calls"
    | "egress";
  /** RFC 3339 with microseconds. */
  startedAt?: string;
  /** Such as `0.001500s`. */
  duration?: string;
}

/** Resources used by the last attempt of an invocation; unmeasured ones are absent. An addition of this server. */
export interface InvocationUsage {
  cpuTime?: string;
  wallTime?: string;
  peakMemoryBytes?: string;
  egressBytes?: string;
  volumeBytes?: string;
}

/** Connections of an invocation to one `host:port`. An addition of this server. */
export interface EgressVerdict {
  host?: string;
  verdict?: "EGRESS_VERDICT_ALLOWED" | "EGRESS_VERDICT_REFUSED" | "EGRESS_VERDICT_FAILED";
  count?: number;
  bytes?: string;
}

/** Measurements of the last attempt of an invocation. */
export interface InvocationMeasurements {
  /** The process that ran it. An addition of this server. */
  processKind?:
    | "PROCESS_KIND_UNSPECIFIED"
    | "PROCESS_KIND_ROOT"
    | "PROCESS_KIND_TEMPLATE"
    | "PROCESS_KIND_SINGLE"
    | "PROCESS_KIND_REUSED";
  /** The worker that runs it, or ran it last. An addition of this server. */
  worker?: string;
  /** Absent until the end. An addition of this server. */
  phases?: InvocationPhase[];
  usage?: InvocationUsage;
  /** Absent without any. */
  egress?: EgressVerdict[];
}

/** One line that an invocation printed. An addition of this server. */
export interface InvocationLog {
  sequence?: number;
  time?: Date;
  level?: "debug" | "info" | "warn" | "error";
  source?: "console" | "stdout" | "stderr" | "egress" | "system";
  message?: string;
  /** The trace of the invocation. */
  traceId?: string;
}
