/** An accept that fails for want of a descriptor: the server listens again, because Deno stops accepting then. */
import assert from "node:assert/strict";
import { exchange, statuses } from "../http_hardening/raw.ts";
import { FaultShim } from "../support/disk.ts";
import { eventually } from "../support/eventually.ts";
import { shimTest } from "../support/machine.ts";
import { TestServer } from "../support/server.ts";

shimTest("the server accepts again after an accept that failed", async () => {
  await using shim = await FaultShim.open();
  await using server = await TestServer.start({ env: shim.env });
  const { hostname, port } = new URL(server.url);
  await shim.set({ operation: "accept", error: "EMFILE", path: `tcp:${port}$` });
  // The queue of connections takes it; listening again resets it.
  using queued = await Deno.connect({ hostname, port: Number(port) });
  let ended: unknown;
  const read = queued.read(new Uint8Array(1)).catch((error: unknown) => ended = error);
  await eventually(() => ended, "the reset of the queued connection");
  await read;
  assert.ok(ended instanceof Deno.errors.ConnectionReset);
  await shim.set();
  // A new connection each time: one that is open needs no accept.
  const request = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
  await eventually(async () => {
    const { text } = await exchange(server.url, [request]).catch(() => ({ text: "" }));
    return statuses(text).includes(200) ? true : undefined;
  }, "an answer to a new connection");
  await server.stop();
  assert.match(await server.log, /did not accept connections; it listens again.*ulimit -n/);
});
