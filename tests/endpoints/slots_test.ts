/** Work that keeps the slot of an invocation, and clients that keep their response; the server logs neither. */
import assert from "node:assert/strict";
import { BACKGROUND, settings } from "../retries/support.ts";
import { assertError, ok } from "../support/expect.ts";
import { TestServer } from "../support/server.ts";
import { type Preview, preview, recordOf, send } from "./support.ts";

const EARLY = (hold: string) => `
export function fetch(request: Request, _: unknown, { waitUntil }: { waitUntil(work: Promise<unknown>): void }) {
  waitUntil(globalThis.fetch("http://${hold}/").then((response) => response.text()));
  return new Response("early");
}
export default () => ({ ran: true });`;

const MIB = 1024 * 1024;
const LARGE_MIB = 24;
const LARGE = `
export default { fetch() {
  let left = ${LARGE_MIB};
  return new Response(new ReadableStream({
    pull: (controller) => left-- > 0 ? controller.enqueue(new Uint8Array(${MIB})) : controller.close(),
  }));
} };`;
/** Long enough for a client that a busy machine lets read late. */
const IDLE_TIMEOUT = "10s";
/** A client that reads at this rate takes longer than the idle timeout for a piece of 1 MiB. */
const SLOW_BYTES = 64 * 1024;
const SLOW_MS = 750;
const SLOW_READS = 20;

/** Reads a response slowly, and then its rest; answers how many bytes it got. */
async function readSlowly(url: string, { path }: Preview, token: string): Promise<number> {
  const { hostname, port } = new URL(url);
  using connection = await Deno.connect({ hostname, port: Number(port) });
  const head = `GET ${path}/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n`;
  await connection.write(new TextEncoder().encode(`${head}Connection: close\r\n\r\n`));
  const buffer = new Uint8Array(SLOW_BYTES);
  let bytes = 0;
  for (let reads = 0;; reads++) {
    if (reads < SLOW_READS) await new Promise((resolve) => setTimeout(resolve, SLOW_MS));
    const read = await connection.read(buffer).catch(() => null);
    if (read === null) return bytes;
    bytes += read;
  }
}

Deno.test("work under waitUntil keeps the slot of its invocation until it is done", async () => {
  const asked = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  await using hold = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async () => {
    asked.resolve();
    await released.promise;
    return new Response("go on");
  });
  using _release = { [Symbol.dispose]: () => released.resolve() };
  await using server = await TestServer.start({
    flags: [
      ...["--max-running", "1", "--max-queued", "1", "--pool-size", "1"],
      ...["--egress-allow-private", "127.0.0.0/8", "--endpoint-idle-timeout", IDLE_TIMEOUT],
    ],
  });
  const client = await server.client();
  const host = `127.0.0.1:${hold.addr.port}`;
  const app = await preview(client, EARLY(host));
  await settings(client, app.functionId, { outboundNetworkAllowlist: [host] });
  const invoke = () => client.invoke(app.functionId, {}, BACKGROUND, { commitId: app.commitId });

  const early = await send(client, app);
  assert.equal(await early.text(), "early");
  await asked.promise;
  const { invocationId } = ok(await invoke());
  // The queue holds one invocation, which would have left the queue if a slot were free.
  assertError(await invoke(), "QUEUE_FULL");
  assert.match((await client.invocation(app.functionId, invocationId)).status, /_PENDING$/);
  released.resolve();
  const first = await recordOf(client, app, early);
  const second = await client.ended(app.functionId, invocationId);
  assert.match(first.status, /_SUCCESS$/);
  assert.deepEqual(second.output, { ran: true });
  assert.ok(second.startedAt >= first.endedAt, `${second.startedAt}, ${first.endedAt}`);

  // A client that takes bytes all the time is not idle, however long a piece of the function takes.
  const large = await preview(client, LARGE);
  const received = await readSlowly(server.url, large, client.token ?? "");
  assert.ok(received > LARGE_MIB * MIB, `${received} bytes`);

  const none = await preview(client, "export default () => ({});");
  const missing = await send(client, none);
  assert.equal(missing.status, 404);
  await missing.body?.cancel();
  await server.stop();
  assert.doesNotMatch(await server.log, /ERR_HTTP_HEADERS_SENT/);
});
