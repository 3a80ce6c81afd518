/** What the client of tenants makes of the answers of a tenant, and of none. */
import assert from "node:assert/strict";
import { tenantTransport } from "../../src/tenants/client.ts";
import { TENANT_ANSWER_MAX_BYTES } from "../../src/tenants/connections.ts";
import { Relay } from "../support/relay.ts";
import { failure, NEVER, READ, suite, WRITE } from "./calls_stage.ts";
import { json } from "./calls_tenant.ts";

suite("each bad answer has a code, and a message that names the operation", {
  "of the API": async ({ tenant, fails }) => {
    const deep = "[".repeat(2_000) + "]".repeat(2_000);
    const html = { "content-type": "text/html" };
    const type = { "content-type": "application/json" };
    const cut = /: the answer is not JSON in UTF-8, or was cut/;
    const other = /: the answer is JSON, but not an object/;
    const answers: readonly [number, Record<string, string>, string, string, RegExp][] = [
      [
        200,
        html,
        "<h1>Welcome</h1>",
        "TENANT_NOT_JSON",
        /text\/html instead of JSON \(status 200\)/,
      ],
      [
        502,
        html,
        "<h1>Bad gateway</h1>",
        "TENANT_NOT_JSON",
        /text\/html instead of JSON \(status 502\)/,
      ],
      [
        302,
        { location: "https://example.com/" },
        "",
        "TENANT_REDIRECTED",
        /a redirect, which is not followed \(status 302\)/,
      ],
      [308, type, "{}", "TENANT_REDIRECTED", /a redirect/],
      [200, {}, "{}", "TENANT_NOT_JSON", /without a Content-Type/],
      [
        200,
        { "content-type": "application/jsonish" },
        "{}",
        "TENANT_NOT_JSON",
        /application\/jsonish instead of JSON/,
      ],
      [200, type, '{"a":', "TENANT_NOT_JSON", cut],
      [200, type, "", "TENANT_NOT_JSON", cut],
      [200, type, "[1]", "TENANT_SCHEMA_CHANGED", other],
      [200, type, '"text"', "TENANT_SCHEMA_CHANGED", other],
      [200, type, `{"a":${deep}}`, "TENANT_ANSWER_TOO_LARGE", /nested deeper than 1,000 levels/],
      [200, { ...type, "content-encoding": "gzip" }, "{}", "TENANT_NOT_JSON", /content encoding/],
    ];
    for (const [status, headers, body, code, message] of answers) {
      tenant.api = (_request, response) => void response.writeHead(status, headers).end(body);
      const error = await fails(WRITE);
      assert.equal(error.code, code, error.message);
      assert.match(error.message, /^sdk\.task\.createGrantTask: /);
      assert.match(error.message, message);
      assert.match(error.message, /\(status \d+\); the tenant may have performed the request$/);
    }
    tenant.api = (_request, response) =>
      void response.writeHead(200, type).end(new Uint8Array([0x22, 0xff, 0xfe, 0x22]));
    assert.equal((await fails(WRITE)).code, "TENANT_NOT_JSON");
    assert.equal(tenant.received.length, answers.length + 1);
    tenant.api = (_request, response) => void response.writeHead(302).end();
    assert.match((await fails(READ)).message, /\(status 302\)$/);
  },
  "that has too many values": async ({ tenant, fails, send }) => {
    const type = { "content-type": "application/json" };
    for (const one of ["{}", "[]", '{"a":1}', '{"user":{"createdAt":"2026-01-01T00:00:00Z"}}']) {
      const body = `{"list":[${Array(500_000).fill(one)}]}`;
      tenant.api = (_request, response) => void response.writeHead(200, type).end(body);
      const error = await fails();
      assert.equal(error.code, "TENANT_ANSWER_TOO_LARGE");
      assert.match(
        error.message,
        /more than 100,000 values: ask for smaller pages \(status 200\)$/,
      );
    }
    const text = ",[{".repeat(1_000_000);
    tenant.api = (_request, response) => json(response, 200, { list: [{ id: text }] });
    assert.equal(JSON.parse((await send()).body).list[0].id, text);
  },
  "that has secrets too often to remove them": async ({ tenant, fails, send }) => {
    const filler = "x".repeat(2 * 1024 * 1024);
    const escaped = (text: string) =>
      [...text].map((char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`).join("");
    let copies = 1;
    let form = (token: string) => token;
    tenant.api = ({ headers }, response) => {
      const token = form((headers.authorization ?? "").split(" ")[1] ?? "");
      const list = Array(copies).fill(`"${token}"`).join();
      response.writeHead(200, { "content-type": "application/json" })
        .end(`{"id":"${filler}","list":[${list}]}`);
    };
    for (form of [(token: string) => token, escaped]) {
      const { body, json } = await send();
      assert.equal(body, JSON.stringify({ id: filler, list: ["***"] }));
      assert.deepEqual(json, JSON.parse(body));
    }
    copies = 1_001;
    const error = await fails();
    assert.equal(error.code, "TENANT_ANSWER_TOO_LARGE");
    assert.match(
      error.message,
      /the answer has the access token or the client secret more than 1,000 times \(status 200\)$/,
    );
  },
  "of a gateway that limits the rate in its own words": async ({ tenant, fails }) => {
    const bodies = [["text/html", "<h1>Slow down</h1>"], ["application/json", "slow down"]];
    for (const [type = "", body] of bodies) {
      tenant.api = (_request, response) =>
        void response.writeHead(429, { "content-type": type, "retry-after": "0" }).end(body);
      const error = await fails(WRITE);
      assert.deepEqual([error.code, error.retryAfterSeconds], ["TENANT_RATE_LIMITED", 0]);
      assert.match(error.message, /\(status 429\)$/);
    }
  },
  "of a wish to wait that is neither seconds nor a date of HTTP": async ({ tenant, fails }) => {
    const wishes = ["1.5", "soon 5", "-1", "5, 5", "Wed, 21 Oct 2099 07:28:00 GMT"];
    tenant.api = ({ path }, response) =>
      json(response, 429, "slow down", { "retry-after": wishes[Number(path.slice(-1))] ?? "" });
    const seconds = await Promise.all(wishes.map(async (_, at) => {
      const { code, retryAfterSeconds } = await fails({ ...READ, path: `/api/v1/apps?n=${at}` });
      assert.equal(code, "TENANT_RATE_LIMITED");
      return typeof retryAfterSeconds;
    }));
    assert.deepEqual(seconds, [...Array(4).fill("undefined"), "number"]);
  },
  "of a tenant that is too large": async ({ tenant, fails, send }) => {
    const write = (bytes: number) => {
      tenant.api = (_request, response) => {
        response.writeHead(200, { "content-type": "application/json" });
        response.end(JSON.stringify({ text: "x".repeat(bytes - '{"text":""}'.length) }));
      };
    };
    write(TENANT_ANSWER_MAX_BYTES + 1);
    const error = await fails(WRITE);
    assert.equal(error.code, "TENANT_ANSWER_TOO_LARGE");
    assert.match(error.message, /^sdk\.task\.createGrantTask: the answer has more than 32 MiB/);
    write(TENANT_ANSWER_MAX_BYTES);
    assert.equal((await send(WRITE)).body.length, TENANT_ANSWER_MAX_BYTES);
  },
  "of a tenant that never ends": async ({ tenant, fails }) => {
    tenant.api = async (_request, response) => {
      response.writeHead(200, { "content-type": "application/json" });
      const closed = new Promise((resolve) => response.once("close", resolve));
      while (!response.destroyed) {
        if (response.write(" ".repeat(65_536))) continue;
        await Promise.race([closed, new Promise((resolve) => response.once("drain", resolve))]);
      }
    };
    assert.equal((await fails(WRITE)).code, "TENANT_ANSWER_TOO_LARGE");
  },
  "of headers that are too large": async ({ tenant, fails }) => {
    tenant.api = (_request, response) => json(response, 200, {}, { "x-long": "x".repeat(100_000) });
    const { code } = await fails(WRITE);
    assert.ok(["TENANT_NOT_JSON", "TENANT_UNREACHABLE"].includes(code), code);
  },
  "of what is not HTTP": async ({ tenant, fails }) => {
    tenant.api = (_request, response) =>
      void response.socket?.end("220 smtp.example ready\r\n\r\n");
    const { code } = await fails(WRITE);
    assert.ok(["TENANT_NOT_JSON", "TENANT_UNREACHABLE"].includes(code), code);
  },
  "of the token endpoint": async ({ tenant, fails }) => {
    const rejected = (body: unknown, status = 401) => {
      tenant.token = (_request, response) => json(response, status, body);
    };
    rejected({ error: "invalid_client", error_description: "client\nis disabled" });
    const error = await fails();
    assert.equal(error.code, "TENANT_CREDENTIAL_REJECTED");
    assert.equal(
      error.message,
      `sdk.apps.list: the tenant does not accept client ${tenant.clientId}: invalid_client: client is disabled`,
    );
    rejected({ error: "invalid_client" }, 403);
    assert.equal((await fails()).code, "TENANT_CREDENTIAL_REJECTED");
    for (const body of [{}, [], { access_token: "a b", token_type: "Bearer" }, { error: 1 }]) {
      rejected(body, 200);
      assert.equal((await fails()).code, "TENANT_SCHEMA_CHANGED");
    }
    rejected({}, 404);
    assert.equal((await fails()).code, "TENANT_BAD_ANSWER");
    for (const [status, code] of [[200, "TENANT_NOT_JSON"], [301, "TENANT_REDIRECTED"]] as const) {
      tenant.token = (_request, response) => void response.writeHead(status).end("<html>");
      const write = await fails(WRITE);
      assert.equal(write.code, code);
      // The write was never sent.
      assert.doesNotMatch(write.message, /may have/);
    }
    rejected({ pad: "x".repeat(100_000) }, 200);
    assert.match((await fails()).message, /the token endpoint answered more than 64 KiB$/);
    assert.equal(tenant.received.length, 0);
  },
  "a rejected client does not try again at once": async ({ tenant, connections }) => {
    tenant.token = (_request, response) => json(response, 401, { error: "invalid_client" });
    const client = tenantTransport(tenant.credentials, connections.to(tenant.host));
    for (let at = 0; at < 5; at++) await failure(() => client.send(READ, NEVER));
    assert.equal(tenant.tokenRequests.length, 1);
  },
});

suite("reads are repeated, and no write that may have happened", {
  "a connection that breaks": async ({ tenant, send, fails }) => {
    let count = 0;
    tenant.api = (_request, response) =>
      count++ < 2 ? void response.socket?.destroy() : json(response, 200, {});
    assert.equal((await send()).status, 200);
    assert.equal(tenant.received.length, 3);
    count = 0;
    tenant.received.length = 0;
    const error = await fails(WRITE);
    assert.equal(error.code, "TENANT_UNREACHABLE");
    assert.match(
      error.message,
      /^sdk\.task\.createGrantTask: the connection broke .*; the tenant may have performed the request$/,
    );
    assert.equal(tenant.received.length, 1);
  },
  "an idle connection that a gateway closes without TLS": async ({ tenant, connections }) => {
    await using gateway = await Relay.to(tenant.port);
    const host = `localhost:${gateway.port}`;
    const client = tenantTransport({ ...tenant.credentials, host }, connections.to(host));
    await client.send(READ, NEVER);
    gateway.endClients();
    // The end arrives while nobody uses the connection. If it is late, the read is repeated.
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.equal((await client.send(READ, NEVER)).status, 200);
    assert.notEqual(tenant.received.at(-1)?.port, tenant.received[0]?.port);
  },
  "an answer that breaks off": async ({ tenant, fails }) => {
    tenant.api = (_request, response) => {
      response.writeHead(200, { "content-type": "application/json", "content-length": "100" });
      response.write('{"list":[');
      setTimeout(() => response.socket?.destroy(), 20);
    };
    assert.equal((await fails(WRITE)).code, "TENANT_UNREACHABLE");
    assert.equal(tenant.received.length, 1);
    assert.equal((await fails()).code, "TENANT_UNREACHABLE");
    assert.equal(tenant.received.length, 1 + 4);
  },
  "a gateway without its tenant": async ({ tenant, send }) => {
    const body = { code: 14, message: "away", details: [] };
    let count = 0;
    tenant.api = (_request, response) => json(response, count++ < 1 ? 503 : 200, body);
    assert.equal((await send()).status, 200);
    count = 0;
    assert.equal((await send(WRITE)).status, 503);
    assert.equal(tenant.received.length, 3);
  },
  "a write opens a connection of its own, and reads share one": async ({ tenant, connections }) => {
    const client = tenantTransport(tenant.credentials, connections.to(tenant.host));
    for (const request of [READ, READ, WRITE, WRITE]) await client.send(request, NEVER);
    const [first, second, third, fourth] = tenant.received.map(({ port }) => port);
    assert.equal(first, second);
    assert.equal(new Set([first, third, fourth]).size, 3);
  },
  "the tenant is asked again when it wants it": async ({ tenant, send }) => {
    let count = 0;
    tenant.api = (_request, response) =>
      count++ < 1
        ? json(response, 429, { code: 8, message: "slow down" }, { "retry-after": "1" })
        : json(response, 200, {});
    assert.equal((await send()).status, 200);
    count = 0;
    assert.equal((await send(WRITE)).status, 200);
    assert.equal(tenant.received.length, 4);
  },
  "a wait that is too long is an error": async ({ tenant, fails, connections }) => {
    tenant.api = (_request, response) => json(response, 429, {}, { "retry-after": "3600" });
    const error = await fails();
    assert.deepEqual([error.code, error.retryAfterSeconds], ["TENANT_RATE_LIMITED", 3600]);
    assert.equal(
      error.message,
      "sdk.apps.list: the tenant answered status 429 and asks to wait 1 h; the limit is 60 s for each call",
    );
    tenant.api = (_request, response) => json(response, 503, {}, { "retry-after": "20" });
    const client = tenantTransport(tenant.credentials, connections.to(tenant.host));
    const ends = await failure(() =>
      client.send(READ, NEVER, { endsAtMs: performance.now() + 10_000 })
    );
    assert.match(
      ends.message,
      /status 503 and asks to wait 20 s; this is longer than what the timeout of the function/,
    );
  },
  "a tenant that always says so ends": async ({ tenant, send }) => {
    tenant.api = (_request, response) => json(response, 429, { code: 8 }, { "retry-after": "0" });
    assert.deepEqual([(await send()).status, tenant.received.length], [429, 4]);
  },
});

suite("an aborted call ends at once", {
  "while the tenant does not answer": async ({ tenant, connections }) => {
    const hanging = Promise.withResolvers<void>();
    tenant.api = () => hanging.resolve();
    const client = tenantTransport(tenant.credentials, connections.to(tenant.host));
    const ending = new AbortController();
    const sent = failure(() => client.send(READ, ending.signal));
    await hanging.promise;
    ending.abort();
    assert.match((await sent).message, /the invocation ended before the answer$/);
  },
  "and is not sent again over another connection": async ({ tenant, connections }) => {
    const client = tenantTransport(tenant.credentials, connections.to(tenant.host));
    await client.send(READ, NEVER);
    const answers = tenant.api;
    const hanging = Promise.withResolvers<void>();
    const closed = Promise.withResolvers<void>();
    tenant.api = (_request, response) => {
      response.on("close", closed.resolve);
      hanging.resolve();
    };
    const ending = new AbortController();
    const sent = failure(() => client.send(READ, ending.signal));
    await hanging.promise;
    ending.abort();
    await Promise.all([sent, closed.promise]);
    tenant.api = answers;
    await client.send(READ, NEVER);
    const [first, second, third, ...others] = tenant.received.map(({ port }) => port);
    assert.equal(first, second);
    assert.notEqual(second, third);
    assert.deepEqual(others, []);
  },
  "while it waits for a token that others wait for, too": async ({ tenant, connections }) => {
    const asked = Promise.withResolvers<void>();
    const go = Promise.withResolvers<void>();
    tenant.token = async (_request, response) => {
      asked.resolve();
      await go.promise;
      json(response, 200, tenant.grant());
    };
    const client = tenantTransport(tenant.credentials, connections.to(tenant.host));
    const ending = new AbortController();
    const sent = failure(() => client.send(READ, ending.signal));
    const other = client.send(READ, new AbortController().signal);
    await asked.promise;
    ending.abort();
    assert.equal((await sent).code, "TENANT_TIMEOUT");
    go.resolve();
    assert.equal((await other).status, 200);
    assert.equal(tenant.tokenRequests.length, 1);
  },
  "at the end of its time": async ({ tenant, connections }) => {
    tenant.api = () => {};
    const client = tenantTransport(tenant.credentials, connections.to(tenant.host));
    const error = await failure(() =>
      client.send(READ, NEVER, { endsAtMs: performance.now() + 500 })
    );
    assert.equal(error.code, "TENANT_TIMEOUT");
    assert.match(
      error.message,
      /^sdk\.apps\.list: no whole answer within .*, what the timeout of the function leaves for the call$/,
    );
    tenant.token = () => {};
    const other = tenantTransport(tenant.credentials, connections.to(tenant.host));
    const without = await failure(() =>
      other.send(WRITE, NEVER, { endsAtMs: performance.now() + 500 })
    );
    assert.equal(without.code, "TENANT_TIMEOUT");
    assert.match(
      without.message,
      /^sdk\.task\.createGrantTask: no access token within .*the call$/,
    );
  },
});
