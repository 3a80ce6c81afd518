/** A tenant in the process of the server has the limits of a tenant behind a connection. */
import assert from "node:assert/strict";
import { exampleCredentials, exampleTenant } from "../../examples/tenant/app.ts";
import { tenantTransport } from "../../src/tenants/client.ts";
import { TENANT_ANSWER_MAX_BYTES } from "../../src/tenants/connections.ts";
import { exchangeWith } from "../../src/tenants/in_process.ts";
import { failure, READ } from "./calls_stage.ts";

const credentials = exampleCredentials("example");
const NEVER = new AbortController().signal;

/** A client of a tenant that issues tokens as the example does, and answers all other requests with `api`. */
function clientOf(api: (request: Request) => Promise<Response>) {
  const example = exampleTenant();
  const answer = (request: Request) =>
    new URL(request.url).pathname === "/auth/v1/token" ? example(request) : api(request);
  return tenantTransport(credentials, exchangeWith({ answer, credentials }));
}

Deno.test("an answer is read up to the limit, and the rest is not", async () => {
  let isCancelled = false;
  const endless = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new Uint8Array(1024 * 1024)),
    cancel: () => void (isCancelled = true),
  });
  const headers = { "content-type": "application/json" };
  const client = clientOf(() => Promise.resolve(new Response(endless, { headers })));
  const error = await failure(() => client.send(READ, NEVER));
  assert.equal(error.code, "TENANT_ANSWER_TOO_LARGE");
  assert.match(error.message, /^sdk\.apps\.list: the answer has more than 32 MiB/);
  assert.ok(isCancelled);
  const text = JSON.stringify({ text: "x".repeat(TENANT_ANSWER_MAX_BYTES - '{"text":""}'.length) });
  const largest = clientOf(() => Promise.resolve(new Response(text, { headers })));
  assert.equal((await largest.send(READ, NEVER)).body.length, TENANT_ANSWER_MAX_BYTES);
});

Deno.test("a call ends with its invocation, although the tenant never answers", async () => {
  const began = Promise.withResolvers<AbortSignal>();
  const client = clientOf((request) => {
    began.resolve(request.signal);
    return new Promise(() => {});
  });
  const cancelled = new AbortController();
  const ended = failure(() => client.send(READ, cancelled.signal));
  const signal = await began.promise;
  cancelled.abort();
  assert.equal((await ended).code, "TENANT_TIMEOUT");
  assert.ok(signal.aborted);
  const late = await failure(() => client.send(READ, NEVER, { endsAtMs: performance.now() + 50 }));
  assert.equal(late.code, "TENANT_TIMEOUT");
});
