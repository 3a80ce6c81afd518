/** `--tls-self-signed`: an SDK that insists on https gets its token and invokes, trusting the printed CA alone. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { X509Certificate } from "node:crypto";
import { join } from "node:path";
import { importJWK, SignJWT } from "jose";
import { base64, unbase64 } from "../support/client.ts";
import { makeTempDir, runInvoked } from "../support/invoked.ts";
import { TestServer } from "../support/server.ts";
import { caOf, type TlsClient, tlsClient } from "./support.ts";

const FLAGS = ["--tls-self-signed"];

/** The steps of C1's Go SDK: the key inside the secret signs an assertion, which buys the token. */
async function tokenByAssertion(
  client: TlsClient,
  { clientId, clientSecret }: { clientId: string; clientSecret: string },
): Promise<string> {
  const parts = clientSecret.split(":");
  const jwk = JSON.parse(Buffer.from(parts[3] ?? "", "base64url").toString());
  const host = clientId.split("@")[1]?.split("/")[0]?.split(":")[0] ?? "";
  const now = Math.floor(Date.now() / 1000);
  const assertion = await new SignJWT({})
    .setProtectedHeader({ alg: "EdDSA", nonce: crypto.randomUUID() })
    .setIssuer(clientId).setSubject(clientId).setAudience(host)
    .setIssuedAt(now).setNotBefore(now - 120).setExpirationTime(now + 120)
    .sign(await importJWK(jwk, "EdDSA"));
  const { status, body } = await client.send("POST", "/auth/v1/token", {
    body: new URLSearchParams({
      grant_type: "client_credentials",
      client_id: clientId,
      client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
      client_assertion: assertion,
    }),
  });
  assert.equal(status, 200, JSON.stringify(body));
  return body.access_token;
}

Deno.test("an SDK gets a token by assertion over https and invokes", async (t) => {
  await using server = await TestServer.start({ flags: FLAGS });
  assert.match(server.url, /^https:\/\/127\.0\.0\.1:\d+$/);
  using client = tlsClient(server.url, [await caOf(server)]);
  const credentials = await server.credentials();
  assert.equal(credentials.serverUrl, server.url);

  await t.step("the command line logs in with the CA, and keeps it", async () => {
    await using home = await makeTempDir();
    const { clientId, clientSecret } = credentials;
    const run = (args: string[], stdin?: string) =>
      runInvoked(args, { env: { HOME: home.path }, ...stdin === undefined ? {} : { stdin } });
    const login = ["login", "--server", server.url, "--client-id", clientId];
    const distrusted = await run(login, clientSecret);
    assert.equal(distrusted.code, 4);
    assert.match(distrusted.stderr, /UnknownIssuer\nnext: give the certificate .* --ca FILE/);
    const ca = join(server.dataDir, "tls", "ca.pem");
    assert.equal((await run([...login, "--ca", ca], clientSecret)).code, 0);
    assert.match((await run(["list"])).stdout, /^hello\t/);
  });
  await t.step("token, then invoke", async () => {
    const token = await tokenByAssertion(client, credentials);
    const authorization = `Bearer ${token}`;
    const { body: { list } } = await client.send("GET", "/api/v1/functions", {
      headers: { authorization },
    });
    const { status, body } = await client.send("POST", `/api/v1/functions/${list[0].id}/invoke`, {
      headers: { authorization },
      body: JSON.stringify({ json: base64('{"name":"tls"}') }),
    });
    assert.equal(status, 200, JSON.stringify(body));
    assert.equal(unbase64(body.json), '{"message":"Hello, tls!"}');
  });

  await t.step("every local name is in the certificate", async () => {
    for (const host of ["localhost", "127.0.0.1"]) {
      using named = tlsClient(server.url.replace("127.0.0.1", host), [await caOf(server)]);
      assert.equal((await named.send("GET", "/healthz")).status, 200, host);
    }
    const shown = new X509Certificate(
      await Deno.readTextFile(join(server.dataDir, "tls/server.pem")),
    );
    assert.equal(shown.checkIP("::1"), "::1");
    assert.ok(!shown.ca);
  });

  await t.step("a client without the CA rejects", async () => {
    using stranger = tlsClient(server.url, []);
    await assert.rejects(
      stranger.send("GET", "/healthz"),
      (error: Error) => /UnknownIssuer/.test(String(error.cause)),
    );
  });

  await t.step("the printed lines work as they are: trust by variable, token, curl", async () => {
    const trust = /^export SSL_CERT_FILE=(\S+) NODE_EXTRA_CA_CERTS=\1 DENO_CERT=\1$/m.exec(
      server.welcome,
    );
    assert.equal(await Deno.readTextFile(trust?.[1] ?? ""), await caOf(server));
    const curl = /^curl .*$/m.exec(server.welcome)?.[0] ?? "";
    const { stdout, code, stderr } = await new Deno.Command("sh", { args: ["-c", curl] }).output();
    assert.equal(code, 0, new TextDecoder().decode(stderr));
    assert.match(unbase64(JSON.parse(new TextDecoder().decode(stdout)).json), /Hello, world/);
  });

  await t.step("keys are private, and no HSTS binds every server on localhost", async () => {
    for (const name of ["ca.key", "server.key"]) {
      const { mode } = await Deno.stat(join(server.dataDir, "tls", name));
      assert.equal((mode ?? 0) & 0o777, 0o600, name);
    }
    const { headers } = await client.send("GET", "/healthz");
    assert.ok(!headers.has("strict-transport-security"));
  });

  await t.step("plain HTTP on the port gets no answer of the API", async () => {
    await assert.rejects(fetch(`${server.url.replace("https", "http")}/healthz`));
  });
});

Deno.test("the CA is made once; the certificate follows the names and never runs out", async (t) => {
  await using directory = await makeTempDir();
  const dataDir = directory.path;
  const start = (...flags: string[]) => TestServer.start({ flags: [...FLAGS, ...flags], dataDir });
  const certFile = join(dataDir, "tls", "server.pem");
  let ca = "";
  let cert = "";
  await t.step("kept over a restart", async () => {
    await using first = await start();
    [ca, cert] = [await caOf(first), await Deno.readTextFile(certFile)];
    await first.stop();
    await using second = await start();
    assert.equal(await caOf(second), ca);
    assert.equal(await Deno.readTextFile(certFile), cert);
    const token = await runInvoked(["token", "--data", dataDir]);
    assert.equal(token.code, 0, token.stderr);
  });
  await t.step("the host of the public URL is added", async () => {
    await using server = await start("--public-url", "https://functions.example:8443");
    assert.equal(await caOf(server), ca);
    const added = new X509Certificate(await Deno.readTextFile(certFile));
    assert.equal(added.checkHost("functions.example"), "functions.example");
    assert.equal(added.checkHost("localhost"), "localhost");
  });
  await t.step("a certificate of another CA, or a broken one, is replaced", async () => {
    await Deno.writeTextFile(certFile, ca);
    await using server = await start();
    assert.ok(new X509Certificate(await Deno.readTextFile(certFile)).checkHost("localhost"));
    using client = tlsClient(server.url, [ca]);
    assert.equal((await client.send("GET", "/healthz")).status, 200);
  });
});
