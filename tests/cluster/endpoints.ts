/** Endpoints whose functions run on workers: bodies travel between client, API node and worker. */
import assert from "node:assert/strict";
import { logsOf } from "../process_reuse/support.ts";
import { preview, recordOf, send } from "../endpoints/support.ts";
import type { Client } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";

const APP = `
export default { async fetch(request: Request): Promise<Response> {
  const text = new TextEncoder();
  switch (new URL(request.url).pathname) {
    case "/echo":
      return new Response(request.body, { headers: { "x-echo": "yes" } });
    case "/quick":
      return new Response("quick");
    case "/throws":
      throw new Error("on a worker");
    case "/events":
      console.log("began");
      request.signal.addEventListener("abort", () => console.log("aborted"));
      return new Response(new ReadableStream({
        async pull(controller) {
          controller.enqueue(text.encode("data: tick\\n\\n"));
          await new Promise((resolve) => setTimeout(resolve, 20));
        },
      }));
  }
  return new Response(null, { status: 404 });
} };`;

/** The client's cluster has one worker with one slot, which a long body must not keep. */
export async function endpointsOnWorkers(t: Deno.TestContext, client: Client): Promise<void> {
  const app = await preview(client, APP);

  await t.step("bodies are streamed both ways", async () => {
    const body = new Uint8Array(3 * 1024 * 1024 + 5).map((_, n) => n % 241);
    const response = await send(client, app, "/echo", { method: "POST", body });
    assert.equal(response.headers.get("x-echo"), "yes");
    assert.deepEqual(await response.bytes(), body);
    const { http } = await recordOf(client, app, response);
    assert.equal(http.requestBytes, `${body.length}`);
  });

  await t.step("a failure is answered with the invocation alone", async () => {
    const response = await send(client, app, "/throws");
    const id = response.headers.get("invocation-id");
    assert.deepEqual([response.status, await response.json()], [500, { invocationId: id }]);
    assert.match((await recordOf(client, app, response)).error, /^UNCAUGHT: Error: on a worker/);
  });

  await t.step("a long body keeps no slot of its worker, and ends with its client", async () => {
    const leave = new AbortController();
    const events = await send(client, app, "/events", { signal: leave.signal });
    const reader = events.body?.getReader();
    await reader?.read();
    assert.equal(await (await send(client, app, "/quick")).text(), "quick");
    await reader?.read();
    leave.abort();
    const record = await recordOf(client, app, events);
    assert.equal(record.http.status, 200);
    const id = events.headers.get("invocation-id") ?? "";
    await eventually(async () => {
      const lines = await logsOf(client, app.functionId, id);
      return lines.includes("aborted") ? true : undefined;
    }, "the end of its client");
  });
}
