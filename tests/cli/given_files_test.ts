/** Files that authors give to a command, as editors and shells write them. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { readSecrets } from "../../src/cli/folder/secrets_file.ts";
import { makeTempDir, runInvoked } from "../support/invoked.ts";
import { assertFails, Author } from "./support.ts";

const BOM = "\ufeff";

Deno.test("a byte order mark and the names of stdin are accepted", async (t) => {
  await using author = await Author.startShared("marked");
  await author.write("main.ts", "export default (input: object) => ({ input });\n");

  await t.step("in invoked.json", async () => {
    await author.write("invoked.json", `${BOM}{"name": "marked"}`);
    await author.ok(["deploy", "--publish"]);
  });
  await t.step("in a file of --input", async () => {
    await author.write("input.json", `${BOM}{"from": "file"}`);
    const { output } = await author.json("invoke", "--input", "@input.json");
    assert.deepEqual(output, { input: { from: "file" } });
  });
  await t.step("stdin is an input under each of its names", async () => {
    for (const name of ["-", "@/dev/stdin", "@/dev/fd/0", "@/proc/self/fd/0"]) {
      const stdin = JSON.stringify({ name });
      const output = await author.ok(["invoke", "--input", name], { stdin });
      assert.deepEqual(JSON.parse(output), { input: { name } });
    }
    const wrong = await author.run(["invoke", "--input", "@/dev/stdin"], { stdin: "[]" });
    assertFails(wrong, 2, /Invalid input in stdin: it is not a JSON object/);
  });
  await t.step("a data directory that is a file is named as such", async () => {
    const file = join(author.folder, "main.ts");
    const run = await runInvoked(["list", "--data", file]);
    assertFails(run, 4, /Failed to read the credentials .*main\.ts is not a directory/, /--data/);
  });
});

Deno.test("the violations of a file of secrets are named by line, never by value", async (t) => {
  await using directory = await makeTempDir();
  const path = join(directory.path, "secrets.env");
  const read = async (text: string) => {
    await Deno.writeTextFile(path, text);
    return await readSecrets(path);
  };

  await t.step("every form of an assignment is read", async () => {
    assert.deepEqual(
      await read(
        `${BOM}# a comment\nA=1\n export B = 'two'\n\nPEM="-----BEGIN\nno assignment\n-----END"\nC=x # y\n`,
      ),
      { A: "1", B: "two", PEM: "-----BEGIN\nno assignment\n-----END", C: "x" },
    );
    assert.deepEqual(await readSecrets(undefined), {});
  });
  await t.step("a line without = is rejected", async () => {
    for (const text of ["A=1\nhunter2\n", "A='x'\nhunter2", "\nhunter2 # B=1"]) {
      const failure = await read(text).catch((error) => error);
      assert.match(failure.message, /secrets\.env: line 2 is not NAME=value$/);
    }
  });
  await t.step("a secret without a value is rejected", async () => {
    for (
      const [text, line] of [
        ["A=1\nD=\n", 2],
        ["A=1\n\n# D=1\n export D = ''\n", 4],
        ['D=1\nPEM="a\n\nD=b"\nD=\n', 5],
      ] as const
    ) {
      const message = new RegExp(`secrets\\.env: line ${line}: D has no value$`);
      await assert.rejects(read(text), message);
    }
  });
  await t.step("the commands report it before they start a server", async () => {
    await using folder = await makeTempDir();
    await Deno.writeTextFile(join(folder.path, "invoked.json"), `{"name": "x"}`);
    await Deno.writeTextFile(path, "A=1\nD=\n");
    for (const command of ["test", "dev"]) {
      const run = await runInvoked([command, "--secrets", path], { cwd: folder.path });
      assertFails(run, 2, /line 2: D has no value/, /give it a value/);
    }
  });
});
