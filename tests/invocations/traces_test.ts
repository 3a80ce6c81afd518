/** The trace of an invocation: where it comes from, and what it reaches. */
import assert from "node:assert/strict";
import { Ids } from "../../src/domain/ids.ts";
import { Traces } from "../../src/domain/invocations/trace.ts";
import { preview, raw, recordOf, send } from "../endpoints/support.ts";
import { BACKGROUND, QUICK, settings } from "../retries/support.ts";
import type { Client, Json } from "../support/client.ts";
import { ok } from "../support/expect.ts";
import { sharedSuite, type Stage } from "../support/suite.ts";
import { deliver, onlyInvocation } from "../triggers/deliveries.ts";
import { github } from "../triggers/signing.ts";
import { createTrigger, createWebhook, unique } from "../triggers/support.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";
const SENT = `00-${TRACE}-${SPAN}-01`;

/** Logs a line, returns its trace, and invokes `next`. Fails until its last attempt. */
const TRACED = `import { sdk } from "@c1/functions-sdk";
export default async ({ next, until = 1 }, { trace, attempt }) => {
  console.log(trace.spanId);
  if (attempt < until) throw new Error("not yet");
  if (next === undefined) return { trace };
  const sent = { functionId: next, functionsServiceInvokeRequest: {} };
  const { functionsServiceInvokeResponse: { json } } = await sdk.functions.invoke(sent);
  return { trace, nested: JSON.parse(atob(json)).trace };
};`;

/** Answers its trace, and the header that it gets. */
const SHOWN = `export default { fetch: (request, _, { trace }) =>
  Response.json({ trace, sent: request.headers.get("traceparent") }) };`;

async function traceOf(
  client: Client,
  id: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Json> {
  const { invocationId } = ok(await client.invoke(id, {}, headers));
  const { output, traceId } = await client.invocation(id, invocationId);
  assert.equal(output.trace.traceId, traceId);
  return output.trace;
}

async function begins({ client }: Stage): Promise<void> {
  const id = await client.deploy(TRACED);
  const [first, second] = [await traceOf(client, id), await traceOf(client, id)];
  for (const { traceId, spanId, traceparent, ...others } of [first, second]) {
    assert.match(traceId, /^[0-9a-f]{32}$/);
    assert.match(spanId, /^[0-9a-f]{16}$/);
    // Its id is random; no one has asked to record it.
    assert.equal(traceparent, `00-${traceId}-${spanId}-02`);
    assert.deepEqual(others, { sampled: false });
  }
  assert.notEqual(first.traceId, second.traceId);
}

async function continues({ client }: Stage): Promise<void> {
  const id = await client.deploy(TRACED);
  for (const [flags, passed] of [["00", "00"], ["01", "01"], ["03", "03"], ["ff", "03"]]) {
    const trace = await traceOf(client, id, { traceparent: `00-${TRACE}-${SPAN}-${flags}` });
    assert.notEqual(trace.spanId, SPAN, "a span of its own");
    assert.equal(trace.traceparent, `00-${TRACE}-${trace.spanId}-${passed}`);
    assert.equal(trace.sampled, passed === "01" || passed === "03");
    assert.equal("tracestate" in trace, false);
  }
  // A later version may have more fields.
  const later = await traceOf(client, id, { traceparent: `cc-${TRACE}-${SPAN}-01-what-comes` });
  assert.deepEqual([later.traceId, later.traceparent.slice(0, 3)], [TRACE, "00-"]);
}

async function states({ client }: Stage): Promise<void> {
  const id = await client.deploy(TRACED);
  const stateOf = async (tracestate: string) =>
    (await traceOf(client, id, { traceparent: SENT, tracestate })).tracestate;
  assert.equal(await stateOf("rojo=00f067aa0ba902b7,congo=t61"), "rojo=00f067aa0ba902b7,congo=t61");
  assert.equal(await stateOf("a=1 ,, 2t@b=x y,"), "a=1,2t@b=x y");
  const many = Array.from({ length: 33 }, (_, at) => `k${at}=1`).join(",");
  const malformed = [
    "a",
    "A=1",
    "a=1,a=2",
    "a=b=c",
    "=1",
    "a=é",
    many,
    `a=${"x".repeat(511)}`,
    ",",
  ];
  for (const state of malformed) assert.equal(await stateOf(state), undefined, state);
  const alone = await traceOf(client, id, { tracestate: "a=1" });
  assert.equal("tracestate" in alone, false, "without a traceparent");
}

async function ignores({ client, server }: Stage): Promise<void> {
  const id = await client.deploy(TRACED);
  const malformed = [
    "",
    "0",
    SENT.toUpperCase(),
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${"0".repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${"0".repeat(16)}-01`,
    `ff-${TRACE}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01-more`,
    `00-${TRACE}-${SPAN}`,
    `00-${TRACE}-${SPAN}-1`,
    `00-${TRACE}x-${SPAN}-01`,
    `${SENT},${SENT}`,
    `${SENT}\t01`,
    "x".repeat(8_000),
  ];
  for (const traceparent of malformed) {
    const { traceId } = await traceOf(client, id, { traceparent });
    assert.notEqual(traceId, TRACE, traceparent);
  }
  const body = JSON.stringify({ json: btoa("{}") });
  const answered = async (...lines: readonly string[]) =>
    await raw(
      server.url,
      [
        `POST /api/v1/functions/${id}/invoke HTTP/1.1`,
        `Host: ${new URL(server.url).host}`,
        `Authorization: Bearer ${client.token}`,
        "Content-Type: application/json",
        `Content-Length: ${body.length}`,
        "Connection: close",
        ...lines,
        "",
        body,
      ].join("\r\n"),
    );
  const twice = await answered(`traceparent: ${SENT}`, `Traceparent: ${SENT}`);
  const [, invocationId = ""] = /"invocationId":"(\w+)"/.exec(twice) ?? [];
  assert.notEqual((await client.invocation(id, invocationId)).traceId, TRACE, "two headers");
  assert.match(await answered(`traceparent: ${SENT}\x01`), /^HTTP\/1\.1 400 /);
  assert.match(await answered(`traceparent: ${"0".repeat(1024 * 1024)}`), /^HTTP\/1\.1 431 /);
  assert.equal((await traceOf(client, id, { traceparent: SENT })).traceId, TRACE, "serves on");
}

async function nests({ client }: Stage): Promise<void> {
  const [id, next] = [await client.deploy(TRACED), await client.deploy(TRACED)];
  await settings(client, id, { scopedRoleIds: ["functions:invoker"] });
  for (const headers of [{}, { traceparent: SENT, tracestate: "a=1" }]) {
    const { invocationId } = ok(await client.invoke(id, { next }, headers));
    const { output, error } = await client.invocation(id, invocationId);
    assert.equal(error, undefined);
    const { trace, nested } = output;
    assert.deepEqual([nested.traceId, nested.tracestate], [trace.traceId, trace.tracestate]);
    assert.notEqual(nested.spanId, trace.spanId);
    assert.equal(nested.traceparent.slice(-2), trace.traceparent.slice(-2), "as sampled");
  }
}

async function repeats({ client }: Stage): Promise<void> {
  const id = await client.deploy(TRACED);
  await settings(client, id, { retryPolicy: { ...QUICK, maxAttempts: 3 } });
  const headers = { ...BACKGROUND, traceparent: SENT };
  const { invocationId } = ok(await client.invoke(id, { until: 3 }, headers));
  const ended = await client.ended(id, invocationId);
  assert.deepEqual([ended.attempt, ended.traceId], [3, TRACE]);
  const path = `/api/v1/functions/${id}/invocations/${invocationId}`;
  const { list } = ok(await client.get(`${path}/logs`));
  assert.equal(new Set(list.map(({ message }: Json) => message)).size, 3, "a span each");
  for (const line of list) assert.equal(line.traceId, TRACE);

  const replay = ok(await client.post(`${path}/replay`, {}, { traceparent: SENT }));
  const replayed = await client.ended(id, replay.invocationId);
  assert.match(replayed.traceId, /^[0-9a-f]{32}$/);
  assert.notEqual(replayed.traceId, TRACE, "a replay begins a trace");
}

async function arrives({ client }: Stage): Promise<void> {
  const functionId = await client.deploy(TRACED);
  const { trigger } = await createWebhook(client, functionId, { github: { secret: "secret" } });
  const signed = github("secret", "{}");
  ok(await deliver(client, trigger, "{}", { ...signed, traceparent: SENT }));
  const { traceId, output } = await onlyInvocation(client, trigger);
  assert.deepEqual([traceId, output.trace.sampled], [TRACE, true]);

  const own = await preview(client, SHOWN);
  const response = await send(client, own, "/", { headers: { traceparent: SENT } });
  const { trace, sent } = await response.json();
  assert.deepEqual([trace.traceId, trace.sampled, sent], [TRACE, true, SENT]);
  assert.equal((await recordOf(client, own, response)).traceId, TRACE);
}

async function strangers({ client }: Stage): Promise<void> {
  const functionId = await client.deploy(SHOWN);
  const http = { slug: unique("e"), auth: "ENDPOINT_AUTH_OPEN" };
  await createTrigger(client, functionId, { http });
  const response = await fetch(`${client.url}/run/${http.slug}`, {
    headers: { traceparent: SENT },
  });
  const { trace, sent } = await response.json();
  assert.deepEqual([trace.traceId, trace.sampled, sent], [TRACE, false, SENT]);
}

Deno.test("the server decides for traces that begin here, and for strangers", () => {
  const [all, none] = [new Traces(1), new Traces(0)];
  const id = new Ids().next();
  const own = { id, traceparent: null, tracestate: null };
  assert.deepEqual([all.ofRun(own, 1).sampled, none.ofRun(own, 1).sampled], [true, false]);
  for (const [flag, isOfStranger] of [["00", true], ["01", true]] as const) {
    const sent = { traceparent: `00-${TRACE}-${SPAN}-${flag}`, isOfStranger };
    assert.equal(all.columns(id, sent).traceparent, `00-${TRACE}-${SPAN}-01`);
    assert.equal(none.columns(id, sent).traceparent, `00-${TRACE}-${SPAN}-00`);
  }
  const unsampled = { id, ...all.columns(id, { traceparent: `00-${TRACE}-${SPAN}-00` }) };
  assert.equal(all.ofRun(unsampled, 1).sampled, false, "a known caller decides");
});

sharedSuite("traces of invocations", {
  "an invocation begins a trace": begins,
  "the trace of a caller continues, with the flags that are known": continues,
  "tracestate passes within its limits": states,
  "malformed headers are ignored": ignores,
  "nested invocations continue the trace": nests,
  "attempts share a trace, and a replay begins one": repeats,
  "webhooks and previews continue a trace": arrives,
  "an open endpoint continues a trace, and strangers decide nothing": strangers,
});
