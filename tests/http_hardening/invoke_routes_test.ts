/**
 * The operation `Invoke` has two routes: a short one for the usual form of its requests, and the app for every other form.
 * Both treat a request alike. A query, even an empty one, is for the app.
 */
import assert from "node:assert/strict";
import { base64, Client, type Json } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { ok } from "../support/expect.ts";
import { TestServer } from "../support/server.ts";
import { Page } from "../metrics/support.ts";
import { events } from "../audit/support.ts";
import { exchange } from "./raw.ts";

const QUERIES = { short: "", app: "?" } as const;
type Route = keyof typeof QUERIES;

/** What the requests are made of. */
interface Setting {
  readonly token: string;
  /** May not invoke. */
  readonly viewer: string;
  readonly functionId: string;
  readonly volumeId: string;
}

/** A request; its answer depends on nothing but the setting. */
interface Sent {
  readonly functionId?: string;
  /** Lines; without an `Authorization` the token is added, unless there is a cookie. */
  readonly headers?: readonly string[];
  readonly host?: string;
  readonly body?: unknown;
  /** The body as it goes over the wire, with the headers that frame the body. */
  readonly framed?: readonly string[];
  readonly version?: string;
  /** What the answer must hold, in either route. */
  readonly shows: RegExp;
}

const chunked = (...chunks: string[]) => [
  "Transfer-Encoding: chunked\r\n\r\n",
  ...chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`),
  "0\r\n\r\n",
];
const JSON_INPUT = { json: base64('{"name":"x"}') };
const FUNCTION = `export default ({ fail, bytes = 0, ...input }) => {
  if (fail) throw new Error("it fails");
  return bytes > 0 ? { text: "é".repeat(bytes / 2) } : { input };
};`;

const REQUESTS: Readonly<Record<string, (setting: Setting) => Sent>> = {
  "an input": () => ({
    body: JSON_INPUT,
    shows: /^HTTP\/1\.1 200 [^]*Invocation-Status: FUNCTION_INVOCATION_STATUS_SUCCESS/i,
  }),
  "no input": () => ({ body: {}, shows: /^HTTP\/1\.1 200 / }),
  "no body": () => ({ framed: ["Content-Length: 0\r\n\r\n"], shows: /^HTTP\/1\.1 200 / }),
  "names in snake_case": () => ({ body: { commit_id: "", vfs_id: "" }, shows: /^HTTP\/1\.1 200 / }),
  "a field twice": () => ({ body: { vfsId: "", vfs_id: "" }, shows: /INVALID_FIELD/ }),
  "an unknown field": () => ({ body: { ...JSON_INPUT, other: 1 }, shows: /^HTTP\/1\.1 200 / }),
  "a volume": ({ volumeId }) => ({ body: { vfsId: volumeId }, shows: /^HTTP\/1\.1 200 / }),
  "a function that fails": () => ({
    body: { json: base64('{"fail":true}') },
    shows: /Invocation-Status: FUNCTION_INVOCATION_STATUS_ERROR/i,
  }),
  "a large output": () => ({
    body: { json: base64('{"bytes":300000}') },
    shows: /^HTTP\/1\.1 200 [^]*Content-Length: 4\d{5}/i,
  }),
  "a body in chunks": () => ({
    framed: chunked('{"json":"', base64("{}"), '"}'),
    shows: /^HTTP\/1\.1 200 /,
  }),
  "long extensions of chunks": () => ({
    framed: [`Transfer-Encoding: chunked\r\n\r\n2;${"x".repeat(100_000)}\r\n{}\r\n0\r\n\r\n`],
    shows: /BODY_TOO_LARGE/,
  }),
  "a body over its limit": () => ({
    framed: ["Content-Length: 20000000\r\n\r\n{"],
    shows: /--max-body[^]*BODY_TOO_LARGE/,
  }),
  "a body over its limit in chunks": () => ({
    framed: chunked(...Array.from({ length: 14 }, () => "x".repeat(1_000_000))),
    shows: /--max-body[^]*BODY_TOO_LARGE/,
  }),
  "a body above the small ones": () => ({
    body: { json: base64(JSON.stringify({ text: "x".repeat(20_000) })) },
    shows: /^HTTP\/1\.1 200 /,
  }),
  "an input over its limit": () => ({
    body: { json: base64(JSON.stringify({ text: "x".repeat(70_000) })) },
    shows: /--max-input/,
  }),
  "a body that is awaited": () => ({
    headers: ["Expect: 100-continue"],
    body: JSON_INPUT,
    shows: /^HTTP\/1\.1 100 [^]*HTTP\/1\.1 200 /,
  }),
  "no JSON": () => ({ framed: ["Content-Length: 1\r\n\r\n{"], shows: /BODY_NOT_JSON/ }),
  "no object": () => ({ body: [], shows: /^HTTP\/1\.1 400 / }),
  "an input that is no base64": () => ({ body: { json: "%" }, shows: /INVALID_FIELD/ }),
  "an input that is no object": () => ({ body: { json: base64("[]") }, shows: /must hold a JSON/ }),
  "a field of a wrong type": () => ({ body: { vfsId: 1 }, shows: /INVALID_FIELD/ }),
  "an unknown commit": () => ({ body: { commitId: "HEAD~1" }, shows: /^HTTP\/1\.1 4/ }),
  "an unknown volume": () => ({ body: { vfsId: "x" }, shows: /^HTTP\/1\.1 4/ }),
  "an unknown function": () => ({ functionId: "x", body: {}, shows: /^HTTP\/1\.1 404 / }),
  "no token": () => ({ headers: ["X: y"], shows: /TOKEN_MISSING/ }),
  "an empty token": () => ({ headers: ["Authorization: Bearer "], shows: /TOKEN_MISSING/ }),
  "a wrong token": () => ({
    headers: ["Authorization: Bearer wrong"],
    body: {},
    shows: /WWW-Authenticate: Bearer [^]*TOKEN_INVALID/i,
  }),
  "a wrong token and a large body": () => ({
    headers: ["Authorization: Bearer wrong"],
    framed: ["Content-Length: 500000\r\n\r\n{"],
    shows: /Connection: close[^]*TOKEN_INVALID/i,
  }),
  "a token without its proof": ({ token }) => ({
    headers: [`Authorization: DPoP ${token}`],
    body: {},
    shows: /^HTTP\/1\.1 401 [^]*DPoP/,
  }),
  "two tokens": ({ token, viewer }) => ({
    headers: [`Authorization: Bearer ${token}`, `Authorization: Bearer ${viewer}`],
    body: {},
    shows: /^HTTP\/1\.1 200 /,
  }),
  "a wrong session": () => ({
    headers: ["Cookie: invoked_session=wrong"],
    body: {},
    shows: /NOT_FROM_CONSOLE/,
  }),
  "a role that may not invoke": ({ viewer }) => ({
    headers: [`Authorization: Bearer ${viewer}`],
    body: {},
    shows: /ROLE_MISSING/,
  }),
  "a caller that does not wait": () => ({
    headers: ["Prefer: respond-async"],
    body: {},
    shows: /Preference-Applied: respond-async/i,
  }),
  "a caller that waits for a while": () => ({
    headers: ["Prefer: wait=50"],
    body: {},
    shows: /Invocation-Status: FUNCTION_INVOCATION_STATUS_SUCCESS[^]*Preference-Applied: wait=50/i,
  }),
  "preferences in two headers": () => ({
    headers: ["Prefer: wait=50", "Prefer: respond-async"],
    body: {},
    shows: /Preference-Applied: respond-async, wait=50/i,
  }),
  "a time without respond-async": () => ({
    headers: ["Invoke-At: 2100-01-01T00:00:00Z"],
    body: {},
    shows: /Invoke-At[^]*needs the header/,
  }),
  "a wrong time": () => ({ headers: ["Invoke-At: soon"], body: {}, shows: /INVALID_FIELD/ }),
  "a malformed key": () => ({
    headers: ["Idempotency-Key: é"],
    body: {},
    shows: /Idempotency-Key[^]*visible ASCII/,
  }),
  "a trace": () => ({
    headers: [
      "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
      "tracestate: a=b",
    ],
    body: {},
    shows: /^HTTP\/1\.1 200 /,
  }),
  "a malformed trace": () => ({
    headers: ["traceparent: 00-0"],
    body: {},
    shows: /^HTTP\/1\.1 200 /,
  }),
  "an allowed origin": () => ({
    headers: ["Origin: https://console.example"],
    body: {},
    shows: /Access-Control-Allow-Origin: https:\/\/console\.example/i,
  }),
  "another origin": () => ({
    headers: ["Origin: https://other.example"],
    body: {},
    shows: /^HTTP\/1\.1 200 (?![^]*Access-Control)/i,
  }),
  "the host of an endpoint": () => ({
    host: "own.example.test",
    body: {},
    shows: /ENDPOINT_NOT_FOUND/,
  }),
  "a host in other letters": () => ({ host: "LocalHost:80", body: {}, shows: /^HTTP\/1\.1 200 / }),
  "a host with a path": () => ({ host: "a/b", body: {}, shows: /^HTTP\/1\.1 400 / }),
  "a host that is no address": () => ({ host: "1.2.3.256", body: {}, shows: /^HTTP\/1\.1 / }),
  "a connection that ends": () => ({
    headers: ["Connection: close"],
    body: {},
    shows: /^HTTP\/1\.1 200 [^]*Connection: close/i,
  }),
  "HTTP/1.0": () => ({ version: "1.0", body: {}, shows: /^HTTP\/1\.1 200 [^]*Connection: close/i }),
};

/** The bytes of a request, in the parts in which they are sent. */
function partsOf(name: string, route: Route, sent: Sent, setting: Setting): string[] {
  const { functionId = setting.functionId, headers = [], host = "localhost", version = "1.1" } =
    sent;
  const hasSender = headers.some((line) => /^(?:authorization|cookie|x):/i.test(line));
  const body = sent.body === undefined ? "{}" : JSON.stringify(sent.body);
  const [framing = "", ...rest] = sent.framed ?? [`Content-Length: ${body.length}\r\n\r\n`, body];
  const lines = [
    `POST /api/v1/functions/${functionId}/invoke${QUERIES[route]} HTTP/${version}`,
    `Host: ${host}`,
    `Request-Id: ${idOf(name, route)}`,
    "Content-Type: application/json",
    ...hasSender ? [] : [`Authorization: Bearer ${setting.token}`],
    ...headers,
  ];
  const parts = [`${lines.join("\r\n")}\r\n${framing}`, ...rest];
  // At once, because the answer to a request that is rejected says whether its body has arrived.
  return parts.join("").length < SMALL_CHARS ? [parts.join("")] : parts;
}

/** A request of this size arrives in one read. */
const SMALL_CHARS = 8192;

function idOf(name: string, route: Route): string {
  return `${name.replaceAll(/[^\w]/g, "-")}.${route}`;
}

/** An answer whose body has the length that its headers say; an answer 100 may come before. */
const ANSWER =
  /^(?:HTTP\/1\.1 100 [^\r]*\r\n\r\n)?HTTP\/1\.1 [2-5][^]*?\r\ncontent-length: (\d+)(?=\r\n)[^]*?\r\n\r\n([^]*)$/i;

async function send(url: string, parts: readonly string[]): Promise<string> {
  const isWhole = {
    test(text: string) {
      const [, length, body = ""] = ANSWER.exec(text) ?? [];
      return length !== undefined && body.length >= Number(length);
    },
  } as RegExp;
  return (await exchange(url, parts, isWhole)).text;
}

/** An answer without what differs between two answers of one route. */
function comparable(text: string, route: Route): unknown {
  const parts = text.split("\r\n\r\n");
  const body = parts.pop() ?? "";
  const headers = parts.map((head) =>
    head.toLowerCase().replace(/status_(?:pending|running)/, "status_under_way")
      .split("\r\n").filter((line) => !/^date:/.test(line)).toSorted()
  );
  return JSON.parse(
    JSON.stringify([headers, body]).replaceAll(`.${route}`, ""),
    (key, value) =>
      key === "1" && typeof value === "string"
        ? value.replace(/"invocationId":"\w+"/, '"invocationId":""')
        : value,
  );
}

/** Whether a line of the log, or an event, is of a request. */
const isOf = (id: string) => (value: Json) => JSON.stringify(value).includes(`"${id}"`);

/** What two requests leave, without their ids and times. */
function traceOf(values: readonly Json[], name: string, route: Route): unknown {
  const own = values.filter(isOf(idOf(name, route)));
  return JSON.parse(JSON.stringify(own).replaceAll(`.${route}`, ""), (key, value) => {
    const isOwn = /time|uid|milliseconds|@timestamp|hash|sequence/i.test(key);
    if (isOwn) return undefined;
    return typeof value === "string" ? value.replace(/[\d.]+ ms|\d+:\d+/, "") : value;
  });
}

async function settingOf(client: Client): Promise<Setting> {
  const functionId = await client.deploy(FUNCTION);
  const { volume } = ok(await client.post("/api/v1/vfs/volumes", { displayName: "routes" }));
  const attach = { function: { id: functionId, volumeIds: [volume.id] }, updateMask: "volumeIds" };
  await client.post("/api/v1/functions/update", attach);
  const principals = "/api/v1/service_principals";
  const { servicePrincipal: { id } } = ok(await client.post(principals, { displayName: "viewer" }));
  ok(await client.post(`${principals}/${id}/roles`, { roleIds: ["system:viewer"] }));
  const made = ok(await client.post(`${principals}/${id}/credentials`, { displayName: "viewer" }));
  const viewer = await Client.login(client.url, made.credential.clientId, made.clientSecret);
  const [token, viewerToken] = [client.token ?? "", viewer.token ?? ""];
  return { token, viewer: viewerToken, functionId, volumeId: volume.id };
}

Deno.test("both routes of Invoke treat a request alike", async (t) => {
  await using server = await TestServer.start({
    flags: [
      ...["--token-rate", "0", "--api-rate", "0", "--max-input", "64KiB"],
      ...["--cors-origin", "https://console.example", "--endpoint-hosts", "own.example.test"],
      ...["--metrics", "true", "--log-level", "debug"],
    ],
  });
  const client = await server.client();
  const setting = await settingOf(client);
  const names = Object.keys(REQUESTS);
  for (const [name, request] of Object.entries(REQUESTS)) {
    await t.step(name, async () => {
      const sent = request(setting);
      const short = await send(server.url, partsOf(name, "short", sent, setting));
      const app = await send(server.url, partsOf(name, "app", sent, setting));
      assert.match(short, sent.shows);
      assert.match(app, sent.shows);
      assert.deepEqual(comparable(short, "short"), comparable(app, "app"));
      // Hono writes the names of headers in lower case where they vary by origin.
      if (name === "an input") {
        assert.match(short, /\r\nContent-Type: /);
        assert.match(app, /\r\ncontent-type: /);
      }
    });
  }

  await t.step("an answer does not end the connection", async () => {
    const first = partsOf("first", "short", { body: {}, shows: / / }, setting).join("");
    const second = partsOf("second", "short", { body: {}, shows: / / }, setting).join("");
    const { text } = await exchange(server.url, [first + second], /second\.short[^]*\r\n\r\n\{/i);
    assert.equal(text.match(/HTTP\/1\.1 200 /g)?.length, 2);
  });

  await t.step("a client that leaves", async () => {
    for (const route of ["short", "app"] as const) {
      const framed = ["Content-Length: 100\r\n\r\n", "{"];
      const parts = partsOf("leaves", route, { framed, shows: / / }, setting);
      const { hostname, port } = new URL(server.url);
      const connection = await Deno.connect({ hostname, port: Number(port) });
      await connection.write(new TextEncoder().encode(parts.join("")));
      // The answer to a later request: the server has read the head by now.
      assert.equal((await client.get("/healthz")).status, 200);
      connection.close();
    }
  });

  await t.step("the same metrics count them", async () => {
    // Each request was sent twice.
    const page = new Page(String((await client.get("/api/v1/metrics")).body));
    const [name, labels] = ["http_server_request_duration_seconds_count", {
      http_route: "/api/v1/functions/{function_id}/invoke",
    }];
    for (const status of ["200", "400", "401", "403", "404"]) {
      const count = page.sum(name, { ...labels, http_response_status_code: status });
      assert.ok(count > 0 && count % 2 === 0, `${count} answers ${status}`);
    }
  });

  const recorded = await eventually(async () => {
    const found = await events(client);
    return found.some(isOf(idOf("a wrong token", "app"))) ? found : undefined;
  });
  await t.step("the same events are on record", () => {
    for (const name of names) {
      assert.deepEqual(traceOf(recorded, name, "short"), traceOf(recorded, name, "app"), name);
    }
    for (const name of ["a wrong token", "a wrong session", "a role that may not invoke"]) {
      assert.ok(recorded.some(isOf(idOf(name, "short"))), name);
    }
  });

  await t.step("the same lines are in the log", async () => {
    await server.stop();
    const lines: Json[] = (await server.log).trim().split("\n").map((line) => JSON.parse(line));
    for (const name of [...names, "leaves"]) {
      const short = traceOf(lines, name, "short");
      assert.deepEqual(short, traceOf(lines, name, "app"), name);
      const isAnswered = name !== "a host with a path";
      assert.equal((short as Json[]).length > 0, isAnswered, name);
    }
  });
});
