/** `--tls-cert` and `--tls-key`: the operator's own certificate, and every way to get it half right. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { selfSignedSource } from "../../src/http/tls/self_signed.ts";
import { exchange } from "../http_hardening/raw.ts";
import { runInvoked } from "../support/invoked.ts";
import { TestServer } from "../support/server.ts";
import { tlsClient } from "./support.ts";

Deno.test("the operator's certificate", async (t) => {
  const directory = await Deno.makeTempDir();
  const [cert, key, ca] = ["server.pem", "server.key", "ca.pem"].map((name) =>
    join(directory, name)
  );
  assert.ok(cert !== undefined && key !== undefined && ca !== undefined);
  const source = await selfSignedSource(directory, []);
  await source.load();
  const rejected = async (flags: string[], code: number, expected: RegExp) => {
    const run = await runInvoked([
      "serve",
      "--port",
      "0",
      "--data",
      join(directory, "data"),
      ...flags,
    ]);
    assert.equal(run.code, code, run.stderr);
    assert.match(run.stderr, expected);
  };
  try {
    await t.step("is shown, with HSTS", async () => {
      await using server = await TestServer.start({
        flags: ["--tls-cert", cert, "--tls-key", key],
      });
      using client = tlsClient(server.url, [await Deno.readTextFile(ca)]);
      const { status, headers } = await client.send("GET", "/healthz");
      assert.equal(status, 200);
      assert.equal(headers.get("strict-transport-security"), "max-age=31536000");
      assert.ok(!server.welcome.includes("local CA"));
    });
    await t.step("a client that never begins TLS loses its connection", async () => {
      await using server = await TestServer.start({
        flags: ["--tls-cert", cert, "--tls-key", key, "--header-timeout", "1s"],
      });
      assert.deepEqual(await exchange(server.url, [""]), { text: "", closed: true });
    });
    await t.step("half of it stops the start", async () => {
      await rejected(
        ["--tls-cert", cert],
        2,
        /--tls-cert is .*must be given together with --tls-key/,
      );
      await rejected(
        ["--tls-key", key],
        2,
        /--tls-key is .*must be given together with --tls-cert/,
      );
      await rejected(
        ["--tls-cert", cert, "--tls-key", key, "--tls-self-signed"],
        2,
        /--tls-self-signed is true, but must be false with --tls-cert or --tls-key/,
      );
      await rejected(
        ["--tls-self-signed", "--public-url", "http://a.example"],
        2,
        /--public-url is http:\/\/a\.example, but must be an https URL/,
      );
    });
    await t.step("files that are missing, swapped or of two pairs stop the start", async () => {
      const missing = join(directory, "none.pem");
      await rejected(["--tls-cert", missing, "--tls-key", key], 1, /failed to read .*none\.pem/);
      await rejected(["--tls-cert", key, "--tls-key", cert], 1, /server\.key does not begin with/);
      await rejected(["--tls-cert", ca, "--tls-key", key], 1, /is not the key of the certificate/);
    });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
