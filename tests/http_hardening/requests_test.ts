/** Requests that are malformed harm only their own connection. */
import assert from "node:assert/strict";
import { assertError, assertInvalid, ok } from "../support/expect.ts";
import { sharedServer } from "../support/shared_server.ts";
import { exchange, statuses } from "./raw.ts";

const HEAD = "Host: localhost\r\n";
const TOKEN_REQUEST =
  `POST /auth/v1/token HTTP/1.1\r\n${HEAD}Content-Type: application/x-www-form-urlencoded\r\n`;
/** A second request behind a malformed one on the same connection. */
const SMUGGLED = "GET /healthz?smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n";

const REJECTED: Readonly<Record<string, string>> = {
  "both Content-Length and Transfer-Encoding":
    `POST /auth/v1/token HTTP/1.1\r\n${HEAD}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${SMUGGLED}`,
  "Transfer-Encoding twice":
    `POST /auth/v1/token HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n${SMUGGLED}`,
  "an unknown Transfer-Encoding":
    `POST /auth/v1/token HTTP/1.1\r\n${HEAD}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${SMUGGLED}`,
  "two lengths":
    `POST /auth/v1/token HTTP/1.1\r\n${HEAD}Content-Length: 4\r\nContent-Length: 5\r\n\r\n${SMUGGLED}`,
  "a signed length": `POST /auth/v1/token HTTP/1.1\r\n${HEAD}Content-Length: +4\r\n\r\n${SMUGGLED}`,
  "a space before the colon":
    `POST /auth/v1/token HTTP/1.1\r\n${HEAD}Content-Length : 4\r\n\r\n${SMUGGLED}`,
  "a folded header": `GET /healthz HTTP/1.1\r\n${HEAD}X: a\r\n b\r\n\r\n${SMUGGLED}`,
  "bare line feeds": `GET /healthz HTTP/1.1\nHost: localhost\n\n${SMUGGLED}`,
  "NUL in a header": `GET /healthz HTTP/1.1\r\n${HEAD}X: a\0b\r\n\r\n${SMUGGLED}`,
  "NUL in the path": `GET /healthz\0 HTTP/1.1\r\n${HEAD}\r\n${SMUGGLED}`,
  "a chunk size that is no number":
    `POST /auth/v1/token HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n-1\r\n${SMUGGLED}`,
  "two Hosts": `GET /healthz HTTP/1.1\r\n${HEAD}host: localhost\r\n\r\n${SMUGGLED}`,
  "long extensions of chunks":
    `POST /auth/v1/token HTTP/1.1\r\n${HEAD}Connection: close\r\nContent-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n3;${
      "x".repeat(100_000)
    }\r\nabc\r\n0\r\n\r\n`,
  "no Host": "GET /healthz HTTP/1.1\r\n\r\n",
  "a Host with a path": `GET /healthz HTTP/1.1\r\nHost: a/../b\r\nConnection: close\r\n\r\n`,
  "a Host with a user": `GET /healthz HTTP/1.1\r\nHost: a@b\r\nConnection: close\r\n\r\n`,
  "headers beyond the limit": `GET /healthz HTTP/1.1\r\n${HEAD}X: ${"a".repeat(20_000)}\r\n\r\n`,
  "headers beyond the limit, in many": `GET /healthz HTTP/1.1\r\n${HEAD}${
    "a: 1\r\n".repeat(4000)
  }\r\n`,
};

Deno.test("malformed requests are rejected, and what follows them is not answered", async (t) => {
  const server = await sharedServer();
  for (const [name, request] of Object.entries(REJECTED)) {
    await t.step(name, async () => {
      const { text } = await exchange(server.url, [request]);
      const [first, ...others] = statuses(text);
      assert.ok(first === undefined || [400, 431].includes(first), text);
      assert.deepEqual(others, []);
      assert.ok(!/\bat \S+:\d+|node:|file:|\/src\//.test(text), text);
    });
  }

  await t.step("the answer to headers over a limit names the limit, in JSON", async () => {
    const limits = {
      "headers beyond the limit": /limit of 16 KiB \(--max-header\)/,
      "headers beyond the limit, in many": /limit of 16 KiB \(--max-header\)|more than 200 headers/,
    };
    for (const [name, message] of Object.entries(limits)) {
      const { text } = await exchange(server.url, [REJECTED[name] ?? ""]);
      assert.match(text, /^HTTP\/1\.1 431 [^]*\r\nX-Content-Type-Options: nosniff\r\n/i);
      assert.match(JSON.parse(text.split("\r\n\r\n")[1] ?? "").message, message);
    }
  });

  await t.step("the answer to two hosts and to long extensions says so", async () => {
    const two = await exchange(server.url, [REJECTED["two Hosts"] ?? ""]);
    assert.match(two.text, /more than one header Host/);
    const { text } = await exchange(
      server.url,
      [REJECTED["long extensions of chunks"] ?? ""],
      /limit/,
    );
    assert.match(text, /extensions of its chunks exceed the limit of 16 KiB/);
  });

  await t.step("requests in a row on one connection are answered in their order", async () => {
    const { text } = await exchange(server.url, [
      `GET /healthz HTTP/1.1\r\n${HEAD}\r\nGET /nowhere HTTP/1.1\r\n${HEAD}\r\n`,
      `POST /auth/v1/token HTTP/1.1\r\n${HEAD}Content-Length: 2\r\n\r\nab`,
      `GET /healthz HTTP/1.1\r\n${HEAD}Connection: close\r\n\r\n`,
    ]);
    assert.deepEqual(statuses(text), [200, 404, 400, 200]);
  });

  await t.step("a path with a dot segment is rejected, as text, in code or in a URL", async () => {
    const client = await server.client();
    const token = `Authorization: Bearer ${client.token}\r\n`;
    const targets = [
      ...["/run/x/../../api/v1/functions", "/run/x/%2e%2E/.%2e/api/v1/functions", "/./healthz"],
      ...["/api/v1/functions/..", "/healthz/%2E", "http://localhost/run/../healthz?a"],
      ...["/preview/a/b/../../../healthz", "/../healthz"],
    ];
    for (const target of targets) {
      const request = `GET ${target} HTTP/1.1\r\n${HEAD}${token}Connection: close\r\n\r\n`;
      const { text } = await exchange(server.url, [request]);
      assert.deepEqual(statuses(text), [400], target);
      const { code, message } = JSON.parse(text.split("\r\n\r\n")[1] ?? "");
      assert.equal(code, 3);
      assert.match(message, /dot segment "(?:\.|%2e){1,2}": send the path to which it leads$/i);
    }
    for (const target of ["/healthz?a=/../b", "/healthz#/../b", "/run/..x/...", "/run/x/a%2f..b"]) {
      const request = `GET ${target} HTTP/1.1\r\n${HEAD}Connection: close\r\n\r\n`;
      const { text } = await exchange(server.url, [request]);
      assert.doesNotMatch(text, /dot segment/, target);
    }
    const backslash = `GET /run\\..\\api HTTP/1.1\r\n${HEAD}Connection: close\r\n\r\n`;
    assert.deepEqual(statuses((await exchange(server.url, [backslash])).text), [400]);
  });

  await t.step("fixed parts of a path are compared as they were sent, others decoded", async () => {
    const client = await server.client();
    const id = await client.deploy("export default () => ({});");
    const fixed = [
      ...["/%61pi/v1/functions", "/api/v1/%66unctions", "/api/%761/functions"],
      ...[`/api/v1/functions/${id}/%69nvocations`, "/%68ealthz", "/%72un/x", "/%70review/a/b/"],
      ...["/api/v1/webhooks/%69ncoming/x"],
    ];
    for (const path of fixed) {
      assertInvalid(
        await client.get(path),
        "path",
        /has %[67]\d for "[a-z1]": fixed parts of a path must not be percent-encoded$/,
      );
    }
    const encoded = `%${id.charCodeAt(0).toString(16)}${id.slice(1)}`;
    assert.equal(ok(await client.get(`/api/v1/functions/${encoded}`)).function.id, id);
    assertError(await client.get("/api/v1/%6eone"), "ENDPOINT_NOT_FOUND");
    assertError(await client.get("/%6eone"), "ENDPOINT_NOT_FOUND");
    // A path of many parts costs no more than its length.
    const long = `/%61pi/v1/functions${"/triggers/x".repeat(1_000)}`;
    assertError(await client.get(long), "ENDPOINT_NOT_FOUND");
  });

  await t.step("paths that cannot be decoded are names that do not exist", async () => {
    const client = await server.client();
    for (
      const id of [
        "%00",
        "a%00b",
        "%ff",
        "%zz",
        "%c0%ae%c0%ae",
        "%2e%2e%2f",
        "%F0%9F%94%91",
        "a%0d%0ab",
      ]
    ) {
      const { status, body } = await client.get(`/api/v1/functions/${id}`);
      assert.equal(status, 404, `${id} ${JSON.stringify(body)}`);
      assert.equal(body.code, 5, id);
      const put = await client.call("PUT", `/file/${id}`, "x");
      assert.equal(put.status, 403, `${id} ${JSON.stringify(put.body)}`);
      assert.equal((await client.get(`/docs/${id}`)).status, 404, id);
    }
  });

  await t.step(
    "a client that sends a whole body before it reads gets the early answer",
    async () => {
      const { hostname, port } = new URL(server.url);
      using connection = await Deno.connect({ hostname, port: Number(port) });
      const body = new Uint8Array(16 * 1024 * 1024);
      const type = "Content-Type: application/x-www-form-urlencoded\r\n";
      const head =
        `POST /auth/v1/token HTTP/1.1\r\n${HEAD}${type}Content-Length: ${body.length}\r\n\r\n`;
      await connection.write(new TextEncoder().encode(head));
      for (let sent = 0; sent < body.length;) sent += await connection.write(body.subarray(sent));
      const answer = await new Response(connection.readable).text();
      assert.deepEqual(statuses(answer), [400], answer);
      assert.match(answer, /exceeds the limit of 16 KiB/);
    },
  );
  await t.step("chunks without end are cut at the limit of the body", async () => {
    const chunk = `4000\r\n${"a".repeat(0x4000)}\r\n`;
    const { text } = await exchange(
      server.url,
      [`${TOKEN_REQUEST}Transfer-Encoding: chunked\r\n\r\n`, ...Array(8).fill(chunk)],
      /BODY_TOO_LARGE/,
    );
    assert.deepEqual(statuses(text), [400]);
  });

  await t.step("the server still works", async () => {
    assert.equal((await (await server.client()).get("/healthz")).status, 200);
  });
});
