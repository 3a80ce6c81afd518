/** The headers for browsers, and the pages that may call the API. */
import assert from "node:assert/strict";
import { Client } from "../support/client.ts";
import { sharedServer } from "../support/shared_server.ts";

const CONSOLE = "https://console.example";
const CORS_HEADERS = [
  "access-control-allow-origin",
  "access-control-allow-credentials",
  "access-control-allow-methods",
  "access-control-allow-headers",
  "access-control-expose-headers",
];
const corsOf = (headers: Headers) => CORS_HEADERS.filter((name) => headers.has(name));

Deno.test("every answer carries the security headers, errors included", async () => {
  const server = await sharedServer();
  const client = await server.client();
  const nobody = new Client(server.url, undefined);
  const id = await client.deploy("export default () => ({});");
  const answers = {
    "an answer": await client.get("/api/v1/functions"),
    "an invocation": await client.invoke(id),
    "no token": await nobody.get("/api/v1/functions"),
    "a violation of the caller": await client.post("/api/v1/functions", "{"),
    "no endpoint": await client.get("/api/nowhere"),
    "a rejected login": await nobody.form("/auth/v1/token", { grant_type: "client_credentials" }),
    "a wrong upload": await nobody.call("PUT", "/file/x", "x"),
    "an event stream": await client.get(
      `/api/v1/functions/${id}/invocations/${(await client.invoke(id)).body.invocationId}/logs`,
      { Accept: "text/event-stream" },
    ),
    "health": await nobody.get("/healthz"),
    "no page": await nobody.get("/nowhere"),
  };
  for (const [name, { headers }] of Object.entries(answers)) {
    assert.equal(headers.get("x-content-type-options"), "nosniff", name);
    assert.equal(headers.get("referrer-policy"), "no-referrer", name);
    assert.equal(
      headers.get("content-security-policy"),
      "default-src 'none'; frame-ancestors 'none'",
      name,
    );
    const stored = name === "health" || name === "no page";
    assert.equal(headers.get("cache-control"), stored ? null : "no-store", name);
    assert.ok(!headers.has("strict-transport-security"), name);
    assert.deepEqual(corsOf(headers), [], name);
  }
  const page = await nobody.get("/docs");
  assert.match(page.headers.get("content-security-policy") ?? "", /script-src 'self'/);
  assert.equal(page.headers.get("x-content-type-options"), "nosniff");
});

Deno.test("without --cors-origin no preflight is allowed", async () => {
  const server = await sharedServer();
  const { status, headers } = await new Client(server.url, undefined).call(
    "OPTIONS",
    "/api/v1/functions",
    undefined,
    { Origin: CONSOLE, "Access-Control-Request-Method": "POST" },
  );
  assert.equal(status, 401);
  assert.deepEqual(corsOf(headers), []);
});

Deno.test("--cors-origin lets pages of exactly these origins call", async (t) => {
  const server = await sharedServer("proxied");
  const client = await server.client();
  const nobody = new Client(server.url, undefined);

  await t.step("a preflight needs no token", async () => {
    for (const path of ["/api/v1/functions", "/auth/v1/token", "/file/x"]) {
      const { status, headers } = await nobody.call("OPTIONS", path, undefined, {
        Origin: CONSOLE,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,x-evil",
      });
      assert.equal(status, 204, path);
      assert.equal(headers.get("access-control-allow-origin"), CONSOLE);
      assert.match(headers.get("access-control-allow-headers") ?? "", /Authorization/);
      assert.match(headers.get("access-control-allow-headers") ?? "", /traceparent,tracestate/);
      assert.ok(!/x-evil/i.test(headers.get("access-control-allow-headers") ?? ""));
      assert.ok(!headers.has("access-control-allow-credentials"));
      assert.match(headers.get("vary") ?? "", /origin/i);
    }
  });

  await t.step("answers and errors can be read, with their ids", async () => {
    for (const path of ["/api/v1/functions", "/api/nowhere"]) {
      const { headers } = await client.get(path, { Origin: "http://localhost:5173" });
      assert.equal(headers.get("access-control-allow-origin"), "http://localhost:5173");
      assert.match(headers.get("access-control-expose-headers") ?? "", /Request-Id/);
    }
    const { status, headers } = await nobody.get("/api/v1/functions", { Origin: CONSOLE });
    assert.equal(status, 401);
    assert.equal(headers.get("access-control-allow-origin"), CONSOLE);
  });

  await t.step("answers to other origins have no header of CORS", async () => {
    const others = ["https://evil.example", `${CONSOLE}.evil.example`, `${CONSOLE}:444`, "null"];
    for (const Origin of [...others, "http://console.example", "https://CONSOLE.example"]) {
      const simple = await client.get("/api/v1/functions", { Origin });
      assert.deepEqual(corsOf(simple.headers), [], Origin);
      assert.match(simple.headers.get("vary") ?? "", /origin/i);
      const preflight = await nobody.call("OPTIONS", "/api/v1/functions", undefined, {
        Origin,
        "Access-Control-Request-Method": "POST",
      });
      assert.equal(preflight.status, 401, Origin);
      assert.deepEqual(corsOf(preflight.headers), [], Origin);
    }
  });
});
