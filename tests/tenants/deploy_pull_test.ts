/** `invoked pull --tenant`: what is written into a folder, and what a hostile tenant cannot write. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { assertFails } from "../cli/support.ts";
import type { Run } from "../support/invoked.ts";
import { Deployer } from "./support/deployer.ts";

const MAIN = "export default () => ({ count: 1 });\n";

/** `invoked pull --tenant acme` of a function, from the home of the user. */
function pull(user: Deployer, ...args: readonly string[]): Promise<Run> {
  return user.run(["pull", "--tenant", "acme", ...args], { cwd: user.home });
}

async function filesIn(folder: string): Promise<string[]> {
  const names = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name).catch(() => []);
  return names.toSorted();
}

Deno.test("a function is pulled, compared, overwritten when asked, and deployed again", async (t) => {
  await using user = await Deployer.start("other");
  const { tenant } = user;
  tenant.add("counter", { "main.ts": MAIN, "lib/one.ts": "export const one = 1;\n" }, {
    description: "Counts",
    outboundNetworkAllowlist: ["api.example.com"],
    secret: { TOKEN: "" },
  });
  const folder = join(user.home, "pulled");
  const read = (path: string) => Deno.readTextFile(join(folder, path));
  await t.step("into a new folder, as init would make it", async () => {
    const { code, stderr } = await pull(user, "counter", "pulled");
    assert.equal(code, 0, stderr);
    assert.match(stderr, /^ {2}\+ lib\/one\.ts$/m);
    assert.match(stderr, /^ {2}secrets stay at the tenant: TOKEN$/m);
    assert.match(stderr, /^ {2}for an editor: types in \.invoked, and deno\.json$/m);
    assert.deepEqual(await filesIn(folder), [
      ".invoked",
      "deno.json",
      "invoked.json",
      "lib",
      "main.ts",
    ]);
    assert.equal(await read("main.ts"), MAIN);
    assert.deepEqual(JSON.parse(await read("invoked.json")), {
      $schema: "./.invoked/types/invoked.schema.json",
      ...{ name: "counter", description: "Counts", allowlist: ["api.example.com"] },
    });
    assert.deepEqual(tenant.changes, []);
  });
  await t.step("again without a difference, and a deploy has none either", async () => {
    assert.match((await pull(user, "counter", "pulled")).stderr, /^No differences$/m);
    const again = await user.run(["deploy", "--tenant", "acme"], { cwd: folder });
    assert.deepEqual([again.code, /No differences/.test(again.stderr)], [0, true], again.stderr);
  });
  await t.step("no file that differs is overwritten without --yes", async () => {
    const own = JSON.stringify({ name: "counter", timeout: "1m", allowlist: [], id: "x" });
    await Deno.writeTextFile(join(folder, "invoked.json"), own);
    await Deno.writeTextFile(join(folder, "main.ts"), "// mine\n");
    await Deno.writeTextFile(join(folder, "mine.ts"), "// kept\n");
    await Deno.remove(join(folder, "lib"), { recursive: true });
    const kept = await pull(user, "counter", "pulled");
    assert.equal(kept.code, 7, kept.stderr);
    assert.match(kept.stdout, /^-\/\/ mine$/m);
    assert.match(kept.stderr, /Nothing was written: invoked\.json, main\.ts of .*pulled would be/);
    assert.match(kept.stderr, /^next: give --yes to overwrite/m);
    assert.deepEqual([await read("main.ts"), await read("invoked.json")], ["// mine\n", own]);
    assert.equal((await filesIn(folder)).includes("lib"), false);
    const listed = await pull(user, "counter", "pulled", "--json");
    const { overwritten, written } = JSON.parse(listed.stdout);
    assert.deepEqual([listed.code, overwritten, written], [7, ["invoked.json", "main.ts"], false]);
  });
  await t.step("with --yes they are, and what C1 does not have is kept", async () => {
    const { code, stderr } = await pull(user, "counter", "pulled", "--yes");
    assert.equal(code, 0, stderr);
    assert.equal(await read("main.ts"), MAIN);
    assert.equal(await read("mine.ts"), "// kept\n");
    assert.deepEqual(JSON.parse(await read("invoked.json")), {
      ...{ name: "counter", timeout: "1m", allowlist: ["api.example.com"], id: "x" },
      description: "Counts",
    });
  });
  await t.step("the function of the folder, and a commit by its tag or id", async () => {
    const { id, head } = tenant.named("counter");
    tenant.commit(id, { "main.ts": "// two\n" });
    tenant.tags.set(id, new Map([["v1", head]]));
    const here = (...args: string[]) =>
      user.run(["pull", "--tenant", "acme", ...args, "--yes"], { cwd: folder });
    assert.equal((await here()).code, 0);
    assert.equal(await read("main.ts"), "// two\n");
    for (const reference of ["v1", head]) {
      assert.equal((await here("--commit", reference)).code, 0);
      assert.equal(await read("main.ts"), MAIN);
      await here();
    }
    assertFails(await here("--commit", "v2"), 1, /Commit "v2" of counter not found: no tag/);
  });
  await t.step("a function that the tenant does not have", async () => {
    const unknown = await pull(user, "countre", "new");
    assertFails(unknown, 1, /Function "countre" not found/, /counter\? .*invoked list --profile/);
    assertFails(await pull(user), 2, /No function named/, /name a function/);
    tenant.add("counter", { "main.ts": MAIN });
    assertFails(await pull(user, "counter", "new"), 1, /several functions with the name "counter"/);
    assertFails(await user.run(["pull", "counter"]), 2, /--tenant/);
    tenant.functions.set("E", {
      ...tenant.named("counter"),
      id: "E",
      displayName: "empty",
      head: "",
    });
    assertFails(await pull(user, "empty", "new"), 1, /"HEAD" of empty not found: .* no commit yet/);
    assert.deepEqual(await filesIn(join(user.home, "new")), []);
  });
});

Deno.test("a hostile tenant writes nothing outside of the function's files", async (t) => {
  await using user = await Deployer.start("victim");
  const { tenant } = user;
  const { id } = tenant.add("hostile", { "main.ts": MAIN });
  const target = join(user.home, "target");
  const pulled = async (files: Record<string, string>, ...args: string[]) => {
    tenant.commit(id, { "main.ts": MAIN, ...files });
    return await pull(user, "hostile", "target", ...args);
  };
  const paths: [string, RegExp][] = [
    ["../escaped.ts", /it has a segment \.\./],
    ["a/../../escaped.ts", /it has a segment \.\./],
    ["/etc/escaped.ts", /it is absolute/],
    ["C:/escaped.ts", /C: has one of <>:/],
    ["a\\..\\escaped.ts", /it contains a backslash/],
    ["a//b.ts", /it has an empty segment/],
    ["a\u0000b.ts", /it contains a control character/],
    ["a\u001b[2J.ts", /it contains a control character/],
    ["main.ts/b.ts", /main\.ts is a file and not a directory/],
    ["MAIN.ts", /some file systems take (?:main|MAIN)\.ts for the same/],
    ["Main.TS/b.ts", /some file systems take main\.ts for the same/],
    ["Invoked.json", /some file systems take invoked\.json for the same/],
    ["DENO.json/a.ts", /some file systems take deno\.json for the same/],
    ["invoked.json/a.ts", /invoked\.json is a file and not a directory/],
    ["git~1/hooks/pre-commit", /git~1 may be another file on Windows/],
    ["NODE_M~1/a/index.js", /NODE_M~1 may be another file/],
    ["\u200c.git/hooks/pre-commit", /it has an invisible character/],
    ["maiN.t\u017f", /some file systems take (?:main\.ts|maiN\.t\u017f) for the same/],
    ["aux.ts", /aux\.ts is a device of Windows/],
    ["lib/COM1", /COM1 is a device of Windows/],
    ["lib/one.ts.", /ends with a dot or a space/],
    ["lib /one.ts", /lib {2}ends with a dot or a space/],
    [`${"x".repeat(256)}.ts`, /it is longer than 255 B/],
  ];
  for (const [path, message] of paths) {
    await t.step(JSON.stringify(path.slice(0, 20)), async () => {
      const run = await pulled({ [path]: "escaped" }, "--yes");
      assertFails(run, 1, message, /pull another commit/);
      assert.match(run.stderr, /nothing was written/);
      // deno-lint-ignore no-control-regex
      assert.doesNotMatch(run.stderr, /[\x00-\x09\x0b-\x1f]/);
      assert.deepEqual(await filesIn(target), []);
    });
  }
  await t.step("two spellings of one name", async () => {
    const run = await pulled({ "caf\u00e9.ts": "1", "cafe\u0301.ts": "2" }, "--yes");
    assertFails(run, 1, /some file systems take/);
  });
  await t.step("too many files", async () => {
    const many = Object.fromEntries(Array.from({ length: 2000 }, (_, at) => [`f${at}.ts`, ""]));
    assertFails(
      await pulled(many),
      1,
      /has 2,001 files, more than 2,000 files; nothing was written/,
    );
  });
  await t.step("files above the folder of a function of this project", async () => {
    const above = { "_root/invoked.json": `{"folder": "a"}`, "_root/shared.ts": "1" };
    assertFails(await pulled(above, "--yes"), 1, /files above the folder/);
    assertFails(await pulled({ "invoked.json": "{" }, "--yes"), 1, /Invalid invoked\.json in the/);
  });
  await t.step(
    "hidden files and packages, which tools would run, are named and not written",
    async () => {
      const hooks = {
        ".git/hooks/pre-commit": "evil",
        "node_modules/a/index.js": "evil",
        "lib/Node_Modules/b/index.js": "evil",
        "lib/c/node_module\u017f/index.js": "evil",
        ".env": "A=b",
      };
      const { code, stderr } = await pulled(hooks, "--yes");
      assert.equal(code, 0, stderr);
      assert.match(stderr, /skipped: .*\.git\/hooks\/pre-commit \(hidden\)/);
      for (const path of ["node_modules/a", "lib/Node_Modules/b", "lib/c/node_module\u017f"]) {
        assert.ok(stderr.includes(`${path}/index.js (not of the function)`), stderr);
      }
      assert.deepEqual(await filesIn(target), [".invoked", "deno.json", "invoked.json", "main.ts"]);
    },
  );
  await t.step("links and directories in the way", async () => {
    const outside = join(user.home, "outside");
    await Deno.mkdir(outside);
    await Deno.symlink(outside, join(target, "lib"));
    assertFails(
      await pulled({ "lib/a.ts": "1" }, "--yes"),
      1,
      /lib is a link; nothing was/,
      /move it/,
    );
    await Deno.remove(join(target, "lib"));
    await Deno.symlink(join(outside, "b.ts"), join(target, "b.ts"));
    assertFails(await pulled({ "b.ts": "1" }, "--yes"), 1, /b\.ts is a link/);
    await Deno.mkdir(join(target, "c.ts"));
    assertFails(await pulled({ "c.ts": "1" }, "--yes"), 1, /c\.ts is not a file/);
    await Deno.writeTextFile(join(target, "d"), "mine");
    assertFails(await pulled({ "d/e.ts": "1" }, "--yes"), 1, /d is not a directory/);
    assert.equal(await Deno.readTextFile(join(target, "main.ts")), MAIN);
    assert.deepEqual(await filesIn(outside), []);
  });
});
