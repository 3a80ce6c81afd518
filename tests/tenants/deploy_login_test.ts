/** `invoked login --tenant`, and deploys to a server of this project as to a tenant. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { assertFails } from "../cli/support.ts";
import { ok } from "../support/expect.ts";
import { makeTempDir, runInvoked } from "../support/invoked.ts";
import { sharedServer } from "../support/shared_server.ts";
import { CLIENT_ID, StrictTenant } from "./support/strict_tenant.ts";

Deno.test("a person signs in to a tenant as C1's own tools do", async (t) => {
  await using tenant = await StrictTenant.start();
  await using home = await makeTempDir();
  const run = (...args: string[]) => runInvoked(args, { cwd: home.path, env: { HOME: home.path } });
  const login = ["login", "--tenant", tenant.url, "--profile", "acme", "--no-browser"];
  const ca = ["--ca", tenant.certificate.caFile];
  await t.step("a tenant is no server, and takes no names of roles", async () => {
    for (const flag of [["--role", "system:viewer"], ["--server", tenant.url]]) {
      assertFails(await run(...login, ...flag), 2, new RegExp(`cannot be used with .*${flag[0]}`));
    }
    assertFails(await run("login", "--tenant", "a/b"), 2, /Invalid --tenant/);
  });
  await t.step("a secret that has no key is not sent", async () => {
    const { code, stderr } = await runInvoked([...login, ...ca, "--client-id", CLIENT_ID], {
      env: { HOME: home.path },
      stdin: "hunter2",
    });
    assert.equal(code, 2);
    assert.match(stderr, /Invalid secret of client brave-otter.*: it is not a secret of C1/);
    assert.doesNotMatch(stderr, /hunter2/);
  });
  await t.step("with a public client that the tenant knows", async () => {
    const { code, stdout, stderr } = await run(...login, ...ca);
    assert.equal(code, 0, stderr);
    assert.equal(stdout, `Logged in to ${tenant.url} as ${CLIENT_ID}: profile acme\n`);
    assert.match(stderr, /must show the code BCDF-GHJK/);
    const made = tenant.seen.find(({ operation }) => operation === "CreatePersonalClient");
    assert.match(made?.body.displayName, /^invoked login on /);
  });
  await t.step("the profile is what --tenant names", async () => {
    tenant.add("hello", { "main.ts": "export default () => ({});\n" });
    const { code, stderr } = await run("pull", "--tenant", "acme", "hello", "hello");
    assert.equal(code, 0, stderr);
    assert.match(await Deno.readTextFile(join(home.path, "hello", "main.ts")), /export default/);
  });
  await t.step("a shell completes tenants, and functions of the tenant", async () => {
    const complete = async (...words: string[]) =>
      (await run("complete", "--", ...words)).stdout.split("\n")[0];
    assert.equal(await complete("deploy", "--tenant", ""), "acme\t");
    assert.equal(await complete("pull", "--tenant", "acme", "he"), "hello\t");
  });
  await t.step("a logout deletes the client at the tenant", async () => {
    assert.match((await run("logout", "--profile", "acme")).stdout, /deleted its client/);
    assert.deepEqual(tenant.changes.at(-1), "DeletePersonalClient");
  });
});

Deno.test("a function goes to a server of this project and comes back", async () => {
  const server = await sharedServer();
  await using home = await makeTempDir();
  const { clientId, clientSecret } = await server.credentials();
  const env = {
    HOME: home.path,
    CONDUCTORONE_TENANT_DOMAIN: "acme",
    CONDUCTORONE_SERVER_URL: server.url,
    CONDUCTORONE_CLIENT_ID: clientId,
    CONDUCTORONE_CLIENT_SECRET: clientSecret,
  };
  const folder = join(home.path, "there-and-back");
  const run = async (cwd: string, ...args: string[]) => {
    const ended = await runInvoked(args, { cwd, env });
    assert.equal(ended.code, 0, ended.stderr);
    return ended;
  };
  await run(home.path, "init", folder);
  const manifest = { name: "there-and-back", description: "Travels", roles: ["reader"] };
  await Deno.writeTextFile(join(folder, "invoked.json"), JSON.stringify(manifest));
  const there = ["deploy", "--tenant", "acme", "--yes", "--publish", "--tag", "v1"];
  const { stdout } = await run(folder, ...there);
  const { stderr } = await run(folder, ...there);
  assert.match(stderr, /^No differences$/m);
  await run(home.path, "pull", "--tenant", "acme", "there-and-back", "back", "--commit", "v1");
  for (const path of ["main.ts", "main.test.ts"]) {
    const [sent, received] = await Promise.all(
      [folder, join(home.path, "back")].map((from) => Deno.readTextFile(join(from, path))),
    );
    assert.equal(received, sent);
  }
  const again = await run(join(home.path, "back"), "deploy", "--tenant", "acme");
  assert.match(again.stderr, /^No differences$/m);
  const client = await server.client();
  const { list } = ok(await client.post("/api/v1/search/functions", { query: manifest.name }));
  assert.equal(list[0].publishedCommitId, stdout.trim());
});
