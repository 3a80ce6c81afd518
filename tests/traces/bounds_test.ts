/** The ratio of traces, the limits of their queue, and exact values: what a server does not make in a test. */
import assert from "node:assert/strict";
import { ksuidAt } from "../../src/shared/ksuids.ts";
import { isTraceSampled } from "../../src/shared/trace_sampling.ts";
import type { AttemptReport, SpanCounters } from "../../src/telemetry/contract.ts";
import { openTraces } from "../../src/telemetry/traces/open.ts";
import { eventually } from "../support/eventually.ts";
import { TraceCollector } from "./collector.ts";

/** An attempt with five spans. */
function attempt(n: number): AttemptReport {
  return {
    function: { id: "fn", displayName: "fn" },
    invocation: {
      id: ksuidAt(0, BigInt(n)),
      commitId: "",
      acceptedAtMs: 0,
      traceparent: null,
    },
    number: 1,
    triggerKind: "api",
    process: "root",
    errorCode: undefined,
    unstarted: undefined,
    isRepeated: false,
    endsRequest: false,
    startedAtMs: 0,
    durationMicros: 4,
    phaseMicros: [1, 1, null, null, 1, 1],
    cpuMicros: 1,
    peakBytes: 1,
    egressBytes: undefined,
    hostCallsMicros: undefined,
    egressMicros: undefined,
    calls: [],
  };
}

function tracesTo(collector: TraceCollector, counters: SpanCounters) {
  return openTraces({
    ...{ version: "1", instanceId: "node", role: "server", scheme: "http" },
    sampling: { ratio: 1, slowMs: 1 },
    collector: { endpoint: collector.url, headers: {}, ca: undefined, intervalMs: 60_000 },
    counters,
  });
}

Deno.test("the queue for a collector that does not answer is bounded, and lost spans are counted", async () => {
  await using collector = new TraceCollector();
  collector.behavior = "silent";
  const counts = { exported: 0, lost: 0, full: 0 };
  const traces = tracesTo(collector, {
    processed: (count, error) => counts.full += error === "queue_full" ? count : 0,
    exported: (count, error) => counts[error === undefined ? "exported" : "lost"] += count,
  });
  for (let at = 0; at < 2_000; at++) traces.telemetry.attemptEnded(attempt(at));
  await eventually(() => collector.requests > 0 ? true : undefined, "a request");
  assert.equal(counts.full, 0, "10,000 spans have space");
  for (let at = 0; at < 401; at++) traces.telemetry.attemptEnded(attempt(at));
  assert.equal(counts.full, 5, "2,000 are on their way");
  await traces[Symbol.asyncDispose]();
  assert.deepEqual([counts.exported, counts.lost], [0, 12_000], "the stop does not wait");
});

Deno.test("attributes have one type, and addresses no brackets", async () => {
  await using collector = new TraceCollector();
  {
    await using traces = tracesTo(collector, { processed() {}, exported() {} });
    const [beganMs, durationMs, bytes] = [0, 0, 1];
    const request = { kind: "egress", method: "GET", verdict: "allowed", status: 200 } as const;
    const calls = ["[2001:db8::1]:443", "example.com:80"].map((host) => ({
      ...request,
      ...{ host, beganMs, durationMs, bytes },
    }));
    for (const cpuMicros of [0, 1, 2_000_000]) {
      traces.telemetry.attemptEnded({ ...attempt(cpuMicros + 1), cpuMicros, calls });
    }
  }
  const runs = collector.spans.filter(({ name }) => name === "run");
  assert.deepEqual(runs.map(({ attributes }) => attributes["invoked.run.cpu_time"]), [0, 1e-6, 2]);
  for (const { doubles } of runs) assert.deepEqual(doubles, ["invoked.run.cpu_time"]);
  const hosts = collector.spans.filter(({ name }) => name === "GET").map(({ attributes }) => [
    attributes["server.address"],
    attributes["server.port"],
  ]);
  assert.deepEqual(hosts.slice(0, 2), [["2001:db8::1", 443], ["example.com", 80]]);
});

Deno.test("an interrupted attempt has a span, also after the clock was set back", async () => {
  await using collector = new TraceCollector();
  const [accepted, started, later] = [1_000, 2_000, Date.now() + 3_600_000];
  {
    await using traces = tracesTo(collector, { processed() {}, exported() {} });
    for (
      const [n, acceptedAtMs, startedAtMs] of [[1, accepted, started], [3, later, later]] as const
    ) {
      const { function: fn, invocation, triggerKind } = attempt(n);
      traces.telemetry.endedUnattempted({
        ...{ function: fn, triggerKind, errorCode: "INTERRUPTED", isRepeated: false },
        invocation: { ...invocation, acceptedAtMs },
        interrupted: { number: 2, startedAtMs },
      });
    }
  }
  const { spans } = collector;
  assert.deepEqual(spans.map(({ name }) => name), ["fn", "attempt", "fn", "attempt"]);
  for (const [at, { spanId, parentId, start, end, attributes }] of spans.entries()) {
    assert.equal(attributes["error.type"], "INTERRUPTED");
    assert.equal(attributes["invoked.attempt"], at % 2 === 0 ? undefined : 2);
    assert.equal(parentId, at % 2 === 0 ? "" : spans[at - 1]?.spanId);
    assert.notEqual(spanId, parentId);
    assert.ok(end >= start, "no negative duration");
  }
  assert.deepEqual(spans.slice(0, 2).map(({ start }) => start), [
    BigInt(accepted) * 1_000_000n,
    BigInt(started) * 1_000_000n,
  ]);
});

Deno.test("the ratio of traces is that of the ids, whoever decides", () => {
  const ids = Array.from({ length: 4_000 }, () => crypto.randomUUID().replaceAll("-", ""));
  const sampled = (ratio: number) => ids.filter((id) => isTraceSampled(id, ratio));
  assert.deepEqual([sampled(0).length, sampled(1).length], [0, ids.length]);
  const [few, half] = [sampled(0.1), sampled(0.5)];
  assert.ok(few.length > 250 && few.length < 550, `${few.length}`);
  assert.ok(half.length > 1_700 && half.length < 2_300, `${half.length}`);
  assert.ok(few.every((id) => half.includes(id)), "a higher ratio has the traces of a lower one");
  // As OpenTelemetry's consistent sampling: the highest 56 bits, whatever precedes them.
  assert.ok(isTraceSampled(`${"0".repeat(18)}${"f".repeat(14)}`, 0.000001));
  assert.ok(!isTraceSampled(`${"f".repeat(18)}7${"f".repeat(13)}`, 0.5));
  assert.ok(isTraceSampled(`${"0".repeat(18)}8${"0".repeat(13)}`, 0.5));
});
