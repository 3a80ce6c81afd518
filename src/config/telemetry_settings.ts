import { collector, duration, file, host, port, ratio, toggle } from "./kinds.ts";
import type { Rows } from "./setting.ts";
import { traceUrl } from "./trace_url.ts";

/** Settings of metrics and traces, and of where the server sends telemetry. */
export const TELEMETRY_SETTINGS: Rows<"telemetry"> = {
  servesMetrics: {
    name: "metrics",
    kind: toggle(),
    default: "false",
    description: "Serve GET /api/v1/metrics, for the permission to read metrics",
  },
  metricsPort: {
    name: "metrics-port",
    kind: port(),
    default: undefined,
    description: "Port of /metrics, without credentials; 0 selects a free port",
  },
  metricsHost: {
    name: "metrics-host",
    kind: host(),
    default: "127.0.0.1",
    description: "Address on which --metrics-port listens",
  },
  otlpEndpoint: {
    name: "otlp-endpoint",
    kind: collector(),
    default: undefined,
    description: "Base URL of an OpenTelemetry collector that takes OTLP over HTTP",
  },
  otlpHeadersFile: {
    name: "otlp-headers-file",
    kind: file(),
    default: undefined,
    description: "File with headers for the collector, such as Authorization: one a line",
  },
  otlpCaFile: {
    name: "otlp-ca",
    kind: file(),
    default: undefined,
    description: "CA certificates (PEM) that the collector may have, instead of public ones",
  },
  otlpIntervalMs: {
    name: "otlp-interval",
    kind: duration({ min: "1s", max: "1h" }),
    default: "60s",
    description: "How often metrics are sent to the collector",
  },
  traceSample: {
    name: "trace-sample",
    kind: ratio(),
    default: undefined,
    description: "Ratio of the traces begun here to send, besides errors and slow attempts",
  },
  traceSlowMs: {
    name: "trace-slow",
    kind: duration({ min: "1ms", max: "24h" }),
    default: "5s",
    description: "The spans of attempts that take at least this long are always sent",
  },
  traceUrl: {
    name: "trace-url",
    kind: traceUrl(),
    default: undefined,
    description: "Where a trace is shown, such as https://host/trace/{traceId}",
  },
};
