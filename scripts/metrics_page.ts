import { LABELS } from "../src/telemetry/metrics/labels.ts";
import { FUNCTIONS_MAX } from "../src/telemetry/metrics/bounds.ts";
import { PHASES } from "../src/telemetry/contract.ts";
import { histogramSeries, prometheusName } from "../src/telemetry/metrics/names.ts";
import { type Metric, METRICS } from "../src/telemetry/metrics/table.ts";

/** Renders `docs/metrics.md`: how metrics are read, and the table of all metrics. */
export function renderMetricsPage(): string {
  const metrics = Object.entries<Metric>(METRICS);
  return [
    INTRODUCTION,
    "## Metrics of API nodes",
    ...tableOf(metrics.filter(([, { of }]) => of === undefined)),
    "## Metrics of API nodes and workers",
    ...tableOf(metrics.filter(([, { of }]) => of !== undefined)),
    "## Labels",
    "| Label | In Prometheus | Meaning |\n| --- | --- | --- |\n" +
    Object.entries(LABELS).map(([name, meaning]) =>
      `| \`${name}\` | \`${name.replaceAll(".", "_")}\` | ${meaning} |`
    ).join("\n"),
    BOUNDS,
  ].join("\n\n") + "\n";
}

const INTRODUCTION = `<!-- deno-fmt-ignore-file -->
<!-- Generated from src/telemetry/metrics/table.ts by \`deno task docs\`; do not edit. -->

# Metrics

A server measures nothing unless one of these [settings](configuration/telemetry.md) asks for metrics:

| Setting | Effect |
| --- | --- |
| \`--metrics-port 9464\` | serves \`http://127.0.0.1:9464/metrics\` without credentials, on API nodes and workers |
| \`--metrics\` | serves \`GET /api/v1/metrics\` on the API, for callers with the permission \`metrics:read\` |
| \`--otlp-endpoint http://127.0.0.1:4318\` | sends metrics to an OpenTelemetry collector, on API nodes and workers; [traces](traces.md), too, with \`--trace-sample\` |

Everyone who reaches \`--metrics-port\` can read the names of functions. On loopback, the port answers requests whose
\`Host\` is \`localhost\` or an IP address, and no others, so that no web page can read the metrics. Before you set
\`--metrics-host\` to another address than loopback, restrict the port to your scrapers with a firewall.

## Scrape with Prometheus

A scraper of the API needs the role \`system:metrics_reader\` and an API key, which Prometheus sends as a bearer token:

\`\`\`yaml
scrape_configs:
  - job_name: invoked
    metrics_path: /api/v1/metrics
    scheme: https
    authorization:
      credentials_file: /etc/prometheus/invoked-api-key
    static_configs:
      - targets: ["functions.example.com"]
\`\`\`

\`\`\`sh
invoked principals create prometheus --role system:metrics_reader
invoked credentials create prometheus --api-key
\`\`\`

Each process reports what it has done, so add up the API nodes of a cluster: \`sum(rate(faas_invocations_total[5m]))\`.
An invocation counts on the API node that records the invocation, never on a worker. Scrapes share collections: a page
is at most one second old, however many scrapers ask.

## Alerts and dashboard

\`deploy/prometheus\` contains this configuration and alert rules. Each alert has an entry in
[operations.md](operations.md#alerts) that says what the alert means, where to look and what to do.

\`deploy/grafana\` contains a dashboard and the files that provision it. The dashboard shows whether
the installation is healthy, why invocations are slow and what functions cost, and links to the audit log for
who changed them. Enter the URL of your console at the top. Grafana needs no access to the server.

## Send to a collector

The server sends OTLP over HTTP in Protobuf to \`/v1/metrics\` below \`--otlp-endpoint\`, every \`--otlp-interval\` and once
more when the server stops. Put credentials of the collector into \`--otlp-headers-file\`, one \`Name: value\` a line, or
into the environment variable \`OTEL_EXPORTER_OTLP_HEADERS\` (\`name=value,name=value\`, percent-encoded). A header of
\`OTEL_EXPORTER_OTLP_METRICS_HEADERS\` wins over the same header of that variable, and a header of the file over both. The
server reads headers at its start alone: restart the server after you rotate a token. The server rejects headers for
\`http\` collectors that are not on loopback, because a token would cross the network in the clear. An \`https\`
collector with a private CA needs \`--otlp-ca\`.

If the collector does not take metrics, the server serves on and logs one warning. When the collector takes metrics
again, the server logs how many data points were dropped. Counters and histograms are cumulative, so a
dropped export loses only resolution.

## Names

Names and units follow OpenTelemetry's semantic conventions: \`faas.*\`, \`http.server.*\`, \`process.*\`; metrics of this
server begin with \`invoked.\`. Prometheus gets the same names with \`_\`, the unit and \`_total\` for counters.`;

/** Series of phases that a function has, and of its other histograms. */
const [PHASE_SERIES, USAGE_SERIES] = [
  PHASES.length * histogramSeries(METRICS["invoked.invocation.phase.duration"]),
  [
    METRICS["faas.invoke_duration"],
    METRICS["faas.cpu_usage"],
    METRICS["faas.mem_usage"],
    METRICS["faas.net_io"],
  ].map(histogramSeries).reduce((sum, count) => sum + count),
];

const BOUNDS = `## Bounds

The first ${FUNCTIONS_MAX} functions that a process sees have series of their own; the others share the label \`other\`
until the process restarts. A renamed function keeps its first name until then. The labels of HTTP requests are
templates of paths, never paths or queries: all endpoints share \`/run/{slug}\`. The error codes come from
[errors.md](errors.md). Metrics contain no inputs, outputs, addresses or credentials.

A function has up to ${
  PHASE_SERIES + USAGE_SERIES
} series of histograms: ${PHASE_SERIES} for phases, and \
${USAGE_SERIES} for durations, processor time, memory and egress.
The counters add one series for each trigger, process and error code that the function had.`;

function tableOf(metrics: readonly [string, Metric][]): readonly string[] {
  const rows = metrics.map(([name, { kind, unit, labels = [], description }]) => {
    const shown = prometheusName(name, unit, kind.endsWith("counter"));
    const listed = labels.map((label) => `\`${label}\``).join(", ") || "none";
    const type = kind.replace("observed ", "");
    return `| \`${name}\`<br>\`${shown}\` | ${type} | \`${unit}\` | ${listed} | ${description} |`;
  });
  return [
    ["| Metric | Kind | Unit | Labels | Meaning |", "| --- | --- | --- | --- | --- |", ...rows]
      .join("\n"),
  ];
}
