/** `npm run release-check` in a copy of the repository, with artefacts as the build scripts name them. */
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { makeTempDir } from "../support/invoked.ts";
import project from "../../package.json" with { type: "json" };

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const { version } = project;
const IMAGE_MEGABYTES_MAX = 60;

async function output(cwd: string, program: string, ...args: readonly string[]) {
  const { code, stdout, stderr } = await new Deno.Command(program, { args: [...args], cwd })
    .output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout).trim(), stderr: decoder.decode(stderr) };
}

async function run(cwd: string, program: string, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await output(cwd, program, ...args);
  assert.equal(code, 0, `${program} ${args.join(" ")}: ${stderr}`);
  return stdout;
}

/** A repository with everything that a release needs of its sources. @returns its commit */
async function copyRepository(root: string): Promise<string> {
  const script = 'git ls-files -co --exclude-standard -z | tar -c --null -T - | tar -x -C "$1"';
  await run(ROOT, "sh", "-c", script, "sh", root);
  await Deno.symlink(join(ROOT, "node_modules"), join(root, "node_modules"));
  await edit(join(root, "package.json"), (text) => text.replace(/ *"private": true,\n/, ""));
  await edit(
    join(root, "CHANGELOG.md"),
    (text) => text.replace(/^## \[(?:Unreleased|\d).*$/m, `## [${version}] - 2026-01-31`),
  );
  await edit(join(root, ".gitignore"), (text) => `${text}\nbuild/\nnode_modules\n`);
  await run(root, "git", "init", "--quiet", "--initial-branch", "main");
  await run(root, "git", "add", "--all");
  await commit(root);
  return await run(root, "git", "rev-parse", "HEAD");
}

async function commit(root: string, ...more: readonly string[]): Promise<void> {
  const author = ["-c", "user.name=a", "-c", "user.email=a@example.com"];
  await run(root, "git", ...author, "commit", "--quiet", "-m", "release", ...more);
}

async function edit(path: string, change: (text: string) => string): Promise<void> {
  await Deno.writeTextFile(path, change(await Deno.readTextFile(path)));
}

async function write(path: string, content: unknown): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true });
  await Deno.writeTextFile(path, typeof content === "string" ? content : JSON.stringify(content));
}

/** Writes the artefacts of a commit in the forms of the build scripts, with little content. */
async function buildArtefacts(root: string, commit: string): Promise<void> {
  const build = join(root, "build");
  const release = join(build, "release");
  const record = { version, commit };
  await write(join(release, "release.json"), record);
  await write(join(release, "LICENSE"), "");
  await write(join(release, "licenses/a.txt"), "");
  const sbom = { bomFormat: "CycloneDX", metadata: { component: { version } }, components: [] };
  await write(join(release, "sbom.cdx.json"), sbom);
  const work = join(build, "work");
  await write(join(work, "package/release.json"), record);
  await run(work, "tar", "-czf", join(build, `invoked-${version}.tgz`), "package");
  await write(join(work, "config.json"), {
    config: { Labels: { "org.opencontainers.image.revision": commit } },
  });
  await write(join(work, "manifest.json"), [{ Config: "config.json" }]);
  const image = join(build, `invoked-${version}-linux-amd64.image.tar.zst`);
  await run(work, "tar", "--zstd", "-cf", image, "manifest.json", "config.json");
  const deb = join(work, "deb");
  await write(join(deb, "usr/lib/invoked/release.json"), record);
  const control = {
    Package: "invoked",
    Version: version,
    Architecture: "amd64",
    Maintainer: "a",
    Description: "a",
  };
  await write(
    join(deb, "DEBIAN/control"),
    Object.entries(control).map(([name, value]) => `${name}: ${value}\n`).join(""),
  );
  await run(
    work,
    "dpkg-deb",
    "-Znone",
    "--build",
    deb,
    join(build, `invoked_${version}_amd64.deb`),
  );
}

Deno.test("the release checklist passes when all is built of the commit, and names what is missing", async () => {
  await using directory = await makeTempDir();
  const { path: root } = directory;
  const check = () => output(root, "npm", "run", "--silent", "release-check");
  const head = await copyRepository(root);
  await buildArtefacts(root, head);
  const ready = await check();
  assert.doesNotMatch(ready.stdout, /^missing/m);
  assert.equal(ready.code, 0, ready.stderr);
  assert.match(
    ready.stdout,
    new RegExp(`\\nVersion ${version} is ready: tag .* git tag -a v${version}$`),
  );

  // Everything is missing at once; the tag is at the commit before.
  await run(root, "git", "tag", `v${version}`);
  await run(root, "git", "checkout", "--quiet", "-b", "topic");
  await edit(join(root, "CHANGELOG.md"), (text) => text.replace("2026-01-31", "Unreleased"));
  await edit(join(root, "docs/cli.md"), (text) => `${text}\n`);
  await edit(join(root, "package.json"), (text) => text.replace("{", '{\n  "private": true,'));
  await Deno.writeTextFile(join(root, "src/store/migrations/999_late.ts"), "");
  await run(root, "git", "add", "--all");
  await commit(root);
  await Deno.writeTextFile(join(root, "new"), "");
  const image = join(root, `build/invoked-${version}-linux-amd64.image.tar.zst`);
  await Deno.truncate(image, (IMAGE_MEGABYTES_MAX + 1) * 1_000_000);
  await Deno.remove(join(root, "build/release/licenses"), { recursive: true });
  await Deno.remove(join(root, "build/release/sbom.cdx.json"));
  await Deno.remove(join(root, `build/invoked_${version}_amd64.deb`));
  const { code, stdout } = await check();
  assert.equal(code, 1);
  const reasons = [
    /tree is clean: git status lists \?\? new\n {9}next: commit or remove/,
    /branch is main: the branch is topic\n {9}next: /,
    /a date: its date is "Unreleased"\n {9}next: write the heading ## \[/,
    /tag v\S+ is free, or at this commit: it is at another commit\n {9}next: raise the version/,
    /publication: it has the field private\n/,
    /its order: 999_late is out of order/,
    /are current: docs\/cli\.md differs\n {9}next: run deno task docs/,
    new RegExp(
      `release is of this commit: it was built from commit ${head}\\n {9}next: run npm run release`,
    ),
    /has licences: build\/release\/licenses does not exist\n/,
    /SBOM in CycloneDX: sbom\.cdx\.json does not exist\n/,
    new RegExp(`npm file is of this commit: it was built from commit ${head}\\n`),
    /with at most 60\.0 MB: build\/\S+\.image\.tar\.zst has 61\.0 MB\n/,
    /with at most 50\.0 MB: build\/ does not have it\n {9}next: run npm run deb/,
  ];
  for (const reason of reasons) assert.match(stdout, reason);
  assert.match(
    stdout,
    new RegExp(`is not ready: ${reasons.length} of ${reasons.length} items are missing$`),
  );
});
