/** `scripts/install` installs what the lock file names, once for each state of it. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { makeTempDir } from "../support/invoked.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const INSTALL = `${ROOT}scripts/install`;

/** Fakes of npm and of the runtime's installer: they create the same files, and log that they ran. */
const NPM = `#!/bin/sh
echo "$@" >> npm.log
rm -rf node_modules
mkdir -p node_modules/deno
echo "require('fs').writeFileSync('node_modules/deno/deno', '', { mode: 0o755 })" > node_modules/deno/install.cjs
`;

Deno.test("a changed lock file is installed, an unchanged one is not", async () => {
  await using directory = await makeTempDir();
  const root = directory.path;
  await Deno.mkdir(`${root}/scripts`);
  await Deno.mkdir(`${root}/bin`);
  await Deno.copyFile(INSTALL, `${root}/scripts/install`);
  await Deno.writeTextFile(`${root}/bin/npm`, NPM, { mode: 0o755 });
  const install = async () => {
    const { success, stderr } = await new Deno.Command(`${root}/scripts/install`, {
      env: { PATH: `${root}/bin:${Deno.env.get("PATH") ?? ""}` },
    }).output();
    return { success, notes: new TextDecoder().decode(stderr) };
  };
  const runs = async () => (await Deno.readTextFile(`${root}/npm.log`)).trim().split("\n").length;

  await Deno.writeTextFile(`${root}/package-lock.json`, '{"packages": 1}\n');
  const first = await install();
  assert.ok(first.success, first.notes);
  assert.match(first.notes, /^Installing the packages and the runtime/);
  assert.deepEqual([(await install()).notes, await runs()], ["", 1]);

  await Deno.writeTextFile(`${root}/package-lock.json`, '{"packages": 2}\n');
  assert.ok((await install()).success);
  assert.deepEqual([(await install()).notes, await runs()], ["", 2]);

  await Deno.remove(`${root}/node_modules/deno/deno`);
  assert.ok((await install()).success);
  assert.equal(await runs(), 3, "a missing runtime is noticed");

  await Deno.writeTextFile(`${root}/package-lock.json`, '{"packages": 3}\n');
  await Deno.writeTextFile(`${root}/bin/npm`, "#!/bin/sh\nexit 1\n", { mode: 0o755 });
  const failed = await install();
  assert.equal(failed.success, false);
  assert.match(failed.notes, /error: npm ci failed/);
  assert.equal((await install()).success, false, "a failed one is tried again");
});

Deno.test("every script of the shell works where CDPATH is set, with which cd prints the folder", async () => {
  const { stdout } = await new Deno.Command("git", {
    args: [
      "grep",
      "--untracked",
      "--files-with-matches",
      "--extended-regexp",
      "^#!.*[ /](ba|da)?sh$",
    ],
    cwd: ROOT,
  }).output();
  const changing: string[] = [];
  for (const path of new TextDecoder().decode(stdout).trim().split("\n")) {
    const text = await Deno.readTextFile(`${ROOT}${path}`);
    if (!/^#!/.test(text) || !/(?:^|[(;&|]\s*)cd /m.test(text)) continue;
    changing.push(path);
    assert.match(text.slice(0, text.search(/\bcd -/)), /^unset CDPATH$/m, path);
  }
  assert.ok(changing.includes("bin/invoked") && changing.includes("scripts/install"));
});

Deno.test("npm publishes no sources: it names the file that a release is", async () => {
  await using directory = await makeTempDir();
  await Deno.copyFile(`${ROOT}package.json`, `${directory.path}/package.json`);
  const { code, stderr } = await new Deno.Command("npm", {
    args: [
      "publish",
      ...["--dry-run", "--ignore-scripts=false", "--registry", "http://127.0.0.1:9/"],
    ],
    cwd: directory.path,
  }).output();
  assert.equal(code, 1);
  assert.match(
    new TextDecoder().decode(stderr),
    /^error: this folder has the sources; publish the file in build\/ that npm run release writes$/m,
  );
});
