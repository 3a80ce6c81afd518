/** Many long bodies at a time, and long ones in little memory. */
import assert from "node:assert/strict";
import { atOnce } from "../support/at_once.ts";
import { IS_LONG } from "../support/seed.ts";
import { readRss } from "./support.ts";
import type { TestServer } from "../support/server.ts";
import { serverSuite, type Stage } from "../support/suite.ts";
import { preview, recordOf, send } from "./support.ts";

const MIB = 1024 * 1024;
const CLIENTS = 200;
/** Slots are few, and a busy machine takes long to start a process for each client. */
const LONG = ["--endpoint-timeout", "10m", "--queue-timeout", "10m"];

const EVENTS = `
export default { fetch: (request: Request) => {
  const text = new TextEncoder();
  return new Response(new ReadableStream({
    async start(controller) {
      controller.enqueue(text.encode("data: first\\n\\n"));
      const gone = new Promise((resolve) => request.signal.addEventListener("abort", resolve));
      await Promise.race([gone, new Promise((resolve) => setTimeout(resolve, 120_000))]);
      controller.close();
    },
  }), { headers: { "content-type": "text/event-stream" } });
} };`;

async function manyClients({ client }: Stage): Promise<void> {
  const app = await preview(client, EVENTS);
  const leave = new AbortController();
  const responses = await atOnce(CLIENTS, async () => {
    const response = await send(client, app, "/", { signal: leave.signal });
    const reader = response.body?.getReader();
    const { value } = await reader?.read() ?? {};
    assert.equal(new TextDecoder().decode(value), "data: first\n\n");
    return response;
  });
  // All responses are open, and take no slot of an invocation.
  const quick = await preview(client, `export default { fetch: () => new Response("quick") };`);
  assert.equal(await (await send(client, quick)).text(), "quick");
  leave.abort();
  for (const response of responses.slice(0, 3)) {
    assert.equal((await recordOf(client, app, response)).http.status, 200);
  }
}

const COUNT = `
export default { async fetch(request: Request) {
  let bytes = 0;
  for await (const chunk of request.body!) bytes += chunk.length;
  return Response.json({ bytes });
} };`;

/** More than the function and the server may have in memory. */
const UPLOAD_BYTES = (IS_LONG ? 1024 : 96) * MIB;
const GROWTH_MAX_BYTES = 64 * MIB;

async function largeUpload({ client, server }: Stage<TestServer>): Promise<void> {
  const app = await preview(client, COUNT);
  const chunk = new Uint8Array(MIB);
  const upload = async (size: number) => {
    let left = size;
    let most = 0;
    const body = new ReadableStream({
      async pull(controller) {
        if (left === 0) return controller.close();
        controller.enqueue(chunk);
        left -= chunk.length;
        if (left % (16 * MIB) === 0) most = Math.max(most, await readRss(server.pid));
      },
    });
    const response = await send(client, app, "/", { method: "POST", body, duplex: "half" });
    assert.deepEqual(await response.json(), { bytes: size });
    return most;
  };
  const first = await upload(16 * MIB);
  const most = await upload(UPLOAD_BYTES);
  assert.ok(most < first + GROWTH_MAX_BYTES, `${first} bytes, then ${most}`);
}

serverSuite("long bodies", {
  flags: ["--memory", "48MiB", "--max-running", "4"].concat(LONG),
}, {
  "go to 200 clients at a time": manyClients,
  "go through a function in little memory": largeUpload,
});
