/** Traces that a server sends to a collector: their spans, which are sent, and a collector that does not take them. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { runSpanIdOf, traceIdsOf } from "../../src/shared/trace_context.ts";
import { allow, deploy as deployEgress, Host } from "../egress/support.ts";
import { freePort, scraped } from "../metrics/support.ts";
import { QUICK, settings, start, UNSTEADY } from "../retries/support.ts";
import type { Client, Json } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { assertError } from "../support/expect.ts";
import { LOOPBACK } from "../support/loopback.ts";
import { type ServerOptions, TestServer } from "../support/server.ts";
import { Barrier } from "../volumes/barrier.ts";
import { lengthOf, TraceCollector } from "./collector.ts";

/** Attempts that take longer than this are sent, in milliseconds. */
const SLOW_MS = 2_000;
const LONG_MS = SLOW_MS + 500;
const SLOW_NS = BigInt(SLOW_MS) * 1_000_000n;
const PHASES = ["admission", "queue", "instance", "evaluate", "run", "record"];
const ROUTE = "POST /api/v1/functions/{function_id}/invoke";
const SECRET = "a-secret-of-the-function-that-no-trace-has";

const VARIOUS = `export default async ({ how, ms = 0 }) => {
  await new Promise((resolve) => setTimeout(resolve, ms));
  if (how === "throw") throw new Error("${SECRET}");
  return {};
};`;

interface Stage {
  readonly dataDir: string;
  readonly client: Client;
  readonly collector: TraceCollector;
}

async function idOf(answer: Promise<Json>): Promise<string> {
  const { status, body } = await answer;
  assert.equal(status, 200, JSON.stringify(body));
  return body.invocationId;
}

async function tracesErrors({ client, collector }: Stage): Promise<void> {
  const id = await client.deploy(VARIOUS);
  const invocationId = await idOf(client.invoke(id, { how: "throw" }));
  const trace = await collector.traceOf(invocationId, PHASES.length + 2);
  trace.assertNested();
  const { traceId, spanId } = traceIdsOf(invocationId);
  const request = trace.one(ROUTE);
  assert.deepEqual(
    [request.traceId, request.parentId, request.kind, request.isError, request.flags & 1],
    [traceId, "", "SERVER", false, 1],
  );
  assert.deepEqual(request.attributes, {
    "http.request.method": "POST",
    "http.route": "/api/v1/functions/{function_id}/invoke",
    "http.response.status_code": 200,
    "url.scheme": "http",
  });
  const invocation = trace.one("test");
  assert.deepEqual(
    [invocation.spanId, invocation.parentId, invocation.kind, invocation.isError],
    [spanId, request.spanId, "SERVER", true],
  );
  const { commitId } = await client.invocation(id, invocationId);
  assert.deepEqual(invocation.attributes, {
    "faas.name": "test",
    "faas.version": commitId,
    "faas.trigger": "other",
    "faas.invocation_id": invocationId,
    "invoked.function.id": id,
    "invoked.trigger": "api",
    "faas.coldstart": true,
    "invoked.process": "root",
    "error.type": "UNCAUGHT",
  });
  const phases = trace.children(invocation);
  assert.deepEqual(phases.map(({ name }) => name), PHASES);
  assert.ok(phases.every((phase, at) => at === 0 || phase.start === phases[at - 1]?.end));
  assert.equal(phases[0]?.start, invocation.start);
  assert.equal(phases.at(-1)?.end, invocation.end);
  const run = trace.one("run");
  assert.equal(run.spanId, runSpanIdOf(invocationId, 1));
  assert.ok(Number(run.attributes["invoked.run.cpu_time"]) > 0);
  assert.ok(Number(run.attributes["invoked.run.peak_memory"]) > 1024 ** 2);
  const { "service.instance.id": node, "service.version": version, ...resource } = run.resource;
  assert.deepEqual(resource, { "service.name": "invoked", "invoked.role": "server" });
  assert.ok(node && version);
  assert.equal(collector.headers.get("authorization"), "Bearer of-traces");
  const texts = JSON.stringify(collector.spans, (_, value) => String(value));
  assert.ok(!texts.includes(SECRET), "no text of a function");
}

const CALLER = { traceId: "4bf92f3577b34da6a3ce929d0e0e4736", spanId: "00f067aa0ba902b7" };

async function continuesTraces({ client, collector }: Stage): Promise<void> {
  const id = await client.deploy(VARIOUS);
  const traceparent = (traceId: string, flags: string) => `00-${traceId}-${CALLER.spanId}-${flags}`;
  const other = crypto.randomUUID().replaceAll("-", "");
  await idOf(client.invoke(id, {}, { traceparent: traceparent(other, "00") }));
  const sampled = { traceparent: traceparent(CALLER.traceId, "01") };
  const invocationId = await idOf(client.invoke(id, {}, sampled));
  const trace = await collector.trace(CALLER.traceId, PHASES.length + 1);
  trace.assertNested();
  const request = trace.one(ROUTE);
  assert.deepEqual([request.parentId, request.flags], [CALLER.spanId, 0x301]);
  const invocation = trace.one("test", request);
  assert.equal(invocation.attributes["faas.invocation_id"], invocationId);
  assert.equal(invocation.isError, false);
  // A busy machine makes an invocation slow, whose spans are sent whatever its caller wants.
  const others = collector.spans.filter(({ traceId }) => traceId === other);
  const isSlow = others.some((span) => lengthOf(span) >= SLOW_NS);
  assert.ok(others.length === 0 || isSlow, "the caller decides");
}

async function sendsNothingElse({ client, collector }: Stage): Promise<void> {
  const id = await client.deploy(VARIOUS);
  // A busy machine makes an invocation slow.
  await eventually(async () => {
    const fast = await idOf(client.invoke(id));
    const failed = await idOf(client.invoke(id, { how: "throw" }));
    await collector.traceOf(failed, PHASES.length + 1);
    return collector.has(fast) ? undefined : true;
  }, "a fast success without a trace");
}

async function tracesAttempts({ client, collector }: Stage): Promise<void> {
  const id = await client.deploy(UNSTEADY);
  await settings(client, id, { retryPolicy: { ...QUICK, maxAttempts: 3 } });
  const invocationId = await start(client, id, { until: 3 });
  await client.ended(id, invocationId);
  const trace = await collector.traceOf(invocationId, 4 + 3 * (PHASES.length - 1));
  trace.assertNested();
  const invocation = trace.one("test");
  assert.deepEqual([invocation.parentId, invocation.isError], ["", false], "an asynchronous one");
  const attempts = trace.children(invocation).filter(({ name }) => name === "attempt");
  assert.deepEqual(
    attempts.map(({ attributes, isError }) => [attributes["invoked.attempt"], isError]),
    [[1, true], [2, true], [3, false]],
  );
  for (const [at, attempt] of attempts.entries()) {
    const names = trace.children(attempt).map(({ name }) => name);
    assert.deepEqual(names, at === 0 ? PHASES : PHASES.slice(1));
    assert.equal(trace.one("run", attempt).spanId, runSpanIdOf(invocationId, at + 1));
  }
  assert.equal(invocation.end, attempts[2]?.end);
}

async function tracesCalls({ client, collector }: Stage): Promise<void> {
  await using host = new Host();
  const target = `127.0.0.1:${host.port}`;
  const id = await client.deploy(`import { sdk } from "@c1/functions-sdk";
  export default async () => {
    await fetch("http://${target}/${SECRET}");
    await fetch("http://denied.example/").catch(() => {});
    await sdk.functions.getFunction({ id: "${"0".repeat(27)}" }).catch(() => {});
    await sdk.apps.list().catch(() => {});
    throw new Error("the end");
  };`);
  await allow(client, id, [target]);
  const invocationId = await idOf(client.invoke(id));
  const trace = await collector.traceOf(invocationId, PHASES.length + 6);
  trace.assertNested();
  const run = trace.one("run");
  const calls = trace.children(run);
  assert.ok(calls.every(({ kind }) => kind === "CLIENT"));
  const [taken, denied, listed, ofTenant] = calls;
  assert.deepEqual(
    [ofTenant?.name, ofTenant?.attributes["error.type"]],
    ["sdk.apps.list", "TENANT_NOT_SET"],
  );
  assert.deepEqual([taken?.name, denied?.name], ["GET", "GET"]);
  const { "invoked.egress.size": size, ...attributes } = taken?.attributes ?? {};
  assert.ok(Number(size) > 0);
  assert.deepEqual(attributes, {
    "http.request.method": "GET",
    "server.address": "127.0.0.1",
    "server.port": host.port,
    "http.response.status_code": 200,
  });
  assert.deepEqual(
    [denied?.isError, denied?.attributes["error.type"], denied?.attributes["server.address"]],
    [true, "refused", "denied.example"],
  );
  const method = "c1.api.functions.v1.FunctionsService.GetFunction";
  assert.deepEqual(
    [listed?.name, listed?.attributes["rpc.method"], listed?.isError],
    [method, method, true],
  );
  assert.ok(Number(run.attributes["invoked.run.egress_time"]) > 0);
  assert.ok(Number(run.attributes["invoked.run.host_calls_time"]) > 0);
}

async function tracesUnstarted({ client, collector }: Stage): Promise<void> {
  const id = await client.deploy(VARIOUS);
  const later = new Date(Date.now() + 3_600_000).toISOString();
  const invocationId = await idOf(
    client.invoke(id, {}, { "Invoke-At": later, prefer: "respond-async" }),
  );
  await new Promise((resolve) => setTimeout(resolve, 5));
  await client.post(`/api/v1/functions/${id}/invocations/${invocationId}/cancel`, {});
  const trace = await collector.traceOf(invocationId, 2);
  const invocation = trace.one("test");
  assert.deepEqual([invocation.isError, invocation.attributes["error.type"]], [true, "CANCELLED"]);
  assert.deepEqual(trace.slowest(invocation), ["wait"]);
}

/** The answer says that the end is not recorded yet, so no span of the request follows the end. */
async function tracesLateEnds({ dataDir, client, collector }: Stage): Promise<void> {
  const barrier = new Barrier();
  const body = `await (await fetch(input.url)).text(); throw new Error("the end");`;
  const id = await deployEgress(client, body, [barrier.host]);
  const url = barrier.next();
  const answer = client.invoke(id, { url });
  await barrier.arrived(url);
  const [{ id: invocationId }] =
    (await client.get(`/api/v1/functions/${id}/invocations`)).body.list;
  {
    using db = new DatabaseSync(join(dataDir, "invoked.db"), { timeout: 60_000 });
    db.exec("begin immediate");
    barrier.open(url);
    assertError(await answer, "STORAGE_UNAVAILABLE");
    db.exec("rollback");
  }
  const trace = await collector.traceOf(invocationId, PHASES.length + 2);
  assert.equal(trace.spans.filter(({ parentId }) => parentId === "").length, 1, trace.text);
}

/** Each invocation waits somewhere else, and its trace alone says where. */
async function explainsSlowOnes({ client, collector }: Stage): Promise<void> {
  await using host = new Host();
  const [queued, evaluated, fetched] = await Promise.all([
    slowInQueue(client),
    slowInEvaluation(client),
    slowInEgress(client, host),
  ]);
  for (
    const [id, where] of [
      [queued, ["queue"]],
      [evaluated, ["evaluate"]],
      [fetched, ["run", "GET"]],
    ] as const
  ) {
    const trace = await collector.traceOf(id, PHASES.length);
    assert.deepEqual(trace.slowest(trace.one("test")), where);
  }
}

async function slowInQueue(client: Client): Promise<string> {
  const id = await client.deploy(VARIOUS);
  await settings(client, id, { maxConcurrency: 1 });
  const first = await start(client, id, { ms: 600_000 });
  await eventually(async () => {
    const { status } = await client.invocation(id, first);
    return /_RUNNING$/.test(status) ? true : undefined;
  }, "the first invocation");
  const second = idOf(client.invoke(id));
  await new Promise((resolve) => setTimeout(resolve, LONG_MS));
  await client.post(`/api/v1/functions/${id}/invocations/${first}/cancel`);
  return await second;
}

async function slowInEvaluation(client: Client): Promise<string> {
  const wait = `await new Promise((resolve) => setTimeout(resolve, ${LONG_MS}));`;
  return await idOf(client.invoke(await client.deploy(`${wait} export default () => ({});`)));
}

async function slowInEgress(client: Client, host: Host): Promise<string> {
  const target = `127.0.0.1:${host.port}`;
  const body = `return { status: (await fetch("http://${target}/slow?ms=${LONG_MS}")).status };`;
  return await idOf(client.invoke(await deployEgress(client, body, [target])));
}

const EXPORTED = "otel_sdk_exporter_span_exported_total";
const NOT_TAKEN = { error_type: "not_taken" };

async function outlivesTheCollector({ client, collector }: Stage): Promise<void> {
  const id = await client.deploy(VARIOUS);
  for (const behavior of [400, 503, "silent"] as const) {
    const before = (await scraped(client, () => true, "")).sum(EXPORTED, NOT_TAKEN);
    collector.behavior = behavior;
    const dropped = await idOf(client.invoke(id, { how: "throw" }));
    await scraped(
      client,
      (page) => page.sum(EXPORTED, NOT_TAKEN) > before,
      `spans that were dropped: ${behavior}`,
    );
    collector.behavior = "takes";
    const taken = await idOf(client.invoke(id, { how: "throw" }));
    await collector.traceOf(taken, PHASES.length + 1);
    assert.ok(!collector.has(dropped));
  }
  const page = await scraped(client, (page) => page.sum(EXPORTED) > 0, "spans");
  assert.ok(page.sum(EXPORTED) > page.sum(EXPORTED, NOT_TAKEN));
  assert.equal(page.sum("otel_sdk_processor_span_processed_total"), page.sum(EXPORTED));
}

async function tracesNested({ client, collector }: Stage): Promise<void> {
  const nested = await client.deploy(VARIOUS);
  const id = await client.deploy(`import { sdk } from "@c1/functions-sdk";
  export default async () => {
    await sdk.functions.invoke({ functionId: "${nested}", functionsServiceInvokeRequest: {} });
    return {};
  };`);
  await settings(client, id, { scopedRoleIds: ["functions:invoker"] });
  const [traceId, spanId] = ["5cf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"];
  const traceparent = `00-${traceId}-${spanId}-01`;
  const invocationId = await idOf(client.invoke(id, {}, { traceparent }));
  // Without its call, the outer invocation has one span more: the request.
  const trace = await collector.trace(traceId, 2 * (PHASES.length + 1) + 2);
  const request = trace.one(ROUTE);
  assert.equal(request.parentId, spanId);
  const outer = trace.one("test", request);
  assert.equal(outer.spanId, traceIdsOf(invocationId).spanId);
  const run = trace.one("run", outer);
  assert.equal(run.spanId, runSpanIdOf(invocationId, 1));
  const inner = trace.one("test", run);
  assert.equal(inner.attributes["invoked.function.id"], nested);
  assert.ok(trace.spans.every(({ flags }) => (flags & 1) === 1));

  const { invocation } = (await client.get(`/api/v1/invocations/${invocationId}`)).body;
  assert.equal(invocation.traceUrl, `https://traces.example/trace/${traceId}?of=invoked`);
  const { list } = (await client.get(`/api/v1/functions/${id}/invocations`)).body;
  assert.equal("traceUrl" in list[0], false);
}

Deno.test("a server sends traces to a collector, and serves on without one", async (t) => {
  const port = freePort();
  const options: ServerOptions = {
    flags: [
      ...["--metrics", "--otlp-endpoint", `http://127.0.0.1:${port}`, "--otlp-interval", "1s"],
      ...["--trace-url", "https://traces.example/trace/{traceId}?of=invoked"],
      ...["--trace-sample", "0", "--trace-slow", `${SLOW_MS}ms`, ...LOOPBACK],
    ],
    env: {
      OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20of-all",
      OTEL_EXPORTER_OTLP_TRACES_HEADERS: "authorization=Bearer%20of-traces",
      OTEL_EXPORTER_OTLP_METRICS_HEADERS: "authorization=Bearer%20of-metrics",
    },
  };
  await using server = await TestServer.start(options);
  const client = await server.client();
  await t.step("that is down", async () => {
    const id = await client.deploy(VARIOUS);
    await idOf(client.invoke(id, { how: "throw" }));
    await scraped(client, (page) => page.sum(EXPORTED, NOT_TAKEN) > 0, "dropped spans");
  });
  await using collector = new TraceCollector({ port });
  const stage = { dataDir: server.dataDir, client, collector };
  const steps: Readonly<Record<string, (stage: Stage) => Promise<void>>> = {
    "of errors": tracesErrors,
    "not of others": sendsNothingElse,
    "of sampled callers": continuesTraces,
    "with nested invocations": tracesNested,
    "with each attempt": tracesAttempts,
    "with host calls and egress": tracesCalls,
    "of invocations that never started": tracesUnstarted,
    "of ends that come after the answer": tracesLateEnds,
    "that say where the time went": explainsSlowOnes,
    "unless the collector does not take them": outlivesTheCollector,
  };
  for (const [name, step] of Object.entries(steps)) {
    await t.step(name, () => step(stage));
  }
  await t.step("once more when it stops, and logs each change once", async () => {
    const id = await client.deploy(VARIOUS);
    const last = await idOf(client.invoke(id, { how: "throw" }));
    await server.stop();
    assert.ok(collector.has(last));
    const lines = (await server.log).split("\n").filter((line) => line.includes("traces"));
    const kinds = lines.map((line) => line.includes("takes no traces") ? "down" : "up");
    assert.deepEqual([kinds[0], kinds.at(-1)], ["down", "up"], lines.join("\n"));
    // On a busy machine, the collector may answer late once more.
    assert.ok(kinds.length >= 8, lines.join("\n"));
    assert.ok(kinds.every((kind, at) => kind !== kinds[at - 1]), kinds.join());
    assert.match(lines[1] ?? "", /takes traces again; \d+ spans were dropped/);
    assert.ok(!lines.join("").includes("Bearer"), "no credential is logged");
  });
});
