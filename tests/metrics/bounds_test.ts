/** The adapter of OpenTelemetry alone: bounds on series, and what many scrapes at once cost. */
import assert from "node:assert/strict";
import { openTelemetry } from "../../src/compose/telemetry.ts";
import { resolveConfig } from "../../src/config/mod.ts";
import type { AttemptReport } from "../../src/telemetry/contract.ts";
import { type Metrics, openMetrics } from "../../src/telemetry/metrics/open.ts";
import { METRICS } from "../../src/telemetry/metrics/table.ts";
import { checkPage, Page } from "./support.ts";

function open(): Metrics {
  return openMetrics({
    version: "1.0.0",
    instanceId: "node",
    role: "server",
    scheme: "http",
    collector: undefined,
  });
}

function attempt(id: string, displayName = id, errorCode?: string): AttemptReport {
  return {
    function: { id, displayName },
    invocation: { id, commitId: "", acceptedAtMs: 0, traceparent: null },
    number: 1,
    unstarted: undefined,
    endsRequest: false,
    startedAtMs: 0,
    triggerKind: "api",
    process: "root",
    errorCode,
    isRepeated: false,
    durationMicros: 2_000,
    phaseMicros: [100, 200, 300, null, 400, 1_000],
    cpuMicros: 1_500,
    peakBytes: 70 * 1024 ** 2,
    egressBytes: 10,
    hostCallsMicros: 0,
    egressMicros: 0,
    calls: [],
  };
}

async function pageOf(metrics: Metrics): Promise<Page> {
  return new Page(await metrics.page.text());
}

const INVOCATIONS = "faas_invocations_total";

Deno.test("functions beyond 500 share one label, and a renamed function keeps its label", async () => {
  await using metrics = open();
  for (let n = 0; n < 700; n++) metrics.telemetry.attemptEnded(attempt(`id-${n}`));
  for (let n = 0; n < 50; n++) metrics.telemetry.attemptEnded(attempt("id-1", `renamed ${n}`));
  const page = await pageOf(metrics);
  const other = { faas_name: "other", invoked_function_id: "other" };
  assert.equal(page.sum(INVOCATIONS), 750, "nothing is lost");
  assert.equal(page.sum(INVOCATIONS, other), 200);
  assert.equal(page.sum(INVOCATIONS, { invoked_function_id: "id-1", faas_name: "id-1" }), 51);
  assert.equal(page.text.match(/^faas_invocations_total\{/gm)?.length, 501);
  assert.equal(page.text.match(/^# TYPE faas_invocations_total /gm)?.length, 1);
  await checkPage(page.text);
});

Deno.test("statuses, methods and codes from outside make no series without end", async () => {
  await using metrics = open();
  const { telemetry } = metrics;
  for (let status = 200; status < 600; status++) {
    for (const method of ["GET", "PUT", "POST", "HEAD", "PATCH", "OPTIONS", "BREW", "PROPFIND"]) {
      telemetry.requestAnswered({ method, route: "/run/{slug}", status, durationMs: 1 });
    }
    telemetry.requestAnswered({ method: "MKCOL", route: undefined, status, durationMs: 1 });
    telemetry.requestAnswered({ method: "REPORT", route: undefined, status, durationMs: 1 });
  }
  for (let n = 0; n < 5_000; n++) {
    telemetry.requestAnswered({ method: "GET", route: `/route-${n}`, status: 200, durationMs: 1 });
    telemetry.credentialRejected(`CODE_${n}`);
  }
  const page = await pageOf(metrics);
  assert.equal(page.sum("http_server_request_duration_seconds_count"), 9_000);
  const labels = { http_request_method: "GET", http_route: "/route-1" };
  assert.ok(
    page.has("http_server_request_duration_seconds_count", labels),
    "functions leave the routes of the server their series",
  );
  assert.equal(page.sum("invoked_auth_rejections_total"), 5_000);
  const requests = page.text.match(/^http_server_request_duration_seconds_count\{/gm)?.length ?? 0;
  assert.ok(requests <= 2_502, `${requests} series of requests`);
  assert.equal(page.text.match(/^invoked_auth_rejections_total\{/gm)?.length, 101);
  assert.ok(!page.text.includes("BREW"));
  await checkPage(page.text);
});

Deno.test("scrapes at once share one collection, and the event loop turns meanwhile", async () => {
  await using metrics = open();
  for (let n = 0; n < 500; n++) metrics.telemetry.attemptEnded(attempt(`id-${n}`));
  let reads = 0;
  metrics.observe([{ name: "the reads", read: () => void reads++ }]);
  let isWriting = true;
  let turns = 0;
  const counting = (async () => {
    while (isWriting) {
      await new Promise((resolve) => setTimeout(resolve, 0));
      turns++;
    }
  })();
  const texts = await Promise.all(Array.from({ length: 100 }, () => metrics.page.text()));
  isWriting = false;
  await counting;
  assert.deepEqual([reads, new Set(texts).size], [1, 1]);
  assert.ok(turns >= 5, `the event loop turned ${turns} times`);
});

Deno.test("a source that fails or hangs leaves its metrics out, and no others", async () => {
  await using metrics = open();
  let isLive = true;
  metrics.observe([
    { name: "a failure", read: () => Promise.reject(new Error("closed")) },
    { name: "a wait without end", read: () => new Promise(() => {}) },
    {
      name: "a lease",
      read(observe) {
        if (isLive) observe("invoked.dead_letters", 3);
        observe("invoked.slots.taken", 1);
      },
    },
  ]);
  const page = await pageOf(metrics);
  assert.deepEqual([page.sum("invoked_dead_letters"), page.sum("invoked_slots_taken")], [3, 1]);
  isLive = false;
  const later = await pageOf(metrics);
  assert.ok(!later.has("invoked_dead_letters"), "a gauge that is not observed is absent");
  assert.equal(later.sum("invoked_slots_taken"), 1);
});

Deno.test("the phases of the server itself fall into several buckets", async () => {
  await using metrics = open();
  // 0.1, 0.2 and 0.3 ms of admission, queue and instance.
  metrics.telemetry.attemptEnded(attempt("id"));
  const page = await pageOf(metrics);
  const buckets = ["admission", "queue", "instance"].map((invoked_phase) =>
    ["0.0001", "0.00025", "0.001"].map((le) =>
      page.sum("invoked_invocation_phase_duration_seconds_bucket", { invoked_phase, le })
    )
  );
  assert.deepEqual(buckets, [[1, 1, 1], [0, 1, 1], [0, 0, 1]]);
});

Deno.test("a worker measures nothing for an API that it does not have", async () => {
  await using opened = new AsyncDisposableStack();
  const { config } = resolveConfig({ metrics: "true" }, {});
  const measured = { instanceId: "id", scheme: "http" } as const;
  const worker = await openTelemetry(config, { ...measured, role: "worker" }, opened);
  assert.equal(worker.metrics, undefined);
  const server = await openTelemetry(config, { ...measured, role: "server" }, opened);
  assert.ok(server.metrics);
});

Deno.test("every metric has the name of the conventions or of this server", () => {
  for (const name of Object.keys(METRICS)) {
    assert.match(name, /^(?:faas|http\.server|process|db\.client|otel\.sdk|invoked)\.[a-z0-9_.]+$/);
  }
});
