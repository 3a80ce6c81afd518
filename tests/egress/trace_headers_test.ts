/** The headers of the trace in requests of `fetch`: what sets them, and who gets them. */
import assert from "node:assert/strict";
import { settings } from "../retries/support.ts";
import type { Client, Json } from "../support/client.ts";
import { ok } from "../support/expect.ts";
import { deploy, egressSuite, Host } from "./support.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const TRACED = { traceparent: `00-${TRACE}-00f067aa0ba902b7-01`, tracestate: "a=1" };

/** Each way to pass headers; `own` ways set the traceparent `own`. Returns what the host got of each. */
const WAYS = `const { url } = input;
const ways: Record<string, () => Promise<Response>> = {
  plain: () => fetch(url),
  url: () => fetch(new URL(url), undefined),
  init: () => fetch(url, { method: "POST", body: "text" }),
  form: () => {
    const body = new FormData();
    body.set("a", "b");
    return fetch(url, { method: "POST", body });
  },
  record: () => fetch(url, { headers: { "X-Own": "1" } }),
  pairs: () => fetch(url, { headers: [["x-own", "1"]] }),
  headers: () => fetch(url, { headers: new Headers({ "x-own": "1" }) }),
  request: () => fetch(new Request(url, { method: "POST", body: "text", headers: { "x-own": "1" } })),
  both: () => fetch(new Request(url, { headers: { "x-other": "1" } }), { headers: { "x-own": "1" } }),
  getter: () => {
    let reads = 0;
    return fetch(url, { get headers() { return { "x-own": String(++reads) }; } });
  },
  redirect: () => fetch(url.replace("/x", "/redirect?to=/x")),
  ownRecord: () => fetch(url, { headers: { TraceParent: "own" } }),
  ownRequest: () => fetch(new Request(url, { headers: { traceparent: "own" } })),
  ownState: () => fetch(url, { headers: { tracestate: "own=1" } }),
};
const got: Record<string, unknown> = {};
for (const [name, send] of Object.entries(ways)) {
  const { bytes, headers } = await (await send()).json();
  const { traceparent, tracestate, "x-own": own, "x-other": other } = headers;
  got[name] = [traceparent, tracestate, own, other, bytes];
}
return { got, type: await (await fetch(url, { method: "POST", body: "text" })).json() };`;

async function outputOf(api: Client, id: string, input: Json): Promise<Json> {
  const { invocationId } = ok(await api.invoke(id, input, TRACED));
  const { output, error } = await api.invocation(id, invocationId);
  assert.equal(error, undefined);
  return output;
}

async function eachWay(api: Client): Promise<void> {
  await using host = new Host();
  const id = await deploy(api, WAYS, [`127.0.0.1:${host.port}`]);
  const input = { url: `http://127.0.0.1:${host.port}/x` };
  const silent = await outputOf(api, id, input);
  const gotOf = ({ got }: Json, name: string) => got[name].slice(0, 2);
  for (const name of Object.keys(silent.got)) {
    const own = name === "ownState" ? [null, "own=1"] : name.startsWith("own") ? ["own", null] : [];
    assert.deepEqual(gotOf(silent, name), own.length > 0 ? own : [null, null], `${name}, off`);
  }
  await settings(api, id, { traceFetch: true });
  const traced = await outputOf(api, id, input);
  const [parent] = gotOf(traced, "plain");
  assert.match(parent, new RegExp(`^00-${TRACE}-[0-9a-f]{16}-01$`));
  assert.notEqual(parent, TRACED.traceparent);
  for (const name of Object.keys(traced.got)) {
    const expected = name === "ownState"
      ? [parent, "own=1"]
      : name.startsWith("own")
      ? ["own", null]
      : [parent, "a=1"];
    assert.deepEqual(gotOf(traced, name), expected, name);
    // Nothing else of the request changes.
    assert.deepEqual(traced.got[name].slice(2), silent.got[name].slice(2), name);
  }
  assert.deepEqual(traced.got.getter.slice(2, 3), ["1"], "read once");
  assert.equal(traced.type.headers["content-type"], silent.type.headers["content-type"]);
}

const REACH = `const failures: string[] = [];
for (const url of input.urls) {
  await fetch(url).catch((error: any) => failures.push(error.cause?.code ?? error.message));
}
return { failures };`;

async function allowedAlone(api: Client): Promise<void> {
  await using host = new Host();
  await using other = new Host();
  const id = await deploy(api, REACH, [`127.0.0.1:${host.port}`]);
  await settings(api, id, { traceFetch: true });
  const denied = `http://127.0.0.1:${other.port}/x`;
  const urls = [denied, `http://127.0.0.1:${host.port}/redirect?to=${denied}`];
  const { failures } = await outputOf(api, id, { urls });
  assert.deepEqual(failures, ["EGRESS_DENIED", "EGRESS_DENIED"]);
  assert.deepEqual([host.seen, other.seen], [["GET /redirect"], []]);
}

const HOSTILE = `const { context, url } = input;
const sent = async (init?: any) => {
  const headers = (await (await fetch(url, init)).json()).headers;
  return headers.traceparent ?? null;
};
const before = await sent();
Object.defineProperty(Object.prototype, "traceparent", { value: "polluted", configurable: true });
Object.prototype.tracestate = "polluted=1";
Headers.prototype.has = () => true;
Headers.prototype.set = () => { throw new Error("replaced"); };
globalThis.Headers = class {} as any;
globalThis.Proxy = class {} as any;
const after = await sent();
const failures: string[] = [];
for (const init of [1, { headers: null }, { headers: 1 }, { headers: { "a b": "1" } },
  { get headers() { throw new Error("a getter"); } }]) {
  await sent(init).then(() => failures.push("none"), (error) => failures.push(error.name));
}
return { before, after, failures };`;

async function hostileCode(api: Client): Promise<void> {
  await using host = new Host();
  const id = await deploy(api, HOSTILE, [`127.0.0.1:${host.port}`]);
  const input = { url: `http://127.0.0.1:${host.port}/x` };
  const plain = await outputOf(api, id, input);
  await settings(api, id, { traceFetch: true });
  const { before, after, failures } = await outputOf(api, id, input);
  assert.match(before, new RegExp(`^00-${TRACE}-`));
  assert.equal(after, before);
  assert.deepEqual(failures, plain.failures, "fetch fails as it does without the setting");
}

egressSuite("trace headers of fetch", "egress", {
  "each way to pass headers, without and with traceFetch": eachWay,
  "hosts that are not allowed get no request": allowedAlone,
  "code that replaces what fetch uses": hostileCode,
});
