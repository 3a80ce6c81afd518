/**
 * Every metric, written once: the instruments and docs/metrics.md follow from this table. Names and units are those of
 * OpenTelemetry's semantic conventions where they have the metric, and below `invoked.` otherwise.
 */
import type { Label } from "./labels.ts";

/** `observed` metrics are read from their owners when metrics are collected; the others count reports. */
type MetricKind = "counter" | "histogram" | "observed counter" | "observed gauge";

export interface Metric {
  readonly kind: MetricKind;
  /** In UCUM, as OpenTelemetry writes it: `s`, `By`, `{invocation}`. */
  readonly unit: string;
  /** None if absent. */
  readonly labels?: readonly Label[];
  readonly description: string;
  /** Of a histogram. */
  readonly bounds?: readonly number[];
  /** Which processes have it: API nodes if absent. */
  readonly of?: "workers" | "both";
}

const MS = 0.001;
const KIB = 1024;
const MIB = KIB * KIB;

const FUNCTION = ["faas.name", "invoked.function.id"] as const;
const DURATIONS = [
  ...[1 * MS, 2.5 * MS, 5 * MS, 10 * MS, 25 * MS, 50 * MS, 100 * MS, 250 * MS, 500 * MS],
  ...[1, 2.5, 5, 10, 30, 60, 300],
];
/** Each phase of a function has them. The server's own phases take less than a millisecond, and `run` takes seconds. */
const PHASE_DURATIONS = [0.1 * MS, 0.25 * MS, 1 * MS, 5 * MS, 10 * MS, 100 * MS, 1, 5, 30];
const LAGS = [1 * MS, 5 * MS, 10 * MS, 25 * MS, 50 * MS, 100 * MS, 250 * MS, 500 * MS, 1, 5];

/** Makes metrics of one kind, each of its unit. */
function of<Kind extends MetricKind>(kind: Kind) {
  return (unit: string, rest: Omit<Metric, "kind" | "unit">) => ({ kind, unit, ...rest });
}
const counter = of("counter");
const histogram = of("histogram");
const observedCounter = of("observed counter");
const observedGauge = of("observed gauge");

export const METRICS = {
  "faas.invocations": counter("{invocation}", {
    labels: [...FUNCTION, "faas.trigger", "invoked.process"],
    description: "Invocations that succeeded; test runs are no invocations",
  }),
  "faas.errors": counter("{error}", {
    labels: [...FUNCTION, "faas.trigger", "invoked.process", "error.type"],
    description: "Invocations that failed; skipped ones did not start, and count nowhere",
  }),
  "invoked.invocation.retries": counter("{attempt}", {
    labels: [...FUNCTION, "error.type"],
    description: "Failed attempts that another attempt follows",
  }),
  "invoked.invocation.rejections": counter("{invocation}", {
    labels: [...FUNCTION, "error.type"],
    description: "Invocations that the server did not accept, such as QUEUE_FULL or OVERLOADED",
  }),
  "faas.invoke_duration": histogram("s", {
    labels: FUNCTION,
    bounds: DURATIONS,
    description: "Time of attempts from their request or start to their durable outcome",
  }),
  "invoked.invocation.phase.duration": histogram("s", {
    labels: [...FUNCTION, "invoked.phase"],
    bounds: PHASE_DURATIONS,
    description: "Time of attempts by phase",
  }),
  "faas.cpu_usage": histogram("s", {
    labels: FUNCTION,
    bounds: [1 * MS, 5 * MS, 10 * MS, 50 * MS, 100 * MS, 500 * MS, 1, 5, 30],
    description: "Processor time of attempts",
  }),
  "faas.mem_usage": histogram("By", {
    labels: FUNCTION,
    bounds: [32, 64, 96, 128, 192, 256, 512, 1024, 2048].map((mebibytes) => mebibytes * MIB),
    description: "Peak of the resident memory of attempts, with pages shared with the template",
  }),
  "faas.net_io": histogram("By", {
    labels: FUNCTION,
    bounds: [1, 16, 256, 1024, 4096, 16_384, 65_536].map((kibibytes) => kibibytes * KIB),
    description: "Bytes of bodies and tunnels, in both directions, of attempts with egress",
  }),
  "invoked.invocations.running": observedGauge("{invocation}", {
    labels: FUNCTION,
    description: "Invocations that run now; functions without any have no series",
  }),
  "invoked.invocations.queued": observedGauge("{invocation}", {
    labels: FUNCTION,
    description: "Invocations that wait for a slot; functions without any have no series",
  }),
  "invoked.invocations.pending": observedGauge("{invocation}", {
    description:
      "Asynchronous invocations that no node has claimed; of all nodes, one node reports it; absent without NATS",
  }),
  "invoked.invocations.pending_age": observedGauge("s", {
    description:
      "How long the oldest of these invocations has waited since it was accepted, or since its last attempt or delay; 0 without any",
  }),
  "invoked.accepting": observedGauge("{boolean}", {
    labels: ["invoked.mode"],
    description: "1 while an invocation with an empty input would be accepted, otherwise 0",
  }),
  "invoked.slots.taken": observedGauge("{slot}", {
    of: "both",
    description: "Slots that invocations of this process have taken",
  }),
  "invoked.slots.limit": observedGauge("{slot}", {
    of: "both",
    description: "Slots in all; with --nats, each API node reports the slots of all workers",
  }),
  "http.server.request.duration": histogram("s", {
    labels: [
      "http.request.method",
      "http.route",
      "http.response.status_code",
      "url.scheme",
      "error.type",
    ],
    bounds: DURATIONS,
    description: "Time of requests until they are answered",
  }),
  "invoked.auth.rejections": counter("{request}", {
    labels: ["error.type"],
    description:
      "Tokens, sessions and other credentials that were rejected, and calls without permission",
  }),
  "invoked.webhook.deliveries": counter("{delivery}", {
    labels: ["invoked.delivery.status"],
    description: "Deliveries to webhook URLs",
  }),
  "invoked.schedule.delay": histogram("s", {
    bounds: [0.1, 0.5, 1, 5, 30, 60, 300, 3600],
    description: "How late the times of schedules were taken",
  }),
  "invoked.schedules.late": observedGauge("{schedule}", {
    description: "Schedules whose next time passed a minute ago; of all nodes, one node reports it",
  }),
  "invoked.dead_letters": observedGauge("{invocation}", {
    description: "Dead letters; of all nodes, one node reports it",
  }),
  "invoked.console.sessions": observedGauge("{session}", {
    description: "Console sessions that have not expired; of all nodes, one node reports it",
  }),
  "invoked.alerts.unposted": observedGauge("{alert}", {
    description:
      "Alerts whose beginning or end `--alert-url` has not taken; of all nodes, one node reports it",
  }),
  "invoked.build.duration": histogram("s", {
    labels: ["error.type"],
    bounds: [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300],
    description:
      "Time of builds with their wait; `rejected` code and `failed` compilers are errors",
  }),
  "invoked.store.writes": observedCounter("{write}", {
    description: "Writes to the database that were committed",
  }),
  "invoked.store.transactions": observedCounter("{transaction}", {
    description: "Transactions that share these writes",
  }),
  "invoked.store.sync.duration": histogram("s", {
    bounds: LAGS,
    description: "Time of syncs that make committed writes durable",
  }),
  "invoked.store.available": observedGauge("{boolean}", {
    description: "1 while the database takes writes, otherwise 0",
  }),
  "invoked.store.size": observedGauge("By", {
    description: "Size of the SQLite database with its log; absent with PostgreSQL",
  }),
  "invoked.retention.erased": counter("{item}", {
    labels: ["invoked.retention.kind"],
    description: "Rows, volumes and files that were erased beyond their retention",
  }),
  "invoked.disk.free": observedGauge("By", {
    of: "both",
    description: "Free space of the file system of the data directory",
  }),
  "invoked.disk.limit": observedGauge("By", {
    of: "both",
    description: "Size of the file system of the data directory",
  }),
  "invoked.instances": observedGauge("{process}", {
    labels: ["invoked.state"],
    of: "both",
    description: "Instances that are `waiting` for invocations or `running` one",
  }),
  "invoked.sandbox.available": observedGauge("{boolean}", {
    of: "both",
    description: "1 while processes for functions start, otherwise 0",
  }),
  "invoked.forks": observedCounter("{process}", {
    labels: ["invoked.state"],
    of: "both",
    description: "Instances that were `forked`; forks and starts of zygotes that `failed`",
  }),
  "invoked.workers": observedGauge("{worker}", {
    labels: ["invoked.state"],
    description: "Workers that this node sees, `open` or `draining`; absent without NATS",
  }),
  "invoked.nats.connected": observedGauge("{boolean}", {
    of: "both",
    description: "1 while NATS can be used, otherwise 0; absent without NATS",
  }),
  "invoked.nats.messages": observedCounter("{message}", {
    labels: ["network.io.direction"],
    of: "both",
    description: "Messages of the connection to NATS",
  }),
  "invoked.nats.io": observedCounter("By", {
    labels: ["network.io.direction"],
    of: "both",
    description: "Bytes of the connection to NATS",
  }),
  "db.client.connection.count": observedGauge("{connection}", {
    labels: ["db.client.connection.pool.name", "db.client.connection.state"],
    description: "Connections to PostgreSQL for reads; absent with SQLite",
  }),
  "db.client.connection.max": observedGauge("{connection}", {
    labels: ["db.client.connection.pool.name"],
    description: "Limit of these connections",
  }),
  "db.client.connection.pending_requests": observedGauge("{request}", {
    labels: ["db.client.connection.pool.name"],
    description: "Reads that wait for a connection",
  }),
  "invoked.certificate.time_left": observedGauge("s", {
    labels: ["invoked.certificate"],
    of: "both",
    description:
      "Time until the first certificate of a kind expires; negative once it has expired. Of a bundle of CAs, the CA that signed the certificate of NATS or PostgreSQL counts, otherwise the last CA to expire",
  }),
  "invoked.certificate.lifetime": observedGauge("s", {
    labels: ["invoked.certificate"],
    of: "both",
    description: "Time from the beginning to the end of the same certificate",
  }),
  "invoked.event_loop.delay": histogram("s", {
    bounds: LAGS,
    of: "both",
    description: "How late a timer of 100 ms runs: the delay of everything that the process does",
  }),
  "process.cpu.time": observedCounter("s", {
    labels: ["cpu.mode"],
    of: "both",
    description: "Processor time of the server's process, without functions",
  }),
  "process.memory.usage": observedGauge("By", {
    of: "both",
    description: "Resident memory of the server's process, without functions",
  }),
  "process.uptime": observedGauge("s", {
    of: "both",
    description: "Time since the process started",
  }),
  "otel.sdk.exporter.metric_data_point.exported": counter("{data_point}", {
    labels: ["error.type"],
    of: "both",
    description:
      "Data points for the collector of --otlp-endpoint; with an error, they were dropped",
  }),
  "otel.sdk.processor.span.processed": counter("{span}", {
    labels: ["error.type"],
    description:
      "Spans that left the queue for the collector; with the error `queue_full`, they were dropped",
  }),
  "otel.sdk.exporter.span.exported": counter("{span}", {
    labels: ["error.type"],
    description: "Spans that were sent to the collector; with an error, they were dropped",
  }),
} satisfies Readonly<Record<string, Metric>>;

export type MetricName = keyof typeof METRICS;

/** The names of metrics of these kinds. */
export type NameOf<Kind extends MetricKind> = {
  [Name in MetricName]: (typeof METRICS)[Name]["kind"] extends Kind ? Name : never;
}[MetricName];
