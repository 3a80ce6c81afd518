/** A certificate is replaced before it ends, while the server runs, and when it is broken. */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { connect } from "node:tls";
import { Hono } from "hono";
import type { Env } from "../../src/http/env.ts";
import { listen } from "../../src/http/server.ts";
import { selfSignedSource } from "../../src/http/tls/self_signed.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const LIMITS = {
  maxHeaderBytes: 16_384,
  headerTimeoutMs: 60_000,
  requestTimeoutMs: 60_000,
  answerTimeoutMs: 60_000,
  keepAliveTimeoutMs: 60_000,
  maxConnections: 10,
  maxUnreadBytes: 1024 * 1024,
};

/** Serial number of the certificate that a connection is shown. */
function shownBy(port: number, ca: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", ca, servername: "localhost" }, () => {
      const { serialNumber } = socket.getPeerCertificate();
      socket.end(() => resolve(serialNumber));
    });
    socket.on("error", reject);
  });
}

Deno.test("a certificate with 29 of its 90 days left is replaced, one with 31 is not", async () => {
  const directory = await Deno.makeTempDir();
  const now = Date.now;
  try {
    const source = await selfSignedSource(directory, []);
    const first = await source.load();
    Date.now = () => now() + 59 * DAY_MS;
    assert.deepEqual(await source.load(), first);
    Date.now = () => now() + 61 * DAY_MS;
    const renewed = await source.load();
    assert.notEqual(renewed.cert, first.cert);
    assert.ok(new X509Certificate(renewed.cert).validToDate.getTime() > now() + 150 * DAY_MS);
  } finally {
    Date.now = now;
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a certificate of another CA, or a broken one, is replaced", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const source = await selfSignedSource(directory, []);
    const { cert } = await source.load();
    const ca = await Deno.readTextFile(source.caFile);
    for (const broken of [ca, "nonsense", ""]) {
      await Deno.writeTextFile(`${directory}/server.pem`, broken);
      const replaced = new X509Certificate((await source.load()).cert);
      assert.notEqual(`${replaced}`, cert);
      assert.equal(replaced.checkHost("localhost"), "localhost");
      assert.ok(replaced.verify(new X509Certificate(ca).publicKey));
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("new connections see the renewed certificate", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const source = await selfSignedSource(directory, []);
    const ca = () => Deno.readTextFile(source.caFile);
    const first = await source.load();
    const server = await listen({ host: "127.0.0.1", port: 0 }, LIMITS, first);
    server.serve({ app: new Hono<Env>() });
    try {
      const serials = [await shownBy(server.port, await ca())];
      await Deno.remove(`${directory}/server.pem`);
      server.renew(await source.load());
      serials.push(await shownBy(server.port, await ca()));
      assert.equal(serials[0], new X509Certificate(first.cert).serialNumber);
      assert.notEqual(serials[1], serials[0]);
    } finally {
      server.cut();
      await server.close();
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
