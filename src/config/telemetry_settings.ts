import { collector, duration, file, host, port, ratio, toggle } from "./kinds.ts";
import { type Rows, setting } from "./setting.ts";
import { traceUrl } from "./trace_url.ts";

/** Settings of metrics and traces, and of where the server sends telemetry. */
export const TELEMETRY_SETTINGS = {
  /** Whether the API serves metrics. */
  servesMetrics: setting("metrics", toggle(), {
    default: "false",
    description: "Serve GET /api/v1/metrics, for the permission to read metrics",
  }),
  /** 0 means any free port; undefined for no port of metrics. */
  metricsPort: setting("metrics-port", port(), {
    description: "Port of /metrics, without credentials; 0 selects a free port",
  }),
  metricsHost: setting("metrics-host", host(), {
    default: "127.0.0.1",
    description: "Address on which --metrics-port listens",
  }),
  /** Base URL of a collector, without a trailing slash; undefined for none. */
  otlpEndpoint: setting("otlp-endpoint", collector(), {
    description: "Base URL of an OpenTelemetry collector that takes OTLP over HTTP",
  }),
  /** Absolute path of a file with one header a line. */
  otlpHeadersFile: setting("otlp-headers-file", file(), {
    description: "File with headers for the collector, such as Authorization: one a line",
  }),
  /** Absolute path of a file with certificates in PEM. */
  otlpCaFile: setting("otlp-ca", file(), {
    description: "CA certificates (PEM) that the collector may have, instead of public ones",
  }),
  otlpIntervalMs: setting("otlp-interval", duration({ min: "1s", max: "1h" }), {
    default: "60s",
    description: "How often metrics are sent to the collector",
  }),
  /** Part of the traces that are sent to the collector, from 0 to 1; undefined for a server that sends none. */
  traceSample: setting("trace-sample", ratio(), {
    description: "Ratio of the traces begun here to send, besides errors and slow attempts",
  }),
  /** The spans of attempts that take at least this long are sent, also if their trace is not sampled. */
  traceSlowMs: setting("trace-slow", duration({ min: "1ms", max: "24h" }), {
    default: "5s",
    description: "The spans of attempts that take at least this long are always sent",
  }),
  /** URL of a trace with `{traceId}`; undefined for no links. */
  traceUrl: setting("trace-url", traceUrl(), {
    description: "Where a trace is shown, such as https://host/trace/{traceId}",
  }),
} satisfies Rows;
