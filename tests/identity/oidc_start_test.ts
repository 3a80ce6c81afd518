/** Starts of servers with a provider: wrong files, a provider that is down or has a CA of its own, another master key. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { freePort } from "../../deploy/local_cluster/network.ts";
import { CA } from "../egress/certificates.ts";
import { eventually } from "../support/eventually.ts";
import { assertError, ok } from "../support/expect.ts";
import { makeTempDir, runInvoked } from "../support/invoked.ts";
import { TestProvider } from "../support/oidc_provider.ts";
import { TestServer } from "../support/server.ts";
import { addAccount, principalOf, providerFlags, signedIn, useLink } from "./people.ts";
import { codeIn, FUNCTIONS, LINKS, redeem } from "./sessions.ts";
import { LOGIN, Visitor } from "./visitor.ts";

const ISSUER = ["--oidc-issuer", "http://127.0.0.1:1", "--oidc-client-id", "c"];

Deno.test("a server with a wrong setting of the provider does not start", async (t) => {
  await using directory = await makeTempDir();
  const path = (name: string) => join(directory.path, name);
  await Deno.writeTextFile(path("empty"), "\n");
  await Deno.writeTextFile(path("text"), "no certificate");
  const cases: Readonly<Record<string, readonly [readonly string[], RegExp]>> = {
    "no file of the secret": [
      ["--oidc-client-secret-file", path("none")],
      /invalid --oidc-client-secret-file: failed to read .*none: No such file/,
    ],
    "an empty secret": [
      ["--oidc-client-secret-file", path("empty")],
      /invalid --oidc-client-secret-file: the first line of .*empty is empty/,
    ],
    "no certificate": [
      ["--oidc-ca", path("text")],
      /invalid --oidc-ca: .*text has no certificate in PEM/,
    ],
    "an unknown role": [
      ["--oidc-role-map", "dev=system:ownr"],
      /invalid --oidc-role-map: "system:ownr" is not a role; use system:user, /,
    ],
  };
  for (const [name, [flags, message]] of Object.entries(cases)) {
    await t.step(name, async () => {
      const data = ["--data", path("data"), "--port", "0"];
      const run = await runInvoked(["serve", ...data, ...ISSUER, ...flags]);
      assert.equal(run.code, 1, run.stdout);
      assert.match(run.stderr, message);
    });
  }
});

Deno.test("a provider that does not answer keeps no server down", async () => {
  await using server = await TestServer.start({ flags: ISSUER });
  const page = await new Visitor(server.url).visit(LOGIN);
  assert.equal(page.status, 503);
  assert.match(page.text, /PROVIDER_UNAVAILABLE/);
  assert.match(page.text, /console link --owner/);
  ok(await (await server.client()).get(FUNCTIONS));
  await server.stop();
  assert.match(
    await server.log,
    /OpenID Connect provider http:\/\/127\.0\.0\.1:1 is not available/,
  );
});

Deno.test("a provider may have a certificate of a private CA", async () => {
  await using directory = await makeTempDir();
  await using provider = await TestProvider.start({ tls: true });
  const ca = join(directory.path, "ca.pem");
  await Deno.writeTextFile(ca, CA);
  const flags = await providerFlags(provider, directory.path);
  await using trusting = await TestServer.start({ flags: [...flags, "--oidc-ca", ca] });
  const page = await new Visitor(trusting.url).visit(LOGIN);
  assert.deepEqual([page.status, new URL(page.location).origin], [303, provider.issuer]);
  await using other = await TestServer.start({ flags });
  const rejected = await new Visitor(other.url).visit(LOGIN);
  assert.deepEqual([rejected.status, /PROVIDER_UNAVAILABLE/.test(rejected.text)], [503, true]);
});

Deno.test("sessions of people outlast restarts, and a rotation of the master key", async (t) => {
  await using directory = await makeTempDir();
  await using provider = await TestProvider.start();
  const flags = [...await providerFlags(provider, directory.path), "--oidc-refresh", "1s"];
  const options = { dataDir: join(directory.path, "data"), flags };
  await using first = await TestServer.start(options);
  provider.serverUrl = first.url;
  const visitor = await signedIn({ provider, server: first }, "rita");
  const { id } = await principalOf(visitor);
  const ofClient = new Visitor(first.url);
  const client = await first.client();
  await useLink(ofClient, ok(await client.post(LINKS, {})));
  const unused = ok(await client.post(LINKS, {}));
  await first.stop();
  const rotated = await runInvoked(["keys", "rotate", "--data", options.dataDir]);
  assert.equal(rotated.code, 0, rotated.stderr);

  await t.step("the provider confirms them under the new key", async () => {
    await using server = await TestServer.start(options);
    const again = at(server.url, visitor);
    const asked = () => provider.requests.filter((request) => request === "POST /token").length;
    const before = asked();
    await eventually(async () => {
      assert.equal((await principalOf(again)).id, id);
      return asked() > before || undefined;
    });
    ok(await at(server.url, ofClient).get(FUNCTIONS));
    await server.stop();
  });

  await t.step("those of clients end with --oidc-only, and so do their links", async () => {
    await using server = await TestServer.start({ ...options, flags: [...flags, "--oidc-only"] });
    assertError(await at(server.url, ofClient).get(FUNCTIONS), "SESSION_ENDED");
    assertError(await redeem(server.url, codeIn(unused)), "LINK_INVALID");
    assert.equal((await principalOf(at(server.url, visitor))).id, id);
    await server.stop();
  });

  await t.step("all end without the provider", async () => {
    await using server = await TestServer.start({ dataDir: options.dataDir });
    assertError(await at(server.url, visitor).get(FUNCTIONS), "SESSION_ENDED");
    const page = await at(server.url, visitor).visit(LOGIN);
    assert.deepEqual([page.status, /NO_PROVIDER/.test(page.text)], [400, true]);
    await server.stop();
  });

  await t.step("end with another provider, which gets none of their tokens", async () => {
    await using other = await TestProvider.start();
    const ofOther = [...await providerFlags(other, directory.path), "--oidc-refresh", "1s"];
    await using server = await TestServer.start({ ...options, flags: ofOther });
    assertError(await at(server.url, visitor).get(FUNCTIONS), "SESSION_ENDED");
    assert.deepEqual(other.requests.filter((request) => request.startsWith("POST ")), []);
  });
});

/** The browser at a server that was started again on another port. */
function at(url: string, visitor: Visitor): Visitor {
  const other = new Visitor(url);
  for (const [name, cookie] of visitor.cookies) other.cookies.set(name, cookie);
  return other;
}

/** A browser that comes to another name than `--public-url` goes on there, and its cookies with it. */
async function publicNames(): Promise<void> {
  await using directory = await makeTempDir();
  await using provider = await TestProvider.start();
  const port = freePort();
  const publicUrl = `http://localhost:${port}`;
  const flags = ["--public-url", publicUrl, "--port", String(port)];
  await using _server = await TestServer.start({
    flags: [...await providerFlags(provider, directory.path), ...flags],
  });
  provider.serverUrl = publicUrl;
  addAccount(provider, "ada");
  const url = `http://127.0.0.1:${port}`;
  const query = "?return_to=%2Ffunctions";
  const ada = new Visitor(url);
  const page = await ada.signIn(provider, "ada", { query });
  assert.deepEqual([page.status, page.location], [303, "/functions"], page.text);
  assert.equal(ada.cookies.get("invoked_session")?.host, "localhost");
  // Behind a proxy that replaces the host of requests.
  const proxied = new Visitor(url, publicUrl);
  assert.equal((await proxied.signIn(provider, "ada", { query })).status, 303);
  assert.equal((await principalOf(proxied)).displayName, "Name of ada");
}

Deno.test(
  "people sign in under the public URL, whatever name of the server they come to",
  publicNames,
);
