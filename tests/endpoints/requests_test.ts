/** What a function gets of a request, and what a client gets of its response. */
import assert from "node:assert/strict";
import { Client, type Json } from "../support/client.ts";
import { assertError, ok } from "../support/expect.ts";
import { sharedSuite, type Stage } from "../support/suite.ts";
import { answerOf, preview, raw, recordOf, send } from "./support.ts";

const ECHO = `
export default { async fetch(
  request: Request,
  env: Record<string, string>,
  context: Record<string, unknown>,
): Promise<Response> {
  return Response.json({
    method: request.method,
    url: request.url,
    headers: Object.fromEntries(request.headers),
    hasBody: request.body !== null,
    body: await request.text(),
    env,
    context: {
      ...context,
      waitUntil: typeof context.waitUntil,
      passThroughOnException: typeof context.passThroughOnException,
    },
  }, { status: 201, headers: { "x-own": "yes" } });
} };`;

async function requests({ client }: Stage): Promise<void> {
  const echo = await preview(client, ECHO);
  const response = await send(client, echo, "/a%20b//c?x=1&x=2", {
    method: "PATCH",
    headers: {
      ...{ "X-Many": "1", "Content-Type": "text/plain", Cookie: "console=1", TE: "trailers" },
      ...{ "X-Forwarded-For": "9.9.9.9", "X-Forwarded-Prefix": "/evil", Forwarded: "for=9.9.9.9" },
    },
    body: "héllo",
  });
  const said = await response.json();
  assert.equal(response.status, 201);
  assert.equal(response.headers.get("x-own"), "yes");
  const { method, url, body, headers, env, context } = said;
  assert.deepEqual({ method, url, body, env }, {
    method: "PATCH",
    url: `${client.url}/a%20b//c?x=1&x=2`,
    body: "héllo",
    env: {},
  });
  for (const name of ["authorization", "cookie", "te", "x-forwarded-for", "forwarded"]) {
    assert.equal(headers[name], undefined, name);
  }
  assert.equal(headers["x-many"], "1");
  assert.equal(headers["host"], new URL(client.url).host);
  assert.equal(headers["x-forwarded-prefix"], echo.path);
  const { invocationId, deadline, trace, ...others } = context;
  assert.match(trace.traceId, /^[0-9a-f]{32}$/);
  assert.deepEqual(others, {
    functionId: echo.functionId,
    commitId: echo.commitId,
    attempt: 1,
    trigger: { kind: "http" },
    remoteAddress: "127.0.0.1",
    remoteAddr: { transport: "tcp", hostname: "127.0.0.1", port: 0 },
    waitUntil: "function",
    passThroughOnException: "function",
    props: {},
  });
  assert.equal(invocationId, response.headers.get("invocation-id"));
  assert.ok(Date.parse(deadline) > Date.now() - 60_000);

  const record = await recordOf(client, echo, response);
  assert.equal(record.status, "FUNCTION_INVOCATION_STATUS_SUCCESS");
  assert.equal(record.trigger.kind, "TRIGGER_KIND_HTTP");
  assert.deepEqual(record.http, {
    method: "PATCH",
    path: "/a%20b//c",
    status: 201,
    requestBytes: "6",
    responseBytes: `${JSON.stringify(said).length + 1}`,
  });
  assert.equal(record.input.url, url);
  assert.ok(!JSON.stringify(record.input).includes("console=1"));
}

/** Reads its body once the response is complete: a host call for the body would fail. */
const READS_LATE = `
export default { fetch(request, env, { waitUntil }) {
  waitUntil(new Promise((resolve) => setTimeout(resolve, 100)).then(async () => {
    console.log([...await request.bytes()].slice(0, 4).join(" "));
  }));
  return new Response("done");
} };`;
const BYTES = `export default { fetch: async (request) =>
  Response.json({ bytes: [...new Uint8Array(await request.arrayBuffer())] }) };`;
/** Reads its body into a buffer of its own. */
const BYOB = `export default { async fetch(request) {
  const reader = request.body?.getReader({ mode: "byob" });
  let bytes = 0;
  for (let done = reader === undefined; !done;) {
    const read = await reader.read(new Uint8Array(8));
    done = read.done;
    bytes += read.value?.length ?? 0;
  }
  return Response.json({ bytes });
} };`;

async function shortBodies({ client }: Stage): Promise<void> {
  const late = await preview(client, READS_LATE);
  // In Latin-1. The first has a byte order mark, which belongs to the body.
  const bodies = { "\xef\xbb\xbf{}": "239 187 191 123", ["x".repeat(2000)]: "120 120 120 120" };
  const head =
    `POST ${late.path}/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${client.token}\r\n`;
  for (const [body, logged] of Object.entries(bodies)) {
    // Head and body arrive together.
    const length = `Connection: close\r\nContent-Length: ${body.length}\r\n\r\n`;
    const answer = await raw(client.url, head + length + body);
    assert.match(answer, /^HTTP\/1\.1 200 [^]*\r\n\r\ndone$/);
    const invocationId = /^invocation-id: (\S+)/im.exec(answer)?.[1] ?? "";
    const { status, http } = await client.ended(late.functionId, invocationId);
    assert.match(status, /_SUCCESS$/);
    assert.equal(http.requestBytes, `${body.length}`);
    const logs = `/api/v1/functions/${late.functionId}/invocations/${invocationId}/logs`;
    assert.deepEqual(ok(await client.get(logs)).list.map(({ message }: Json) => message), [logged]);
  }
  const bytes = await preview(client, BYTES);
  const body = new Uint8Array([0, 255, 128, 10]);
  const response = await send(client, bytes, "/", { method: "POST", body });
  assert.deepEqual(await response.json(), { bytes: [...body] });
  assert.equal((await recordOf(client, bytes, response)).http.requestBytes, "4");
  const byob = await preview(client, BYOB);
  for (const sent of ["short text", new Uint8Array([0, 255, 128, 10]), ""]) {
    const read = await send(client, byob, "/", { method: "POST", body: sent });
    assert.deepEqual(await read.json(), { bytes: sent.length });
  }
}

async function methods({ client }: Stage): Promise<void> {
  const echo = await preview(client, ECHO);
  for (const method of ["GET", "POST", "PUT", "DELETE", "OPTIONS", "PROPFIND", "REPORT"]) {
    const said = await (await send(client, echo, "", { method })).json();
    assert.deepEqual([said.method, said.hasBody], [method, false]);
    assert.equal(said.url, `${client.url}/`);
  }
  const head = await send(client, echo, "/", { method: "HEAD" });
  assert.equal(head.status, 201);
  assert.ok(Number(head.headers.get("content-length")) > 100);
  assert.equal(await head.text(), "");

  const line = (start: string, more = "") =>
    `${start}\r\nHost: x.test\r\nAuthorization: Bearer ${client.token}\r\n${more}Connection: close\r\n\r\n`;
  const absolute = await raw(client.url, line(`GET http://other.test${echo.path}/a?b HTTP/1.1`));
  assert.match(absolute, /"url":"http:\/\/x\.test\/a\?b"/);
  assert.match(await raw(client.url, line(`TRACE ${echo.path}/ HTTP/1.1`)), /^HTTP\/1\.1 400 /);
  assert.match(await raw(client.url, line(`GET ${echo.path}/ HTTP/1.0`)), /^HTTP\/1\.1 201 /);
  const upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\n";
  const rejected = await raw(client.url, line(`GET ${echo.path}/ HTTP/1.1`, upgrade));
  assert.match(rejected, /^HTTP\/1\.1 501 [^]*UPGRADE_NOT_SUPPORTED/);
  const chunked = "Transfer-Encoding: chunked\r\nTrailer: X-Last\r\n";
  const trailers = await raw(
    client.url,
    `${line(`POST ${echo.path}/ HTTP/1.1`, chunked)}3\r\nabc\r\n0\r\nX-Last: yes\r\n\r\n`,
  );
  assert.match(trailers, /"hasBody":true,"body":"abc"/);
  assert.doesNotMatch(trailers, /x-last|trailer/i);
  const expecting = "Expect: 100-continue\r\nContent-Length: 3\r\n";
  const continued = await raw(client.url, `${line(`PUT ${echo.path}/ HTTP/1.1`, expecting)}abc`);
  assert.match(continued, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 201 [^]*"body":"abc"/);
}

const RESPONSES = `
const responses: Record<string, () => Response | Promise<Response>> = {
  empty: () => new Response(null, { status: 204 }),
  unchanged: () => new Response(null, { status: 304, headers: { etag: '"a"' } }),
  moved: () => Response.redirect("https://example.com/", 307),
  bodyless: () => new Response(null, { headers: { "content-length": "5" } }),
  later: () => new Response(new ReadableStream({
    async start(controller) {
      for (const text of ["a", "", "b"]) {
        await new Promise((resolve) => setTimeout(resolve, 5));
        controller.enqueue(new TextEncoder().encode(text));
      }
      controller.close();
    },
  }), { headers: { "content-type": "text/event-stream" } }),
  large: () => new Response(new Uint8Array(3 * 1024 * 1024 + 1).fill(7)),
  range: () => new Response("bc", { status: 206, headers: { "content-range": "bytes 1-2/5" } }),
  blob: () => new Response(new Blob(["blob"], { type: "text/x-blob" })),
  latin: () => new Response("x", { headers: { "x-latin": "caf\\u00e9" } }),
  gzip: () => new Response(new Blob(["zipped"]).stream().pipeThrough(new CompressionStream("gzip")), {
    headers: { "content-encoding": "gzip" },
  }),
  form: () => {
    const form = new FormData();
    form.append("a", "b");
    return new Response(form);
  },
  throws: () => { throw new Error("a secret of the function"); },
  object: () => ({ status: 200 }) as unknown as Response,
  text: () => new Response("chunk").body!.pipeThrough(new TransformStream({
    transform: (_, controller) => controller.enqueue("not bytes"),
  })) as unknown as Response,
  strings: () => new Response(new ReadableStream({ start: (c) => { c.enqueue("text"); c.close(); } })),
  locked: () => { const response = new Response("a"); response.body!.getReader(); return response; },
};
export default { fetch: (request: Request) => responses[new URL(request.url).pathname.slice(1)]!() };
`;

async function responses({ client }: Stage): Promise<void> {
  const any = await preview(client, RESPONSES);
  const get = (name: string) => send(client, any, `/${name}`);
  const empty = await get("empty");
  assert.deepEqual([empty.status, empty.headers.get("content-length")], [204, null]);
  const policy = empty.headers.get("content-security-policy") ?? "";
  assert.match(policy, /sandbox allow-scripts allow-forms$/, "on the server's own host");
  assert.equal((await get("unchanged")).headers.get("etag"), '"a"');
  const bodyless = await get("bodyless");
  assert.deepEqual([bodyless.status, bodyless.headers.get("content-length")], [200, "0"]);
  assert.equal((await recordOf(client, any, bodyless)).error, undefined);
  const head = await send(client, any, "/bodyless", { method: "HEAD" });
  assert.equal(head.headers.get("content-length"), "5");
  assert.equal((await get("moved")).headers.get("location"), "https://example.com/");
  assert.equal(await (await get("later")).text(), "ab");
  const large = await (await get("large")).bytes();
  assert.equal(large.length, 3 * 1024 * 1024 + 1);
  assert.ok(large.every((byte) => byte === 7));
  const range = await get("range");
  assert.deepEqual([range.status, range.headers.get("content-range")], [206, "bytes 1-2/5"]);
  const blob = await get("blob");
  assert.deepEqual([await blob.text(), blob.headers.get("content-type")], ["blob", "text/x-blob"]);
  assert.equal((await get("latin")).headers.get("x-latin"), "café");
  assert.equal(await (await get("gzip")).text(), "zipped");
  assert.equal((await (await get("form")).formData()).get("a"), "b");

  const errors = {
    throws: /^UNCAUGHT: Error: a secret of the function\n +at .*main\.ts:\d+/,
    object: /^BAD_OUTPUT: fetch returned an object, not a Response$/,
    text: /^BAD_OUTPUT: fetch returned an object, not a Response$/,
    strings: /^UNCAUGHT: TypeError: the body of the response has a chunk that is not a Uint8Array/,
    locked: /^UNCAUGHT: TypeError: .*locked/,
  };
  for (const [name, error] of Object.entries(errors)) {
    const failed = await get(name);
    const id = failed.headers.get("invocation-id");
    assert.deepEqual([failed.status, await failed.json()], [500, { invocationId: id }], name);
    assert.match((await recordOf(client, any, failed)).error, error);
  }
}

async function callers({ client }: Stage): Promise<void> {
  const echo = await preview(client, ECHO);
  const unknown = { path: `/preview/${echo.functionId}/${"2".repeat(27)}` };
  assertError(await answerOf(await send(client, unknown)), "COMMIT_NOT_FOUND");
  const other = { path: `/preview/${"2".repeat(27)}/HEAD` };
  assertError(await answerOf(await send(client, other)), "FUNCTION_NOT_FOUND");
  const short = await send(client, { path: "/preview/a" });
  assertError(await answerOf(short), "ENDPOINT_NOT_FOUND");
  const anyone = await fetch(`${client.url}${echo.path}/`);
  assertError(await answerOf(anyone), "TOKEN_MISSING");
  const head = { path: `/preview/${echo.functionId}/HEAD` };
  assert.equal((await send(client, head)).status, 201);

  const reader = ok(
    await client.post("/api/v1/iam/personal_clients", {
      displayName: "r",
      scopedRoles: ["reader"],
    }),
  );
  const as = await Client.login(client.url, reader.client.clientId, reader.clientSecret);
  assertError(await answerOf(await send(as, echo)), "ROLE_MISSING");
}

sharedSuite("a function answers HTTP requests", {
  "with all of a request": requests,
  "of every method": methods,
  "with a short body that has arrived, without a host call": shortBodies,
  "with every kind of response": responses,
  "of those who may invoke it": callers,
});
