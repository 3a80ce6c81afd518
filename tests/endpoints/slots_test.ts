/** Which work keeps the slot of a call. */
import assert from "node:assert/strict";
import { BACKGROUND, settings } from "../retries/support.ts";
import { assertError, ok } from "../support/expect.ts";
import { TestServer } from "../support/server.ts";
import { preview, recordOf, send } from "./support.ts";

const EARLY = (gate: string) => `
export function fetch(request: Request, { waitUntil }: { waitUntil(work: Promise<unknown>): void }) {
  waitUntil(globalThis.fetch("http://${gate}/").then((response) => response.text()));
  return new Response("early");
}
export default () => ({ ran: true });`;

Deno.test("work under waitUntil keeps the slot of its call until it is done", async () => {
  const asked = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  await using gate = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async () => {
    asked.resolve();
    await released.promise;
    return new Response("go on");
  });
  using _release = { [Symbol.dispose]: () => released.resolve() };
  await using server = await TestServer.start({
    flags: [
      ...["--max-running", "1", "--max-queued", "1", "--pool-size", "1"],
      ...["--egress-allow-private", "127.0.0.0/8"],
    ],
  });
  const client = await server.client();
  const host = `127.0.0.1:${gate.addr.port}`;
  const app = await preview(client, EARLY(host));
  await settings(client, app.functionId, { outboundNetworkAllowlist: [host] });
  const invoke = () => client.invoke(app.functionId, {}, BACKGROUND, { commitId: app.commitId });

  const early = await send(client, app);
  assert.equal(await early.text(), "early");
  await asked.promise;
  const { invocationId } = ok(await invoke());
  // The queue takes one call, which would have left it if a slot were free.
  assertError(await invoke(), "RESOURCE_EXHAUSTED", "QUEUE_FULL");
  assert.match((await client.invocation(app.functionId, invocationId)).status, /_PENDING$/);
  released.resolve();
  const first = await recordOf(client, app, early);
  const second = await client.ended(app.functionId, invocationId);
  assert.match(first.status, /_SUCCESS$/);
  assert.deepEqual(second.output, { ran: true });
  assert.ok(second.startedAt >= first.endedAt, `${second.startedAt}, ${first.endedAt}`);
});
