/**
 * The operation `Invoke` has two routes: a short one for the usual form of its requests, and the app for every other form.
 * Both treat a request alike. A query, even an empty one, is for the app.
 */
import assert from "node:assert/strict";
import { base64, Client, type Json } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { ok } from "../support/expect.ts";
import { signIn } from "../identity/sessions.ts";
import { sharedServer } from "../support/shared_server.ts";
import { TestServer } from "../support/server.ts";
import { Page } from "../metrics/support.ts";
import { events } from "../audit/support.ts";
import {
  assertAlike,
  idOf,
  invokePath,
  partsOf,
  type Requests,
  type Route,
  type Sent,
  settingOf,
} from "./invoke_routes.ts";
import { exchange } from "./raw.ts";

const chunked = (...chunks: string[]) => [
  "Transfer-Encoding: chunked\r\n\r\n",
  ...chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`),
  "0\r\n\r\n",
];
const JSON_INPUT = { json: base64('{"name":"x"}') };

const REQUESTS: Requests = {
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
  "a token with its proof": async ({ boundToken, prove }) => ({
    headers: [`Authorization: DPoP ${boundToken}`, `DPoP: ${await prove()}`],
    body: {},
    shows: /^HTTP\/1\.1 200 /,
  }),
  "a proof of another operation": async ({ boundToken, prove }) => ({
    headers: [`Authorization: DPoP ${boundToken}`, `DPoP: ${await prove("invocations")}`],
    body: {},
    shows: /^HTTP\/1\.1 401 [^]*PROOF_INVALID/,
  }),
  "a proof that was used": async ({ boundToken, prove, url, functionId }) => {
    const proof = await prove();
    const headers = { authorization: `DPoP ${boundToken}`, dpop: proof };
    ok(await new Client(url, undefined).post(invokePath(functionId), {}, headers));
    return {
      headers: [`Authorization: DPoP ${boundToken}`, `DPoP: ${proof}`],
      body: {},
      shows: /^HTTP\/1\.1 401 [^]*PROOF_INVALID/,
    };
  },
  "a bound token without its proof": ({ boundToken }) => ({
    headers: [`Authorization: DPoP ${boundToken}`],
    body: {},
    shows: /^HTTP\/1\.1 401 [^]*PROOF_INVALID/,
  }),
  "a bound token as a bearer": ({ boundToken }) => ({
    headers: [`Authorization: Bearer ${boundToken}`],
    body: {},
    shows: /^HTTP\/1\.1 401 [^]*PROOF_MISSING/,
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
      const { short, app } = await assertAlike(name, request, setting);
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

Deno.test("both routes of Invoke treat a session of the console alike", async (t) => {
  // Without --cors-origin, requests with an origin take the short route, too.
  const server = await sharedServer();
  const client = await server.client();
  const setting = await settingOf(client);
  const cookie = `Cookie: ${await signIn(client)}`;
  const { host, origin } = new URL(client.url);
  const fromConsole = [cookie, `Origin: ${origin}`, "X-Invoked-Console: 1"];
  const sent: Readonly<Record<string, Omit<Sent, "body" | "host">>> = {
    "a session": { headers: fromConsole, shows: /^HTTP\/1\.1 200 / },
    "a session without the header of the console": {
      headers: fromConsole.slice(0, 2),
      shows: /X-Invoked-Console: 1 is missing/,
    },
    "a session without an origin": { headers: [cookie], shows: /Origin is missing/ },
    "a session of another origin": {
      headers: [cookie, "Origin: https://other.example", "X-Invoked-Console: 1"],
      shows: /NOT_FROM_CONSOLE/,
    },
    "a session of another site": {
      headers: [...fromConsole, "Sec-Fetch-Site: cross-site"],
      shows: /its Sec-Fetch-Site is/,
    },
    "a session and a token": {
      headers: [...fromConsole, `Authorization: Bearer ${setting.token}`],
      shows: /^HTTP\/1\.1 200 /,
    },
    "two sessions": {
      headers: [`${cookie}; ${cookie.slice("Cookie: ".length)}`, ...fromConsole.slice(1)],
      shows: /^HTTP\/1\.1 401 /,
    },
  };
  for (const [name, request] of Object.entries(sent)) {
    await t.step(name, async () => {
      await assertAlike(name, () => ({ ...request, host, body: {} }), setting);
    });
  }
});
