/** `invoked deploy --tenant`: differences, and what a deploy makes at a tenant that knows C1's operations alone. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { assertFails } from "../cli/support.ts";
import { Deployer } from "./support/deployer.ts";
import { failing } from "./support/strict_tenant.ts";

const SECRET = "hunter2-hunter2";
const GREET = (word: string) => `export default () => ({ message: "${word}" });\n`;

Deno.test("a function is compared, created, published, compared again and changed", async (t) => {
  await using user = await Deployer.start("greeter");
  const { tenant } = user;
  await user.write("main.ts", GREET("Hello"));
  await user.write(
    "invoked.json",
    JSON.stringify({
      ...{ name: "greeter", description: "Greets", allowlist: ["api.example.com"] },
      ...{ roles: ["reader"], timeout: "30s", variables: { STAGE: "test" } },
      tests: { secrets: { TOKEN: "x", OTHER: "x" } },
    }),
  );
  await user.write("secrets.env", `TOKEN=${SECRET}\n`);
  await user.write(".invokedignore", "*.env\n");
  const all = ["--publish", "--tag", "v1", "--secrets", "secrets.env", "--message", "One"];

  await t.step("without --yes the differences are printed, and nothing changes", async () => {
    const { code, stdout, stderr } = await user.deploy(...all);
    assert.equal(code, 7, stderr);
    assert.match(stdout, /^--- \/dev\/null\n\+\+\+ b\/main\.ts$/m);
    assert.match(stdout, /^~ description: "" -> "Greets"$/m);
    assert.match(
      stdout,
      /^\+ secret TOKEN\n\+ tag v1\n~ published commit: none -> the new commit$/m,
    );
    assert.doesNotMatch(stdout, /^~ name/m);
    assert.match(stderr, /^greeter at https:\S+ \(new\)$/m);
    assert.match(stderr, /C1 does not have them: timeout, variables, tests$/m);
    assert.match(stderr, /declare 1 secret that the function does not have: OTHER; /);
    assert.match(stderr, /^next: deploy it with --yes --head none$/m);
    assert.deepEqual(tenant.changes, []);
  });
  await t.step(
    "with --yes the tenant has the files, settings, secrets, tag and publish",
    async () => {
      const { stdout, stderr } = await user.deployed(...all, "--head", "none");
      const commitId = stdout.trim();
      const fn = tenant.named("greeter");
      assert.deepEqual([fn.head, fn.publishedCommitId], [commitId, commitId]);
      assert.deepEqual(Object.keys(tenant.headOf("greeter")), ["main.test.ts", "main.ts"]);
      assert.equal(tenant.headOf("greeter")["main.ts"], GREET("Hello"));
      assert.deepEqual([fn.description, fn.outboundNetworkAllowlist], ["Greets", [
        "api.example.com",
      ]]);
      assert.deepEqual([fn.scopedRoleIds.length, Object.keys(fn.secret)], [1, ["TOKEN"]]);
      assert.deepEqual([...tenant.tags.get(fn.id) ?? []], [["v1", commitId]]);
      assert.equal(tenant.commits[0]?.message, "One");
      assert.match(stderr, /^Published$/m);
      const { body } = tenant.seen.find(({ operation }) => operation === "UpdateFunction") ?? {};
      const set = "outboundNetworkAllowlist,scopedRoleIds,secret,publishedCommitId";
      assert.equal(body.updateMask, set);
    },
  );
  await t.step("the secret reaches the tenant alone, and the bucket gets no token", () => {
    const sent = tenant.seen.filter(({ body }) => JSON.stringify(body).includes(SECRET));
    assert.deepEqual(sent.map(({ operation }) => operation), ["UpdateFunction"]);
    assert.equal(tenant.uploads.length, 2);
    assert.ok(tenant.uploads.every((headers) => !headers.has("authorization")));
  });
  await t.step("a folder that does not differ changes nothing", async () => {
    const before = tenant.changes.length;
    const { code, stderr } = await user.deploy("--publish", "--tag", "v1");
    assert.deepEqual([code, /^No differences$/m.test(stderr)], [0, true], stderr);
    await user.deployed("--publish", "--tag", "v1");
    assert.equal(tenant.changes.length, before);
  });
  await t.step("a secret is replaced, and no output has its value", async () => {
    const set = ["--secrets", "secrets.env"];
    const shown = await user.deploy(...set, "--json");
    assert.equal(shown.code, 7);
    assert.deepEqual(JSON.parse(shown.stdout).secrets, ["TOKEN"]);
    const runs = [shown, await user.deploy(...set), await user.deployed(...set)];
    assert.match(runs[1]?.stdout ?? "", /^~ secret TOKEN: its value is replaced$/m);
    assert.ok(runs.every(({ stdout, stderr }) => !`${stdout}${stderr}`.includes(SECRET)));
    assert.equal(tenant.commits.length, 1);
  });
  await t.step("a head that has moved since it was compared is a conflict", async () => {
    await user.write("main.ts", GREET("Hi"));
    const { stdout } = await user.deploy("--json");
    const { head, changes } = JSON.parse(stdout);
    assert.deepEqual([changes.length, changes[0].change], [1, "changed"]);
    assert.match(changes[0].patch, /^\+export default .*"Hi"/m);
    const other = tenant.commit(tenant.named("greeter").id, { "main.ts": "// another\n" });
    const before = tenant.changes.length;
    assertFails(
      await user.deploy("--yes", "--publish", "--head", head),
      1,
      new RegExp(`Conflict: the head .* is ${other} and not ${head}.*nothing was published`),
      /compare again without --yes/,
    );
    assert.equal(tenant.changes.length, before);
  });
  await t.step("only settings that differ are set, without a commit", async () => {
    await user.deployed();
    const commits = tenant.commits.length;
    const manifest = { name: "greeter", description: "Says hi", allowlist: ["api.example.com"] };
    await user.write("invoked.json", JSON.stringify(manifest));
    await user.deployed();
    const last = tenant.seen.findLast(({ operation }) => operation === "UpdateFunction");
    assert.equal(last?.body.updateMask, "description");
    assert.equal(tenant.commits.length, commits);
  });
});

Deno.test("a deploy that cannot be right changes nothing at the tenant", async (t) => {
  await using user = await Deployer.start("checked");
  const { tenant } = user;
  tenant.add("checked", { "main.ts": GREET("Hello") });
  const fails = async (
    args: readonly string[],
    code: number,
    message: RegExp,
    next?: RegExp,
  ): Promise<void> => {
    assertFails(await user.deploy("--yes", "--publish", ...args), code, message, next);
    assert.deepEqual(tenant.changes, []);
  };
  await t.step("a tag of another commit", async () => {
    const { id, head } = tenant.named("checked");
    tenant.tags.set(id, new Map([["v1", head]]));
    await fails(["--tag", "v1"], 1, /Tag v1 exists: it names commit C0/, /another tag/);
    await fails(["--tag", ""], 2, /Invalid --tag: it is empty/);
  });
  await t.step("secrets without a valid name or value", async () => {
    await user.write("wrong.env", "2FA=x\n");
    await fails(["--secrets", "wrong.env"], 2, /Invalid secret "2FA": a name has 1 to 128/);
    await fails(["--secrets", "missing.env"], 2, /Failed to read the secrets in missing\.env/);
    await user.write("own.env", "TOKEN=x\n");
    await fails(["--secrets", "own.env"], 2, /own\.env is a file of the function/, /exclude it/);
    await Deno.remove(join(user.folder, "own.env"));
    await fails(["--secret", "TOKEN"], 2, /No answer to "Value of TOKEN"/, /--secrets FILE/);
  });
  await t.step("code that C1 would not call is reported, and so are errors of types", async () => {
    await user.write("main.ts", "export const fetch = () => new Response();\n");
    assert.match((await user.deploy()).stderr, /Warning: main\.ts exports no function by default/);
    await user.write("main.ts", "export default (): string => ({});\n");
    await fails(["--check"], 3, /type error.*nothing was deployed/);
    await user.write("main.ts", GREET("Hi"));
  });
  await t.step("what C1 does not document is reported, and recordings are left out", async () => {
    await user.write(
      "main.ts",
      `import { functions, sdk, SDKError, vfs as files, type CallContext } from "@c1/functions-sdk";
      // sdk.statistics is only in a comment.
      export default async (input: object, context: CallContext) => {
        functions.getConfig();
        await sdk.user.list();
        return await sdk.triggers.list({ functionId: context.functionId }) && files && SDKError;
      };`,
    );
    await user.write(
      "main.test.ts",
      `import { registerTests, test, type TestContext } from "@c1/test";
      registerTests({ tenant: "recording" });
      export default ({ handler }: TestContext) =>
        test("t", async ({ equal, deepEqual }) => (equal(1, 1), deepEqual(await handler({}), {})));`,
    );
    await Deno.mkdir(join(user.folder, "recording"));
    const entry = { request: { verb: "GET", path: "/api/v1/users" }, answers: [{ status: 200 }] };
    const recorded = JSON.stringify({ format: 1, entries: [entry] });
    await user.write("recording/user.list.json", recorded);
    await user.write("recording/masking.json", "{}");
    await user.write("recording/data.json", "[]");
    const { stderr } = await user.deploy();
    const warnings = stderr.split("\n").filter((line) => line.startsWith("Warning: C1"));
    const of = (names: string, what: string, path: string) =>
      `Warning: C1 does not document ${names} of ${what}, as in ${path}`;
    assert.deepEqual(warnings, [
      of("deepEqual, registerTests", "@c1/test", "main.test.ts"),
      of("CallContext, SDKError, vfs", "@c1/functions-sdk", "main.ts"),
      of("triggers", "sdk", "main.ts"),
    ]);
    assert.match(stderr, /left out, because C1 does not have it: recording\/$/m);
    const { changes } = JSON.parse((await user.deploy("--json")).stdout);
    const paths = changes.map(({ path }: { readonly path: string }) => path);
    assert.deepEqual(paths.filter((path: string) => path.startsWith("recording/")), [
      "recording/data.json",
    ]);
    await Deno.remove(join(user.folder, "recording"), { recursive: true });
    await Deno.remove(join(user.folder, "main.test.ts"));
    await user.write("main.ts", GREET("Hi"));
  });
  await t.step("a role that the tenant does not have", async () => {
    await user.write("invoked.json", `{"name": "checked", "roles": ["functions:developer"]}`);
    await fails([], 1, /Invalid roles of invoked\.json: .*no role .* "functions:developer"/);
  });
  await t.step("files above the folder, which C1 does not have", async () => {
    await user.write("invoked.json", `{"name": "checked", "root": ".."}`);
    await Deno.writeTextFile(join(user.home, "shared.ts"), "export const one = 1;\n");
    await user.write("main.ts", `export { one } from "../shared.ts";\n${GREET("Hi")}`);
    await fails([], 1, /imports files above its folder/, /copy these files/);
    await user.write("main.ts", GREET("Hi"));
  });
  await t.step("several functions of the name, unless invoked.json has the id", async () => {
    await user.write("invoked.json", `{"name": "checked"}`);
    const { id } = tenant.add("checked", { "main.ts": GREET("Other") });
    await fails([], 1, /several functions with the name "checked"/, /use the id/);
    await user.write("invoked.json", JSON.stringify({ name: "checked", id }));
    assert.equal(JSON.parse((await user.deploy("--json")).stdout).functionId, id);
    tenant.functions.delete(id);
    // An id of another server: the name counts.
    assert.equal(
      JSON.parse((await user.deploy("--json")).stdout).functionId,
      tenant.named("checked").id,
    );
  });
});

Deno.test("--tenant names a profile, or the tenant of CONDUCTORONE_*", async (t) => {
  await using user = await Deployer.start("named");
  const deploy = (tenant: string, env: Record<string, string> = {}, ...args: string[]) =>
    user.run(["deploy", "--tenant", tenant, ...args], { env });
  await t.step("a tenant without credentials", async () => {
    const unknown = /Tenant beta not found: no profile .* for https:\/\/beta\.conductor\.one/;
    assertFails(await deploy("beta"), 2, unknown, /invoked login --tenant beta/);
    const others = { CONDUCTORONE_TENANT_DOMAIN: "gamma", CONDUCTORONE_ACCESS_TOKEN: "valid" };
    assertFails(await deploy("beta", others), 2, unknown);
    assertFails(await deploy("a b"), 2, /Invalid --tenant: "https:\/\/a b\.conductor\.one"/);
    assertFails(await deploy(""), 2, /Invalid --tenant: it is empty/);
  });
  await t.step("variables of an invoked server do not count", async () => {
    const env = { INVOKED_SERVER_URL: "http://127.0.0.1:9", INVOKED_ACCESS_TOKEN: "x" };
    assert.equal((await deploy("acme", env)).code, 7);
    assertFails(await deploy("beta", env), 2, /Tenant beta not found/);
  });
  await t.step("the token is sent over TLS alone", async () => {
    const env = {
      CONDUCTORONE_TENANT_DOMAIN: "beta",
      CONDUCTORONE_SERVER_URL: "http://beta.example",
      CONDUCTORONE_ACCESS_TOKEN: "valid",
    };
    assertFails(await deploy("beta", env), 2, /URL http:\/\/beta\.example, which is not https/);
  });
  await t.step("flags of a server and of what C1 does not have conflict", async () => {
    for (const flag of [["--server", "http://127.0.0.1:9"], ["--prune"], ["--var", "A=b"]]) {
      assertFails(await deploy("acme", {}, ...flag), 2, /'--tenant <TENANT>' cannot be used with/);
    }
    for (const flag of [["--yes"], ["--tag", "v1"], ["--secret", "A"], ["--head", "none"]]) {
      assertFails(
        await user.run(["deploy", ...flag]),
        2,
        new RegExp(`Option ${flag[0]} needs --tenant`),
        new RegExp(`give --tenant, or omit ${flag[0]}`),
      );
    }
  });
  await t.step("credentials and rights that the tenant rejects", async () => {
    user.tenant.once("Search", failing(401, 16, "token expired"));
    assertFails(await deploy("acme"), 4, /token expired \(HTTP 401\)/, /check the credentials/);
    user.tenant.once("Search", failing(403, 7, "permission denied"));
    assertFails(await deploy("acme"), 1, /permission denied \(HTTP 403\)/, /administrator/);
  });
});
