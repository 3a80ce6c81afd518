import { collector, duration, file, host, port, ratio, toggle } from "./kinds.ts";
import type { Rows } from "./setting.ts";
import { traceUrl } from "./trace_url.ts";

/** Settings of metrics and traces, and of where the server sends telemetry. */
export const TELEMETRY_SETTINGS = {
  /** Whether the API serves metrics. */
  servesMetrics: {
    name: "metrics",
    kind: toggle(),
    default: "false",
    description: "Serve GET /api/v1/metrics, for the permission to read metrics",
  },
  /** 0 means any free port; undefined for no port of metrics. */
  metricsPort: {
    name: "metrics-port",
    kind: port(),
    description: "Port of /metrics, without credentials; 0 selects a free port",
  },
  metricsHost: {
    name: "metrics-host",
    kind: host(),
    default: "127.0.0.1",
    description: "Address on which --metrics-port listens",
  },
  /** Base URL of a collector, without a trailing slash; undefined for none. */
  otlpEndpoint: {
    name: "otlp-endpoint",
    kind: collector(),
    description: "Base URL of an OpenTelemetry collector that takes OTLP over HTTP",
  },
  /** Absolute path of a file with one header a line. */
  otlpHeadersFile: {
    name: "otlp-headers-file",
    kind: file(),
    description: "File with headers for the collector, such as Authorization: one a line",
  },
  /** Absolute path of a file with certificates in PEM. */
  otlpCaFile: {
    name: "otlp-ca",
    kind: file(),
    description: "CA certificates (PEM) that the collector may have, instead of public ones",
  },
  otlpIntervalMs: {
    name: "otlp-interval",
    kind: duration({ min: "1s", max: "1h" }),
    default: "60s",
    description: "How often metrics are sent to the collector",
  },
  /** Part of the traces that are sent to the collector, from 0 to 1; undefined for a server that sends none. */
  traceSample: {
    name: "trace-sample",
    kind: ratio(),
    description: "Ratio of the traces begun here to send, besides errors and slow attempts",
  },
  /** The spans of attempts that take at least this long are sent, also if their trace is not sampled. */
  traceSlowMs: {
    name: "trace-slow",
    kind: duration({ min: "1ms", max: "24h" }),
    default: "5s",
    description: "The spans of attempts that take at least this long are always sent",
  },
  /** URL of a trace with `{traceId}`; undefined for no links. */
  traceUrl: {
    name: "trace-url",
    kind: traceUrl(),
    description: "Where a trace is shown, such as https://host/trace/{traceId}",
  },
} satisfies Rows;
