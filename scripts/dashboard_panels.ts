/** The panels of the dashboard. */
import type { Query, Row } from "./dashboard.ts";

const OF = `faas_name=~"$function"`;
const RATE = "[$__rate_interval]";
const RANGE = "[$__range]";

/** Quantiles of a histogram of functions as graphs. */
function quantiles(metric: string): readonly Query[] {
  return [0.5, 0.95, 0.99].map((quantile) => ({
    expression:
      `histogram_quantile(${quantile}, sum by (le) (rate(${metric}_bucket{${OF}}${RATE})))`,
    legend: `p${quantile * 100}`,
  }));
}

/** The sum of a counter by function, over the time that the dashboard shows. */
function total(metric: string): string {
  return `sum by (faas_name) (increase(${metric}{${OF}}${RANGE}))`;
}

const DURATION = "faas_invoke_duration_seconds";
const FAILED = `sum by (faas_name) (rate(faas_errors_total{${OF},error_type!="CANCELLED"}${RATE}))`;
const ENDED =
  `sum by (faas_name) (rate(faas_errors_total{${OF}}${RATE}) or rate(faas_invocations_total{${OF}}${RATE}))`;
const CHANGES = [
  `http_request_method=~"POST|PUT|PATCH|DELETE"`,
  `http_response_status_code=~"2.."`,
  `http_route=~"/api/v1/.+"`,
  `http_route!~".*(?:/invo|/search|/list|/webhooks).*"`,
].join(",");

export const ROWS: readonly Row[] = [
  {
    question: "Is it healthy?",
    panels: [
      {
        kind: "stat",
        title: "Servers and workers that answer",
        unit: "percentunit",
        width: 4,
        queries: [{ expression: `avg(up{job=~"invoked|invoked-workers"})`, legend: "up" }],
      },
      {
        kind: "stat",
        title: "Everything works",
        unit: "none",
        width: 8,
        isBoolean: true,
        queries: [
          { expression: "min(invoked_store_available)", legend: "database" },
          { expression: "min(invoked_sandbox_available)", legend: "processes" },
          { expression: "min(invoked_nats_connected)", legend: "NATS" },
          { expression: "min(invoked_accepting)", legend: "accepts" },
        ],
      },
      {
        kind: "stat",
        title: "Least free disk",
        unit: "percentunit",
        width: 4,
        queries: [{
          expression: "min(invoked_disk_free_bytes / invoked_disk_limit_bytes)",
          legend: "free",
        }],
      },
      {
        kind: "stat",
        title: "Left behind",
        unit: "none",
        width: 8,
        queries: [
          { expression: "max(invoked_dead_letters)", legend: "dead letters" },
          { expression: "max(invoked_schedules_late)", legend: "late schedules" },
        ],
      },
      {
        kind: "timeseries",
        title: "Invocations by outcome",
        unit: "cps",
        width: 12,
        isStacked: true,
        queries: [
          { expression: `sum(rate(faas_invocations_total{${OF}}${RATE}))`, legend: "success" },
          {
            expression: `sum by (error_type) (rate(faas_errors_total{${OF}}${RATE}))`,
            legend: "{{error_type}}",
          },
        ],
      },
      {
        kind: "timeseries",
        title: "Functions that fail most",
        unit: "percentunit",
        width: 12,
        queries: [{ expression: `topk(10, ${FAILED} / ${ENDED})`, legend: "{{faas_name}}" }],
      },
      {
        kind: "timeseries",
        title: "HTTP requests by status",
        unit: "reqps",
        width: 8,
        isStacked: true,
        queries: [{
          expression:
            `sum by (http_response_status_code) (rate(http_server_request_duration_seconds_count${RATE}))`,
          legend: "{{http_response_status_code}}",
        }],
      },
      {
        kind: "timeseries",
        title: "Slots",
        unit: "none",
        width: 8,
        queries: [
          { expression: "sum by (job) (invoked_slots_taken)", legend: "taken, {{job}}" },
          { expression: "sum by (job) (invoked_slots_limit)", legend: "limit, {{job}}" },
        ],
      },
      {
        kind: "timeseries",
        title: "Delays of the server, p99",
        unit: "s",
        width: 8,
        queries: ["invoked_store_sync_duration_seconds", "invoked_event_loop_delay_seconds"].map(
          (metric) => ({
            expression: `histogram_quantile(0.99, sum by (le) (rate(${metric}_bucket${RATE})))`,
            legend: metric.includes("sync") ? "sync of the database" : "event loop",
          }),
        ),
      },
    ],
  },
  {
    question: "Why was this invocation slow?",
    text:
      "Choose the function above. The phase that grows is the cause: **queue** waits for a slot, " +
      "**instance** for a process, **run** is the function's own code, **record** the database. " +
      "The [console](${console}/functions) shows the phases of a single invocation.",
    panels: [
      {
        kind: "timeseries",
        title: "Duration",
        unit: "s",
        width: 12,
        queries: quantiles(DURATION),
      },
      {
        kind: "timeseries",
        title: "Mean duration by phase",
        unit: "s",
        width: 12,
        isStacked: true,
        queries: [{
          expression:
            `sum by (invoked_phase) (rate(invoked_invocation_phase_duration_seconds_sum{${OF}}${RATE})) ` +
            `/ scalar(sum(rate(${DURATION}_count{${OF}}${RATE})))`,
          legend: "{{invoked_phase}}",
        }],
      },
      {
        kind: "timeseries",
        title: "Phases, p95",
        unit: "s",
        width: 12,
        queries: [{
          expression: "histogram_quantile(0.95, sum by (le, invoked_phase) (" +
            `rate(invoked_invocation_phase_duration_seconds_bucket{${OF}}${RATE})))`,
          legend: "{{invoked_phase}}",
        }],
      },
      {
        kind: "timeseries",
        title: "Waiting and running invocations",
        unit: "none",
        width: 12,
        queries: ["queued", "running"].map((state) => ({
          expression: `sum by (faas_name) (invoked_invocations_${state}{${OF}})`,
          legend: `{{faas_name}} ${state}`,
        })),
      },
      {
        kind: "timeseries",
        title: "Successes by process",
        description: "Forks of a template start fastest, spawned processes slowest",
        unit: "cps",
        width: 8,
        isStacked: true,
        queries: [{
          expression: `sum by (invoked_process) (rate(faas_invocations_total{${OF}}${RATE}))`,
          legend: "{{invoked_process}}",
        }],
      },
      {
        kind: "timeseries",
        title: "Processor time",
        unit: "s",
        width: 8,
        queries: quantiles("faas_cpu_usage_seconds"),
      },
      {
        kind: "timeseries",
        title: "Retries and rejections",
        unit: "cps",
        width: 8,
        queries: ["retries", "rejections"].map((what) => ({
          expression: `sum by (error_type) (rate(invoked_invocation_${what}_total{${OF}}${RATE}))`,
          legend: `${what}, {{error_type}}`,
        })),
      },
    ],
  },
  {
    question: "What did it cost?",
    panels: [
      {
        kind: "table",
        title: "Use by function, in the time shown",
        description: "Memory time is the mean peak of the memory of attempts, times their duration",
        unit: "none",
        width: 24,
        queries: [
          { expression: total(`${DURATION}_count`), legend: "Attempts", unit: "short" },
          { expression: total(`${DURATION}_sum`), legend: "Wall time", unit: "s" },
          { expression: total("faas_cpu_usage_seconds_sum"), legend: "Processor time", unit: "s" },
          {
            expression: `${total("faas_mem_usage_bytes_sum")} / ${
              total("faas_mem_usage_bytes_count")
            } * ${total(`${DURATION}_sum`)} / 2^30`,
            legend: "Memory time in GiB seconds",
            unit: "short",
          },
          { expression: total("faas_net_io_bytes_sum"), legend: "Egress", unit: "bytes" },
        ],
      },
      {
        kind: "timeseries",
        title: "Processors in use",
        unit: "none",
        width: 12,
        isStacked: true,
        queries: [
          {
            expression:
              `topk(10, sum by (faas_name) (rate(faas_cpu_usage_seconds_sum{${OF}}${RATE})))`,
            legend: "{{faas_name}}",
          },
          {
            expression: `sum(rate(process_cpu_time_seconds_total${RATE}))`,
            legend: "servers and workers themselves",
          },
        ],
      },
      {
        kind: "timeseries",
        title: "Egress",
        unit: "Bps",
        width: 12,
        isStacked: true,
        queries: [{
          expression: `topk(10, sum by (faas_name) (rate(faas_net_io_bytes_sum{${OF}}${RATE})))`,
          legend: "{{faas_name}}",
        }],
      },
    ],
  },
  {
    question: "Who changed it?",
    text: "Metrics count changes and name nobody. The " +
      "[audit log](${console}/audit?since=${__from:date:iso}&until=${__to:date:iso}) of the time " +
      "shown names who made each change; a click on a function above shows its changes.",
    panels: [
      {
        kind: "timeseries",
        title: "Changes through the API",
        unit: "none",
        width: 12,
        queries: [{
          expression: "sum by (http_request_method, http_route) (" +
            `increase(http_server_request_duration_seconds_count{${CHANGES}}${RATE})) > 0`,
          legend: "{{http_request_method}} {{http_route}}",
        }],
      },
      {
        kind: "timeseries",
        title: "Builds",
        unit: "none",
        width: 6,
        queries: [{
          expression: `sum by (error_type) (increase(invoked_build_duration_seconds_count${RATE}))`,
          legend: "builds {{error_type}}",
        }],
      },
      {
        kind: "timeseries",
        title: "Rejected credentials and calls",
        unit: "cps",
        width: 6,
        queries: [{
          expression: `sum by (error_type) (rate(invoked_auth_rejections_total${RATE}))`,
          legend: "{{error_type}}",
        }],
      },
    ],
  },
];
