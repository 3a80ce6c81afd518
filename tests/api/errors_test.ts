import assert from "node:assert/strict";
import { connect } from "node:net";
import { Client } from "../support/client.ts";
import { assertError, ok } from "../support/expect.ts";
import { serverSuite, sharedSuite } from "../support/suite.ts";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Writes bytes on a bare connection; answers all that came back until the server closed it. */
function exchange(url: string, parts: readonly string[]): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => {
      for (const part of parts) socket.write(part);
    });
    let answer = "";
    socket.on("data", (chunk) => answer += chunk);
    socket.on("close", () => resolve(answer));
    // A server that closes while the client still writes resets the connection.
    socket.on("error", (error) => "code" in error ? resolve(answer) : reject(error));
  });
}

sharedSuite("errors", {
  "an unknown endpoint or method is NOT_FOUND": async ({ client }) => {
    const unknown: [string, string][] = [
      ["GET", "/nope"],
      ["GET", "/api/v1/nope"],
      ["GET", "/api/v1/functions/"],
      ["PUT", "/api/v1/functions"],
      ["PATCH", "/api/v1/functions/x"],
      ["GET", "/api/v1/functions/x/invoke"],
      ["GET", "/api/v2/functions"],
      ["GET", "/auth/v1/token"],
      ["GET", "/file/x"],
      ["POST", "/docs/../../etc/passwd"],
      ["GET", "/docs/package.json"],
      ["GET", "/docs/%2e%2e%2fpackage.json"],
    ];
    for (const [method, path] of unknown) {
      const message = new RegExp(`^The API has no operation ${method} /`);
      assertError(await client.call(method, path), "ENDPOINT_NOT_FOUND", message);
    }
  },

  "a request to update a function at its own path names C1's path": async ({ client }) => {
    const message =
      /^The API has no operation .*: a function is updated by POST \/api\/v1\/functions\/up/;
    for (const [method, path] of [["POST", "x"], ["PATCH", "x"], ["POST", "x/update"]] as const) {
      const answer = await client.call(method, `/api/v1/functions/${path}`);
      assertError(answer, "ENDPOINT_NOT_FOUND", message);
    }
  },

  "a path of C1 that only a tenant has says so": async ({ client }) => {
    const message =
      /^(?:GET|POST|DELETE) \/api\/.* needs a C1 tenant: invoked does not serve this part of C1's API$/;
    for (
      const [method, path] of [
        ["GET", "/api/v1/apps"],
        ["GET", "/api/v1/tasks/x"],
        ["POST", "/api/v1/search/apps"],
        ["GET", "/api/v1/iam/tunnel/x"],
        ["DELETE", "/api/v2/apps/x/owners/users/y/z"],
      ] as const
    ) assertError(await client.call(method, path), "NEEDS_C1_TENANT", message);
    for (const path of ["apps2", "search/nope", "iam/nope", "functions/x/nope", "search", "iam"]) {
      assertError(await client.get(`/api/v1/${path}`), "ENDPOINT_NOT_FOUND");
    }
    const anonymous = new Client(client.url, undefined);
    assertError(await anonymous.get("/api/v1/apps"), "TOKEN_MISSING");
  },

  "slashes before and in the prefix of all paths are one": async ({ client }) => {
    ok(await client.get(`${client.url}//api/v1/functions?page_size=10`));
    for (const path of ["///api/v1/functions", "/api//v1/functions", "//api/v1///functions"]) {
      ok(await client.get(client.url + path));
    }
    const anonymous = new Client(client.url, undefined);
    for (const path of ["//api/v1/functions", "//api//v1/functions"]) {
      assertError(await anonymous.get(client.url + path), "TOKEN_MISSING");
    }
    const noId = await client.get(`${client.url}/api/v1/functions//commits`);
    assertError(noId, "ENDPOINT_NOT_FOUND");
  },

  "everything under /api needs a token, also what does not exist": async ({ client }) => {
    const anonymous = new Client(client.url, undefined);
    for (const path of ["functions", "nope", "auth/introspect", "functions/x/commits/HEAD"]) {
      for (const method of ["GET", "POST", "DELETE", "PUT"]) {
        const answer = await anonymous.call(method, `/api/v1/${path}`);
        assertError(answer, "TOKEN_MISSING");
        const metadata = `${client.url}/.well-known/oauth-protected-resource/api/v1/${path}`;
        const challenge = `Bearer realm="invoked", resource_metadata="${metadata}", DPoP algs="`;
        assert.ok(answer.headers.get("www-authenticate")?.startsWith(challenge));
      }
    }
  },

  "every answer has its own Request-Id; a sane one of the caller is kept": async ({ client }) => {
    const answers = [
      await client.get("/api/v1/functions"),
      await client.get("/api/v1/nope"),
      await client.get("/healthz"),
      await client.post("/auth/v1/token"),
    ];
    const ids = answers.map(({ headers }) => headers.get("request-id") ?? "");
    for (const id of ids) assert.match(id, UUID);
    assert.equal(new Set(ids).size, ids.length);
    const kept = await client.get("/healthz", { "request-id": "From-a.proxy_1" });
    assert.equal(kept.headers.get("request-id"), "From-a.proxy_1");
    for (const id of ["a b", "x".repeat(65), '"', "<script>"]) {
      const replaced = await client.get("/healthz", { "request-id": id });
      assert.match(replaced.headers.get("request-id") ?? "", UUID);
    }
  },
});

const BOUNDS = [
  ["--max-header", "4KiB"],
  ["--max-body", "96KiB"],
  ["--max-input", "8KiB"],
  ["--max-files", "10"],
  ["--max-file", "8KiB"],
  ["--max-commit", "8KiB"],
].flat();

serverSuite("bounds of HTTP", { flags: BOUNDS }, {
  "headers over --max-header are 431": async ({ client }) => {
    ok(await client.get("/healthz", { "x-pad": "x".repeat(3000) }));
    const { status } = await client.get("/healthz", { "x-pad": "x".repeat(8000) });
    assert.equal(status, 431);
  },

  "a body over --max-body is rejected, declared or not": async ({ client }) => {
    const name = (length: number) => JSON.stringify({ displayName: "x", pad: "x".repeat(length) });
    ok(await client.post("/api/v1/functions", name(90_000)));
    const message = /96 ?KiB \(--max-body\)/;
    assertError(await client.post("/api/v1/functions", name(96 * 1024)), "BODY_TOO_LARGE", message);

    const chunk = `4000\r\n${" ".repeat(0x4000)}\r\n`;
    const head = "POST /api/v1/search/functions HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" +
      `Authorization: Bearer ${client.token}\r\nTransfer-Encoding: chunked\r\n\r\n`;
    const small = await exchange(client.url, [head, chunk, "2\r\n{}\r\n", "0\r\n\r\n"]);
    assert.match(small, /^HTTP\/1\.1 200 /);
    const large = await exchange(client.url, [head, ...Array(7).fill(chunk), "0\r\n\r\n"]);
    assert.match(large, /^HTTP\/1\.1 400 [^]*BODY_TOO_LARGE/);
  },

  "a token request has its own bound, and errors of its own shape": async ({ client }) => {
    const { status, body } = await client.form("/auth/v1/token", { pad: "x".repeat(65 * 1024) });
    assert.deepEqual([status, Object.keys(body)], [400, ["error", "error_description"]]);
    assert.equal(body.error, "invalid_request");
    assert.match(body.error_description, /16 ?KiB/);
  },

  "what is not HTTP is rejected": async ({ client }) => {
    for (const garbage of ["\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", "GET\r\n\r\n"]) {
      assert.match(await exchange(client.url, [garbage]), /^(HTTP\/1\.1 400 |$)/);
    }
  },

  "health needs no token": async ({ client }) => {
    const anonymous = new Client(client.url, undefined);
    assert.deepEqual(ok(await anonymous.get("/healthz")), { status: "ok" });
    const both = { synchronous: { accepted: true }, asynchronous: { accepted: true } };
    const idle = { status: "ready", ...both, running: 0, waiting: 0, callsPerSecond: null };
    assert.deepEqual(ok(await anonymous.get("/readyz")), idle);
  },
});
