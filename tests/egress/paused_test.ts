/** What a host may send over TLS while the server does not read. */
import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer, type TLSSocket } from "node:tls";
import { addressPolicy } from "../../src/sandbox/egress/addresses.ts";
import { Router } from "../../src/sandbox/egress/route.ts";
import { CA, CERT, KEY } from "./certificates.ts";

/** More than the buffers of the kernel hold, in blocks. */
const BLOCKS = 512;
const BLOCK = new Uint8Array(128 * 1024);
/** Passes of the event loop in which an unbounded reader takes all blocks. */
const PASSES = 4000;

Deno.test("a paused TLS connection reads nothing more, and then all to its end", async () => {
  const host = createServer({ cert: CERT, key: KEY });
  await new Promise<void>((resolve) => host.listen(0, "127.0.0.1", resolve));
  const accepted = once(host, "secureConnection") as Promise<[TLSSocket]>;
  const router = new Router(addressPolicy(["127.0.0.0/8"]), CA);
  const { port } = host.address() as AddressInfo;
  const socket = await router.connectTls({ host: "localhost", port });
  const [sender] = await accepted;
  let received = 0;
  const first = new Promise<void>((resolve) =>
    socket.on("data", (chunk: Uint8Array) => {
      if (received === 0) {
        socket.pause();
        resolve();
      }
      received += chunk.length;
    })
  );
  const ended = once(socket, "end");
  let sent = 0;
  const sending = (async () => {
    for (; sent < BLOCKS; sent++) if (!sender.write(BLOCK)) await once(sender, "drain");
    sender.end();
  })();
  await first;
  for (let pass = 0; pass < PASSES; pass++) await new Promise((resolve) => setImmediate(resolve));
  assert.ok(sent < BLOCKS, `${sent} blocks were sent to a reader that pauses`);
  socket.resume();
  await Promise.all([sending, ended]);
  assert.equal(received, BLOCKS * BLOCK.length);
  socket.destroy();
  await new Promise<void>((resolve) => void host.close(() => resolve()));
});
