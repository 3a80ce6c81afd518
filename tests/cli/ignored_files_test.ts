/** What deploy leaves in the folder, and what it warns of. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { IgnoreRules } from "../../src/cli/folder/ignore_rules.ts";
import { readFunctionFiles } from "../../src/cli/folder/files.ts";
import { newApiKey } from "../../src/shared/api_keys.ts";
import { findSecrets } from "../../src/cli/folder/secret_scan.ts";
import { makeTempDir } from "../support/invoked.ts";
import { Author } from "./support.ts";

const MAIN = "export default () => ({});\n";
const KEY = ["-----BEGIN PRIVATE", "KEY-----"].join(" ");

async function writeTree(root: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await Deno.mkdir(join(root, path, ".."), { recursive: true });
    await Deno.writeTextFile(join(root, path), text);
  }
}

Deno.test("deploy skips what ignore files exclude, says so, and warns of what looks like a secret", async (t) => {
  await using author = await Author.startShared("careful");
  await writeTree(author.folder, {
    "main.ts": MAIN,
    ".gitignore": ".invoked/\ncredentials.json\n*.log\nbuild/\n",
    ".invokedignore": "\ufefflocal/\n!kept.log\n",
    ".env": "KEY=1\n",
    "credentials.json": "{}",
    "debug.log": "",
    "kept.log": "",
    "local/notes.md": "",
    "build/out.js": "",
    "data/.gitignore": "*\n!kept.csv\n",
    "data/raw.csv": "",
    "data/kept.csv": "",
  });

  await t.step("only the other files are in the commit", async () => {
    const { code, stderr } = await author.run(["deploy"]);
    assert.equal(code, 0, stderr);
    const { id, head } = await author.json("show");
    const { body } = await (await author.server.client())
      .get(`/api/v1/functions/${id}/commits/${head}`);
    assert.deepEqual(Object.keys(body.files).sort(), ["data/kept.csv", "kept.log", "main.ts"]);
    assert.match(
      stderr,
      /skipped: \.env \(hidden\), build\/ \(ignored\), credentials\.json \(ignored\), data\/raw\.csv/,
    );
    assert.doesNotMatch(stderr, /Warning/);
  });
  await t.step("a file that looks like a secret is uploaded with a warning", async () => {
    await author.write("server.pem", `${KEY}\n`);
    await author.write("token.ts", `export {};\n// npm_${"a1B2".repeat(9)}\n`);
    const deployed = await author.run(["deploy"]);
    assert.match(
      deployed.stderr,
      /Warning: this looks like a secret: server\.pem \(key or certificate\), token\.ts:2 \(npm\)\n.*\.invokedignore/,
    );
    assert.doesNotMatch(deployed.stderr, /a1B2/);
    const again = await author.json("deploy");
    assert.deepEqual([again.changes, again.secretLike], [[], []]);
    assert.ok(again.skipped.some(({ path }: { path: string }) => path === "local/"));
  });
  await t.step("diff does not show them either", async () => {
    assert.equal(await author.ok(["diff"]), "");
  });
  await t.step("an excluded main.ts is named", async () => {
    await author.write(".invokedignore", "*.ts\n");
    await author.fails(
      ["deploy"],
      2,
      /has no main\.ts to deploy: a \.gitignore or \.invokedignore excludes it/,
    );
  });
});

Deno.test("ignore files of the repository above the folder apply, and deeper ones win", async () => {
  await using repository = await makeTempDir();
  await writeTree(repository.path, {
    ".git/HEAD": "",
    ".gitignore": "*.pem\n/functions/\ndist/\n",
    "functions/one/main.ts": MAIN,
    "functions/one/a.pem": "",
    "functions/one/[x] y/dist/a.js": "",
    "functions/one/[x] y/.gitignore": "!dist/\n",
    "functions/one/dist/b.js": "",
    "functions/one/Dist/c.js": "",
  });
  const folder = join(repository.path, "functions", "one");
  const paths = [...(await readFunctionFiles(folder)).keys()];
  const expected = ["Dist/c.js", "[x] y/dist/a.js", "main.ts"];
  assert.deepEqual(paths, Deno.build.os === "linux" ? expected : expected.slice(1));
});

Deno.test("without a repository the ignore files above the folder do not apply", async () => {
  await using directory = await makeTempDir();
  await writeTree(directory.path, { ".gitignore": "*\n", "one/main.ts": MAIN });
  const folder = join(directory.path, "one");
  const rules = await IgnoreRules.of(folder);
  assert.equal(rules.excludes(join(folder, "main.ts"), false), false);
});

Deno.test("the scan finds names and contents of secrets, and takes ordinary files", async () => {
  const scan = async (path: string, text = "") => {
    const found = await findSecrets(new Map([[path, new TextEncoder().encode(text)]]));
    return found.map(({ line, kind }) => `${line ?? "name"} ${kind}`);
  };
  for (
    const path of [
      "prod.env",
      "env.local",
      "tls/server.pem",
      "id_rsa",
      "credentials-prod.json",
      "service-account.json",
      "npmrc",
      "secrets.yaml",
    ]
  ) assert.equal((await scan(path)).length, 1, path);
  for (
    const path of ["main.ts", "environment.ts", "id_rsa.pub", "keys.ts", "credentials.ts", "a.json"]
  ) assert.deepEqual(await scan(path, MAIN), [], path);
  const token = `secret-token:conductorone.com:v1:${"eyJrdHkiOiJPS1Ai".repeat(4)}`;
  assert.deepEqual(await scan("a.ts", `\nconst secret = "${token}";\n`), ["2 secret-token"]);
  const key = newApiKey();
  assert.deepEqual(await scan("a.ts", `\n\nfetch(url, { headers: { "x-key": "${key}" } });\n`), [
    "3 API key",
  ]);
  const other = `${key.slice(0, -1)}${key.endsWith("0") ? "1" : "0"}`;
  assert.deepEqual(await scan("a.ts", `const name = "${other}";\n`), []);
  const body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7".repeat(4);
  const pem = `${KEY}\n${body}\n${KEY.replace("BEGIN", "END")}\n`;
  assert.match(String(await scan("a.txt", pem)), /^1 privatekey$/);
  assert.deepEqual(await scan("binary", `\0${token}`), []);
});
