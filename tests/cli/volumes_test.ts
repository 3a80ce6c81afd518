/** `invoked volumes`, and volumes of invocations: the real command against a real server. */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { Json } from "../support/client.ts";
import { assertFails, Author } from "./support.ts";

/** Paths of a listing, without sizes and times. */
const pathsOf = (lines: string) => lines.split("\n").map((line) => line.split("\t")[0]);

Deno.test("volumes are created, filled, copied, listed, restored and deleted", async (t) => {
  await using author = await Author.start("keeper");
  const cwd = join(author.folder, "..");
  const run = (...args: string[]) => author.run(["volumes", ...args], { cwd });
  const ok = (...args: string[]) => author.ok(["volumes", ...args], { cwd });
  const json = async (...args: string[]): Promise<Json> => JSON.parse(await ok(...args, "--json"));
  const write = async (path: string, text: string) => {
    const whole = join(cwd, path);
    await Deno.mkdir(join(whole, ".."), { recursive: true });
    await Deno.writeTextFile(whole, text);
  };
  const read = (path: string) => Deno.readTextFile(join(cwd, path));

  await t.step("create prints the id; a name is used once", async () => {
    assert.match(await ok("create", "data", "--quota", "2MiB"), /^[0-9A-Za-z]{27}$/);
    const [{ displayName, quotaBytes }] = await json("list");
    assert.deepEqual([displayName, quotaBytes], ["data", 2 * 1024 * 1024]);
    assertFails(
      await run("create", "data"),
      1,
      /Volume "data" already exists: volume \S+ has that name/,
      /another name/,
    );
    assertFails(
      await run("create", "a:b"),
      2,
      /has a colon, a slash or a control/,
      /VOLUME:\/PATH/,
    );
    assertFails(await run("create", "x", "--quota", "much"), 2, /not a size/, /500MiB/);
  });
  await t.step("put and get move one file, by stdin and stdout as well", async () => {
    await write("sales.csv", "a,b\n");
    assert.equal(
      await ok("put", "sales.csv", "data:/in/"),
      "Copied 1 file (4 B) to data:/in/sales.csv",
    );
    await author.ok(["volumes", "put", "-", "data:notes.txt"], { cwd, stdin: "hello\n" });
    assert.equal(await ok("cat", "data:/notes.txt", "data:in/sales.csv"), "hello\na,b");
    assert.equal(await ok("get", "data:/notes.txt", "-"), "hello");
    await ok("get", "data:/notes.txt");
    await ok("get", "data:/notes.txt", "made/for/it/");
    assert.equal(await read("notes.txt") + await read("made/for/it/notes.txt"), "hello\nhello\n");
  });
  await t.step("cp -r goes both ways, and from volume to volume", async () => {
    await write("tree/one.txt", "1");
    await write("tree/sub/two three.txt", "2");
    assert.deepEqual(await json("cp", "-r", "tree", "data:/t"), {
      from: "tree",
      to: "data:/t",
      files: 2,
      bytes: 2,
    });
    await ok("cp", "-r", "tree", "data:/t");
    await ok("cp", "-r", "tree/.", "data:/t/flat");
    assert.deepEqual(pathsOf(await ok("ls", "-r", "data:/t")), [
      "/t/flat/",
      "/t/flat/one.txt",
      "/t/flat/sub/",
      "/t/flat/sub/two three.txt",
      "/t/one.txt",
      "/t/sub/",
      "/t/sub/two three.txt",
      "/t/tree/",
      "/t/tree/one.txt",
      "/t/tree/sub/",
      "/t/tree/sub/two three.txt",
    ]);
    await ok("cp", "-r", "data:/t/flat", "back");
    assert.equal(await read("back/one.txt") + await read("back/sub/two three.txt"), "12");
    await ok("create", "other");
    await ok("cp", "-r", "data:/t/flat/.", "other:");
    assert.deepEqual(pathsOf(await ok("ls", "other")), ["/one.txt", "/sub/"]);
  });
  await t.step("an impossible copy names the reason, and writes no partial file", async () => {
    assertFails(await run("cp", "tree", "data:/x"), 1, /tree is a directory/, /-r/);
    assertFails(
      await run("cp", "tree", "other"),
      2,
      /Neither the source nor the target/,
      /VOLUME:\/PATH/,
    );
    assertFails(await run("cp", "-r", "tree", "data:/notes.txt"), 1, /is a file, not a directory/);
    assertFails(await run("cp", "data:/none", "."), 1, /data:\/none does not exist/);
    assertFails(await run("get", "data:../x"), 2, /leads outside/);
    assertFails(await run("cat", "notes.txt"), 2, /is not a path on a volume/, /VOLUME:\/PATH/);
    assertFails(await run("ls", "dta"), 1, /Volume "dta" not found/, /did you mean data/);
    await Deno.symlink("/etc/passwd", join(cwd, "tree", "link"));
    assertFails(await run("cp", "-r", "tree", "data:/linked"), 1, /link is neither/);
    assertFails(await run("ls", "data:/linked"), 1, /VOLUME_FILE_NOT_FOUND/);
    await write("large", "x".repeat(3 * 1024 * 1024));
    assertFails(await run("put", "large", "data:/"), 1, /VOLUME_QUOTA/, /larger quota/);
    assertFails(await run("get", "data:/notes.txt", "large/x"), 1, /Failed to (read|write) large/);
    const left = Array.from(Deno.readDirSync(cwd), ({ name }) => name);
    assert.ok(!left.some((name) => name.endsWith(".part")), left.join());
  });
  await t.step("rm needs -r for a directory; restore brings back what it removed", async () => {
    assertFails(await run("rm", "data:/t"), 1, /is a directory/, /-r/);
    const [{ version }] = await json("history", "data");
    await ok("rm", "-r", "data:/t");
    await ok("rm", "data:/notes.txt");
    assert.deepEqual(pathsOf(await ok("ls", "data")), ["/in/"]);
    assert.match(await ok("restore", "data", String(version)), / of data as version \d+$/);
    assert.deepEqual(pathsOf(await ok("ls", "data")), ["/in/", "/notes.txt", "/t/"]);
    const lines = (await ok("history", "data", "--limit", "2")).split("\n");
    assert.match(lines[0] ?? "", new RegExp(`\trestore of ${version}\t`));
    assert.match(lines[1] ?? "", /\trequest\t\/notes\.txt$/);
    assertFails(
      await run("restore", "data", "999"),
      1,
      /Version 999 of volume \S+ does not exist/,
      /volumes history/,
    );
  });
  await t.step("delete asks first", async () => {
    assertFails(await run("delete", "other"), 2, /No answer to/, /--yes/);
    await ok("delete", "other", "--yes");
    assert.deepEqual(pathsOf(await ok("list")), ["data"]);
  });
});

Deno.test("an invocation attaches the volume that is named, or that of invoked.json", async () => {
  await using author = await Author.startShared("counter");
  await author.write(
    "main.ts",
    `import { vfs } from "@c1/functions-sdk";
export default async () => {
  const count = await vfs.exists("/count") ? Number(await vfs.readTextFile("/count")) + 1 : 1;
  await vfs.writeTextFile("/count", String(count));
  return { count };
};
`,
  );
  await author.ok(["deploy", "--publish"]);
  await author.fails(["invoke", "--volume", "counts"], 1, /Volume "counts" not found/);
  const id = await author.ok(["volumes", "create", "counts"]);
  const count = async (...args: string[]) => (await author.json("invoke", ...args)).output.count;
  assert.equal(await count("--volume", "counts"), 1);
  assert.equal(await count("--volume", id), 2);
  await author.write("invoked.json", `{"name": "counter", "volume": "counts"}`);
  assert.equal(await count(), 3);
  assert.equal(await author.ok(["volumes", "cat", "counts:/count"]), "3");
  assert.match(
    await author.ok(["show", ".", "latest"]),
    new RegExp(`^volume +counts \\(${id}\\), read at version 2, wrote version 3$`, "m"),
  );
  const [newest] = await author.json("history");
  assert.match(
    await author.ok(["volumes", "history", "counts", "--limit", "1"]),
    new RegExp(`\tinvocation ${newest.id}\t/count$`),
  );
});
