/** `invoked tenants`: the commands, and the setting in `invoked.json` and `invoked settings`. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { MAIN, ok } from "../support/expect.ts";
import { makeCredential, makePrincipal } from "../identity/principals.ts";
import { codeIn, ofConsole } from "../identity/sessions.ts";
import { COMMAND_ENV, INVOKED, makeTempDir, runInvoked } from "../support/invoked.ts";
import { TestServer } from "../support/server.ts";
import { tlsClient } from "../tls/support.ts";
import { InvokedTenant } from "./ten_tenant.ts";

Deno.test("invoked tenants", async (t) => {
  await using tenant = await InvokedTenant.start();
  await using server = await TestServer.start({ flags: tenant.flags });
  const client = await server.client();
  const owner = await tenant.owner();
  const second = await tenant.newClient("second");
  const of = ["--data", server.dataDir];
  const run = async (args: readonly string[], stdin?: string) => {
    const { code, stdout, stderr } = await runInvoked(
      ["tenants", ...args, ...of],
      stdin === undefined ? {} : { stdin },
    );
    assert.equal(code, 0, stderr);
    return stdout;
  };
  const fails = async (args: readonly string[], stderr: RegExp, stdin = "") => {
    const ended = await runInvoked(["tenants", ...args, ...of], { stdin });
    assert.notEqual(ended.code, 0);
    assert.match(ended.stderr, stderr);
  };
  const listed = async () => JSON.parse(await run(["list", "--json"]));

  await t.step("add takes the secret from stdin, and prints none", async () => {
    const added = await run(
      ["add", tenant.host, "--client-id", owner.clientId, "--name", "acme"],
      `${owner.clientSecret}\n`,
    );
    assert.match(added, /^Added tenant acme \([0-9A-Za-z]{27}\) at 127\.0\.0\.1:\d+\n$/);
    const [{ id, name, host, credentials }] = await listed();
    assert.deepEqual([name, host, credentials.length], ["acme", tenant.host, 1]);
    assert.equal(credentials[0].clientId, owner.clientId);
    assert.deepEqual(Object.keys(credentials[0]).sort(), [
      "clientId",
      "createdAt",
      "id",
      "updatedAt",
    ]);
    for (const named of ["acme", "ACME", tenant.host, id, id.slice(0, 8)]) {
      assert.match(await run(["check", named]), /^user +[0-9A-Za-z]{27}$/m);
    }
  });

  await t.step("errors name what was rejected, and the next step", async () => {
    await fails(["add", "acme.example"], /--client-id is missing\nnext: give HOST and --client-id/);
    await fails(["add", "--example", "--client-id", "x"], /The example tenant has neither/);
    await fails(
      ["add", tenant.host, "--client-id", owner.clientId, "--name", "again"],
      /Tenant acme \(\w+\) is at \S+ already; .* \(TENANT_ALREADY_EXISTS\)\nnext: .*credentials add/,
      owner.clientSecret,
    );
    await fails(
      ["credentials", "add", "acme", "--client-id", owner.clientId],
      /TENANT_CREDENTIAL_REJECTED\)\nnext: give the secret of this client/,
      second.clientSecret,
    );
    await fails(["add", tenant.host, "--client-id", owner.clientId], /The client secret is empty/);
    const nobody = "127.0.0.1:1";
    await fails(
      ["add", nobody, "--client-id", owner.clientId.replace(tenant.host, nobody)],
      /TENANT_UNREACHABLE\)\nnext: check the host .*--egress-allow-private.*--egress-ca/,
      owner.clientSecret,
    );
    await fails(["login", nobody], /The tenant at \S+ is not reachable.*\nnext: check the host of/);
    await using home = await makeTempDir();
    const login = await runInvoked(["login", "--tenant", nobody, "--no-browser"], {
      env: { HOME: home.path },
    });
    assert.match(login.stderr, /^next: check the host of the tenant and the network$/m);
    await fails(["check", "nobody"], /Tenant "nobody" not found/);
  });

  await t.step("credentials are added, rotated and removed", async () => {
    await run(["credentials", "add", "acme", "--client-id", second.clientId], second.clientSecret);
    await fails(["check", "acme"], /has several credentials: .*\nnext: name one with its id/);
    await run(["check", "acme", "--credential", second.clientId]);
    const [{ credentials: [oldest, newer] }] = await listed();
    const third = await tenant.newClient("third");
    await run(
      ["rotate", "acme", "--client-id", third.clientId, "--credential", newer.id],
      third.clientSecret,
    );
    await fails(["credentials", "remove", "acme", oldest.id, "--yes"], /is the oldest/);
    await run(["credentials", "remove", "acme", third.clientId, "--yes"]);
    assert.deepEqual((await listed())[0].credentials.map(({ id }: { id: string }) => id), [
      oldest.id,
    ]);
  });

  await t.step("a person who approves in a browser gives the tenant a new client", async () => {
    await run(["remove", "acme", "--yes"]);
    await using home = await makeTempDir();
    const command = new Deno.Command(INVOKED, {
      args: [
        "tenants",
        "login",
        tenant.host,
        "--ca",
        tenant.caFile,
        "--no-browser",
        "--json",
        ...of,
      ],
      clearEnv: true,
      env: { ...COMMAND_ENV, HOME: home.path },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const stdout = new Response(command.stdout).text();
    let text = "";
    let isApproved = false;
    for await (const part of command.stderr.pipeThrough(new TextDecoderStream())) {
      text += part;
      const userCode = /code (\S+)\n/.exec(text)?.[1];
      if (userCode === undefined || isApproved) continue;
      isApproved = true;
      await approve(tenant, userCode);
    }
    assert.equal((await command.status).code, 0, text);
    const added = JSON.parse(await stdout);
    assert.match(added.credentials[0].clientId, /\/pcc$/);
    assert.match(await run(["check", added.name]), /^client +\S+\/pcc$/m);
    assert.match(await tenant.run("clients", "list"), /invoked login on /);
    await run(["remove", added.name, "--yes"]);
  });

  await t.step("the example tenant needs nothing", async () => {
    assert.match(await run(["add", "--example"]), /^Added tenant example \(/);
    await run(["rename", "example", "invented"]);
    const [{ name, host, isExample }] = await listed();
    assert.deepEqual([name, host, isExample], ["invented", "example", true]);
    assert.match(
      await run(["add", "--example"]),
      /^The example tenant is already here as invented \(/,
    );
    assert.equal((await listed()).length, 1);
  });

  await t.step("invoked.json and invoked settings set the tenant", async () => {
    await using folder = await makeTempDir();
    const manifest = { name: "caller", tenant: { id: "invented", operations: ["apps.*"] } };
    await Deno.writeTextFile(join(folder.path, "main.ts"), MAIN);
    await Deno.writeTextFile(join(folder.path, "invoked.json"), JSON.stringify(manifest));
    const deploy = async () => {
      const { code, stdout, stderr } = await runInvoked(["deploy", "--json", ...of], {
        cwd: folder.path,
      });
      assert.equal(code, 0, stderr);
      return JSON.parse(stdout);
    };
    const { functionId, settings } = await deploy();
    assert.ok(settings.includes("tenant"));
    const [{ id }] = await listed();
    const path = `/api/v1/functions/${functionId}`;
    const expected = { id, access: "READ", operations: ["apps.*"] };
    assert.deepEqual(ok(await client.get(path)).function.tenant, expected);
    assert.deepEqual((await deploy()).settings, []);
    const misspelt = await runInvoked([
      ...["settings", "set", "caller", 'tenant={"id": "invented", "operation": ["*"]}', ...of],
    ]);
    assert.match(misspelt.stderr, /has no "operation", but id, .*; did you mean operations\?/);
    const unknown = await runInvoked([
      ...["settings", "set", "caller", 'tenant={"id": "inventd"}', ...of],
    ]);
    assert.match(unknown.stderr, /"inventd" is not the id, .*: did you mean invented\?/);
    // A developer, who may neither list nor give tenants, deploys what the function has already.
    const principal = await makePrincipal(client, "developer", ["functions:developer"]);
    const { credential, clientSecret } = await makeCredential(client, principal);
    const env = {
      INVOKED_SERVER_URL: server.url,
      INVOKED_CLIENT_ID: credential.clientId,
      INVOKED_CLIENT_SECRET: clientSecret,
    };
    const deployAs = () => runInvoked(["deploy", "--json"], { cwd: folder.path, env });
    const unchanged = await deployAs();
    assert.equal(unchanged.code, 0, unchanged.stderr);
    assert.deepEqual(JSON.parse(unchanged.stdout).settings, []);
    assert.deepEqual(ok(await client.get(path)).function.tenant, expected);
    const more = { ...manifest, tenant: { id: "invented", access: "WRITE" } };
    await Deno.writeTextFile(join(folder.path, "invoked.json"), JSON.stringify(more));
    assert.match((await deployAs()).stderr, /may not call invoked\.TenantService\.Check/);
    assert.deepEqual(ok(await client.get(path)).function.tenant, expected);
    const set = await runInvoked([
      ...["settings", "set", "caller", 'tenant={"id": "invented", "access": "WRITE"}', ...of],
    ]);
    assert.equal(set.code, 0, set.stderr);
    assert.deepEqual(ok(await client.get(path)).function.tenant, { id, access: "WRITE" });
    const shown = await runInvoked(["show", "caller", ...of]);
    assert.match(shown.stdout, /^tenant +invented: .*WRITE/m);
    const listedSettings = () => runInvoked(["settings", "list", "caller", ...of]);
    assert.match((await listedSettings()).stdout, /^tenant\s+invented: .*WRITE/m);
    // Who may not list tenants sees the id alone.
    assert.match((await runInvoked(["show", "caller"], { env })).stdout, /^tenant +\{.*WRITE/m);
    await fails(
      ["remove", "invented", "--yes"],
      /in use by functions: caller \(.*\nnext: .*--force/,
    );
    assert.match(
      await run(["remove", "invented", "--force", "--yes"]),
      /lost their access: caller \(/,
    );
    assert.match((await listedSettings()).stdout, /^tenant\s+a tenant that was removed: .*WRITE/m);
    assert.equal((await runInvoked(["settings", "unset", "caller", "tenant", ...of])).code, 0);
    assert.equal(ok(await client.get(path)).function.tenant, undefined);
  });
});

/** Approves a device at the tenant, in a session of its owner. */
async function approve(tenant: InvokedTenant, userCode: string): Promise<void> {
  const link = JSON.parse(await tenant.run("console", "link", "--json"));
  using browser = tlsClient(tenant.url, [await Deno.readTextFile(tenant.caFile)]);
  const send = (path: string, body: object, cookie = "") =>
    browser.send("POST", path, {
      headers: { ...ofConsole(tenant.url), "content-type": "application/json", cookie },
      body: JSON.stringify(body),
    });
  const signedIn = await send("/auth/v1/session", { code: codeIn(link) });
  const cookie = signedIn.headers.get("set-cookie")?.split(";")[0] ?? "";
  const { status, body } = await send("/auth/v1/device/approve", { userCode }, cookie);
  assert.equal(status, 200, JSON.stringify(body));
}
