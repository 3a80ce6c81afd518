/** `invoked deploy --tenant` when answers are lost, others deploy meanwhile, or the tenant is hostile or away. */
import assert from "node:assert/strict";
import { eventually } from "../support/eventually.ts";
import { assertFails, Running } from "../cli/support.ts";
import { Deployer } from "./support/deployer.ts";
import { answering, failing, LOST } from "./support/strict_tenant.ts";

const FIRST = { "main.ts": "export default () => ({ count: 1 });\n" };

/** A user whose folder differs from the head of its function. */
async function started(name: string): Promise<Deployer> {
  const user = await Deployer.start(name);
  user.tenant.add(name, FIRST);
  return user;
}

/** The finalized commits. */
function madeBy({ tenant }: Deployer): readonly string[] {
  return tenant.commits.filter(({ isFinal }) => isFinal).map(({ id }) => id);
}

Deno.test("a lost answer makes no second commit", async (t) => {
  await using user = await started("lost");
  const { tenant } = user;
  await t.step("of the build", async () => {
    tenant.once("CreateFinalCommit", LOST);
    const { stdout } = await user.deployed("--publish");
    const { head, publishedCommitId } = tenant.named("lost");
    assert.deepEqual([head, publishedCommitId], [stdout.trim(), stdout.trim()]);
    assert.equal(madeBy(user).length, 2);
  });
  await t.step("of the publish", async () => {
    await user.write("main.ts", "export default () => ({ count: 2 });\n");
    tenant.once("UpdateFunction", LOST);
    const { stdout } = await user.deployed("--publish");
    assert.equal(tenant.named("lost").publishedCommitId, stdout.trim());
  });
  await t.step("of the tag, which the next deploy finds", async () => {
    tenant.once("CreateTag", LOST);
    const run = await user.deploy("--yes", "--tag", "v1");
    assertFails(run, 4, /not reachable/);
    assert.match(run.stderr, /^Done: perhaps creating tag v1: no answer says so\. Deploy again/m);
    const { stderr } = await user.deployed("--tag", "v1");
    assert.match(stderr, /^No differences$/m);
    assert.equal(madeBy(user).length, 3);
  });
});

Deno.test("a deploy that ends early says what was done, and another one continues", async () => {
  await using user = await Deployer.start("early");
  const { tenant } = user;
  tenant.once("CreateFinalCommit", failing(503, 14, "try later"));
  const build = await user.deploy("--yes", "--publish");
  assertFails(build, 4, /try later \(HTTP 503\)/, /try again/);
  assert.match(
    build.stderr,
    /^Done: function early was created with the id F\d+; perhaps building/m,
  );
  tenant.once("UpdateFunction", failing(403, 7, "no right to publish"));
  const publish = await user.deploy("--yes", "--publish");
  assertFails(publish, 1, /no right to publish/);
  assert.match(publish.stderr, /^Done: commit C\d+ is the head\. Deploy again to continue/m);
  assert.equal(tenant.named("early").publishedCommitId, "");
  await user.deployed("--publish");
  const { head, publishedCommitId } = tenant.named("early");
  assert.equal(head, publishedCommitId);
  assert.deepEqual([madeBy(user), tenant.functions.size], [[head], 1]);
});

Deno.test("nothing is published if somebody else deploys meanwhile", async (t) => {
  await using user = await started("shared");
  const { tenant } = user;
  const { id } = tenant.named("shared");
  for (const operation of ["CreateInitialCommit", "CreateFinalCommit"]) {
    await t.step(`during ${operation}`, async () => {
      tenant.once(operation, async (answer) => {
        const own = await answer();
        tenant.commit(id, { "main.ts": `// during ${operation}\n` });
        return own;
      });
      assertFails(
        await user.deploy("--yes", "--publish"),
        1,
        /Conflict: the head .* so the function has been deployed since; nothing was published/,
        /compare again/,
      );
      assert.equal(tenant.named("shared").publishedCommitId, "");
      assert.match(tenant.headOf("shared")["main.ts"] ?? "", new RegExp(operation));
    });
  }
});

Deno.test("uploads go over TLS, and what was stored is compared before it is published", async (t) => {
  await using user = await started("stored");
  const { tenant } = user;
  const own = tenant.uploadUrl;
  const urls: [string, RegExp][] = [
    ["http://127.0.0.1:9", /is not https, but http:\/\/127\.0\.0\.1:9/],
    ["file:///etc", /is not https, but file:/],
    ["https://name:word@localhost:9", /names a user of localhost:9/],
    ["https://", /is not a URL/],
  ];
  for (const [url, message] of urls) {
    await t.step(url, async () => {
      tenant.uploadUrl = (path) => `${url}${path === "" ? "" : "/x?signature=s3cr3t"}`;
      if (url === "https://") tenant.uploadUrl = () => url;
      const run = await user.deploy("--yes", "--publish");
      assertFails(run, 4, message, /URL of an invoked server or of a C1 tenant/);
      assert.doesNotMatch(run.stderr, /s3cr3t|word@/);
      assert.equal(madeBy(user).length, 1);
    });
  }
  tenant.uploadUrl = own;
  await t.step("a file that was changed on the way", async () => {
    tenant.stored = () => new TextEncoder().encode("steal();\n");
    const run = await user.deploy("--yes", "--publish");
    assertFails(run, 1, /is not the folder: main\.test\.ts was changed on the way/, /again/);
    assert.equal(tenant.named("stored").publishedCommitId, "");
  });
});

Deno.test("a tenant that is away, or is no tenant", async (t) => {
  await using user = await started("away");
  const { tenant } = user;
  await t.step("a page instead of JSON", async () => {
    for (const status of [200, 404]) {
      tenant.once("Search", answering(status, "<html><body>Sign in</body></html>"));
      const run = await user.deploy("--yes");
      assert.ok(run.code === 1 || run.code === 4, run.stderr);
      assert.match(run.stderr, /^error: Failed to list functions: /m);
      assert.doesNotMatch(run.stderr, /<html>/);
    }
  });
  await t.step("a redirect", async () => {
    const fault = () => Response.redirect("https://elsewhere.example/", 302);
    tenant.once("Search", fault);
    assertFails(await user.deploy("--yes"), 4, /not reachable/);
  });
  await t.step("an update that the tenant only claims to have made", async () => {
    await user.write("secrets.env", "TOKEN=x\n");
    await user.write(".invokedignore", "*.env\n");
    tenant.once("UpdateFunction", async () => {
      return await Promise.resolve(Response.json({ function: tenant.named("away") }));
    });
    const run = await user.deploy("--yes", "--publish", "--secrets", "secrets.env");
    assertFails(run, 1, /has no secret TOKEN, although the tenant accepted it/);
  });
  await t.step("no server at all", async () => {
    await tenant[Symbol.asyncDispose]();
    assertFails(await user.deploy("--yes"), 4, /The tenant at https:\S+ is not reachable/);
  });
});

Deno.test("Ctrl-C ends a deploy, which says what was done", async () => {
  await using user = await Deployer.start("stopped");
  const { tenant } = user;
  const { promise: held, resolve: release } = Promise.withResolvers<void>();
  tenant.once("CreateFinalCommit", async (answer) => {
    await held;
    return await answer();
  });
  const args = ["deploy", "--tenant", "acme", "--yes", "--publish"];
  await using running = new Running(args, { HOME: user.home }, user.folder);
  await eventually(
    () => Promise.resolve(tenant.changes.includes("CreateFinalCommit") || undefined),
    "the build",
  );
  assert.equal(await running.stop("SIGINT"), 130);
  assert.match(running.stderr, /^error: Interrupted while building commit C\d+$/m);
  assert.match(running.stderr, /^Done: function stopped was created .*; perhaps building commit/m);
  release();
  await user.deployed("--publish");
  assert.equal(madeBy(user).length, 1);
});
