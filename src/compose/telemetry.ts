/** Chooses what the server measures, and where its metrics and traces go. */
import { getLogger } from "@logtape/logtape";
import type { Config } from "../config/mod.ts";
import { metricsApp } from "../http/metrics_app.ts";
import { listen } from "../http/server.ts";
import { VERSION } from "../shared/installation.ts";
import { NO_TELEMETRY, type Telemetry, withTraces } from "../telemetry/contract.ts";
import { collectorHeaders, type Signal } from "../telemetry/headers.ts";
import { readCertificates } from "./setting_files.ts";
import type { Metrics, Source } from "../telemetry/metrics/open.ts";

const logger = getLogger(["invoked", "telemetry"]);

/** Connections of scrapers. */
const SCRAPERS_MAX = 100;

/** What a process reports to, and its metrics. */
export interface OpenTelemetry {
  readonly telemetry: Telemetry;
  /** Undefined for a process that measures nothing. */
  readonly metrics: Metrics | undefined;
}

/** The process that reports. */
interface Reporter {
  readonly role: "server" | "worker";
  /** Id of the node or worker. */
  readonly instanceId: string;
  readonly scheme: "http" | "https";
}

/** Opens what the configuration asks for, and loads nothing else. `opened` closes it. */
export async function openTelemetry(
  { telemetry: config }: Config,
  reporter: Reporter,
  opened: AsyncDisposableStack,
): Promise<OpenTelemetry> {
  const { metricsPort, otlpEndpoint: endpoint } = config;
  // A worker has no API, and may share the configuration file of API nodes.
  const servesMetrics = config.servesMetrics && reporter.role === "server";
  if (!servesMetrics && metricsPort === undefined && endpoint === undefined) {
    return { telemetry: NO_TELEMETRY, metrics: undefined };
  }
  const collector = endpoint === undefined
    ? undefined
    : await collectorOf(config, endpoint, "METRICS");
  const { openMetrics } = await import("../telemetry/metrics/open.ts");
  const metrics = opened.use(openMetrics({ ...reporter, version: VERSION, collector }));
  const traces = await tracesOf(config, reporter, metrics);
  if (traces === undefined) return { telemetry: metrics.telemetry, metrics };
  opened.use(traces);
  return { telemetry: withTraces(metrics.telemetry, traces.telemetry), metrics };
}

/** Opens traces; undefined for a process that sends none. The API node of an attempt reports what its worker has measured. */
async function tracesOf(
  config: Config["telemetry"],
  reporter: Reporter,
  { spans: counters }: Metrics,
) {
  const { otlpEndpoint: endpoint, traceSample: ratio, traceSlowMs: slowMs } = config;
  if (endpoint === undefined || ratio === undefined || reporter.role === "worker") return undefined;
  const collector = await collectorOf(config, endpoint, "TRACES");
  const { openTraces } = await import("../telemetry/traces/open.ts");
  const sampling = { ratio, slowMs };
  return openTraces({ ...reporter, version: VERSION, sampling, collector, counters });
}

async function collectorOf(config: Config["telemetry"], endpoint: string, signal: Signal) {
  const files = await readCollectorFiles(config, signal);
  return { endpoint, ...files, intervalMs: config.otlpIntervalMs };
}

/** What the files of `--otlp-headers-file` and `--otlp-ca` contain. @throws Error */
async function readCollectorFiles(config: Config["telemetry"], signal: Signal) {
  const { otlpCaFile } = config;
  return {
    headers: await collectorHeaders(config, signal),
    ca: otlpCaFile === undefined ? undefined : await readCertificates("--otlp-ca", otlpCaFile),
  };
}

/** Reads what the files and variables for the collector contain, as a start does. @throws Error */
export async function checkCollectorFiles(config: Config["telemetry"]): Promise<void> {
  await readCollectorFiles(config, "METRICS");
  if (config.traceSample !== undefined) await readCollectorFiles(config, "TRACES");
}

/** Gives the metrics of a process their sources, and serves them at `--metrics-port`. `opened` closes the port. */
export async function serveMetrics(
  { telemetry, server }: Config,
  { metrics }: OpenTelemetry,
  sourcesOf: (metrics: Metrics) => readonly Source[],
  opened: AsyncDisposableStack,
): Promise<void> {
  if (metrics === undefined) return;
  metrics.observe(sourcesOf(metrics));
  const { metricsHost: host, metricsPort: port } = telemetry;
  if (port === undefined) return;
  const http = await listen({ host, port }, { ...server, maxConnections: SCRAPERS_MAX })
    .catch((error) => {
      throw new Error(
        `--metrics-port ${port} of ${host} cannot be used: ${error.message}; choose another port, ` +
          "or correct --metrics-host",
      );
    });
  opened.defer(async () => {
    http.cut();
    await http.close();
  });
  http.serve({ app: metricsApp(pageOf(metrics), host) });
  const at = host.includes(":") ? `[${host}]` : host;
  logger.info("metrics are at {url}", { url: `http://${at}:${http.port}/metrics` });
}

/** The page of the metrics, for transports. */
export function pageOf(
  { page, contentType }: Metrics,
): () => Promise<{ readonly contentType: string; readonly text: string }> {
  return async () => ({ contentType, text: await page.text() });
}
