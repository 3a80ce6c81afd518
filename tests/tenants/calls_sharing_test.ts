/** How the calls of several functions share the connections to a tenant, and the memory for its answers. */
import assert from "node:assert/strict";
import { tenantTransport } from "../../src/tenants/client.ts";
import { TENANT_CONNECTIONS_MAX } from "../../src/tenants/connections.ts";
import { failure, NEVER, READ, suite, WRITE } from "./calls_stage.ts";
import { json } from "./calls_tenant.ts";

suite("callers share what a tenant takes", {
  "a function leaves connections to others": async ({ tenant, connections }) => {
    const client = tenantTransport(tenant.credentials, connections.to(tenant.host));
    const ending = new AbortController();
    const many = Promise.withResolvers<void>();
    tenant.api = ({ verb }, response) => {
      if (verb === "POST") return json(response, 200, {});
      if (tenant.received.length >= 24) many.resolve();
    };
    const slow = ["hog-1", "hog-2"].flatMap((caller) =>
      Array.from(
        { length: TENANT_CONNECTIONS_MAX },
        () => failure(() => client.send(READ, ending.signal, { caller })),
      )
    );
    await many.promise;
    const writes = Array.from(
      { length: 20 },
      () => client.send(WRITE, NEVER, { caller: "other" }),
    );
    assert.deepEqual(
      new Set((await Promise.all(writes)).map(({ status }) => status)),
      new Set([200]),
    );
    ending.abort();
    await Promise.all(slow);
  },
  "a write that waited for a connection was not sent": async ({ tenant, connections }) => {
    const client = tenantTransport(tenant.credentials, connections.to(tenant.host));
    const ending = new AbortController();
    const full = Promise.withResolvers<void>();
    tenant.api = () => void (tenant.received.length === 16 && full.resolve());
    const caller = "hog";
    const slow = Array.from(
      { length: 16 },
      () => failure(() => client.send(READ, ending.signal, { caller })),
    );
    await full.promise;
    const endsAtMs = performance.now() + 1_000;
    const error = await failure(() => client.send(WRITE, NEVER, { caller, endsAtMs }));
    assert.equal(error.code, "TENANT_TIMEOUT");
    assert.match(
      error.message,
      /not sent: no connection was free within .*32 connections to the tenant$/,
    );
    assert.equal(tenant.received.length, 16);
    ending.abort();
    await Promise.all(slow);
  },
  "an answer has at most 100,000 chunks, as each takes time of the server": async (
    { tenant, fails, send },
  ) => {
    const text = JSON.stringify({ text: "x".repeat(100_000) });
    /** Sends the text in chunks of one byte, and the rest as one. */
    const drip = (chunks: number) => {
      tenant.api = async (_request, response) => {
        response.writeHead(200, { "content-type": "application/json" });
        for (let at = 0; at < chunks && !response.destroyed; at++) {
          response.write(text[at]);
          if (at % 1_000 === 0) await new Promise((resolve) => setImmediate(resolve));
        }
        response.end(text.slice(chunks));
      };
    };
    drip(50_000);
    assert.equal((await send()).body, text);
    drip(text.length);
    const { code, message } = await fails();
    assert.equal(code, "TENANT_ANSWER_TOO_LARGE");
    assert.match(message, /the answer has more than 100,000 chunks: ask for smaller pages$/);
  },
  "slow large answers leave memory to others": async ({ tenant, connections }) => {
    const client = tenantTransport(tenant.credentials, connections.to(tenant.host));
    const ending = new AbortController();
    const part = "x".repeat(2 * 1024 * 1024);
    let begun = 0;
    const many = Promise.withResolvers<void>();
    tenant.api = (_request, response) => {
      response.writeHead(200, { "content-type": "application/json" });
      response.write(`{"id":"${part}`, () => ++begun === 12 && many.resolve());
    };
    const slow = Array.from(
      { length: 12 },
      (_, at) => failure(() => client.send(READ, ending.signal, { caller: `slow-${at % 3}` })),
    );
    await many.promise;
    tenant.api = (_request, response) => json(response, 200, { id: part.repeat(10) });
    const large = Array.from({ length: 6 }, () => client.send(READ, NEVER, { caller: "large" }));
    for (const { body } of await Promise.all(large)) assert.ok(body.length > 20 * 1024 * 1024);
    ending.abort();
    await Promise.all(slow);
  },
});
