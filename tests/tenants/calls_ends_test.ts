/** Answers of tenants without a length, which end with their connection. */
import assert from "node:assert/strict";
import { tenantTransport } from "../../src/tenants/client.ts";
import { failure, NEVER, READ, suite } from "./calls_stage.ts";

const HEAD = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n";

suite("an answer that ends with its connection", {
  "is read to its end, however much of it arrives while the reader pauses": async (
    { tenant, connections },
  ) => {
    const client = tenantTransport(tenant.credentials, connections.to(tenant.host));
    for (const bytes of [10, 300_000, 3_000_000, 12_000_000]) {
      const body = JSON.stringify({ text: "x".repeat(bytes) });
      tenant.api = (_request, response) => {
        response.socket?.write(HEAD);
        response.socket?.end(body);
      };
      const answer = await client.send(READ, NEVER);
      assert.deepEqual([answer.status, answer.body.length], [200, body.length]);
    }
  },
  "is no whole answer if the time ends before": async ({ tenant, connections }) => {
    tenant.api = (_request, response) => void response.socket?.write(`${HEAD}{"a":1}`);
    const client = tenantTransport(tenant.credentials, connections.to(tenant.host));
    await client.send({ ...READ, path: "/api/v1/auth/introspect" }, NEVER);
    const { code, message } = await failure(() =>
      client.send(READ, NEVER, { endsAtMs: performance.now() + 500 })
    );
    assert.equal(code, "TENANT_TIMEOUT");
    assert.match(message, /^sdk\.apps\.list: no whole answer within /);
  },
});
