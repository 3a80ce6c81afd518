/** What a release contains, and what the release says of its content. */
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { JsonStrictValidator } from "@cyclonedx/cyclonedx-library/Validation";
import { Version } from "@cyclonedx/cyclonedx-library/Spec";
import manifest from "../../package.json" with { type: "json" };
import lock from "../../package-lock.json" with { type: "json" };
import { filesBelow } from "../../scripts/release/files.ts";
import { writeTree } from "../../scripts/release/tree.ts";
import { makeTempDir } from "../support/invoked.ts";
import { builtRelease } from "../support/release.ts";
import { readFiles, ROOT } from "../support/repository.ts";

const { tree, packed } = await builtRelease();
const files = await filesBelow(tree, "");
const record = await readJson("release.json");
const sbom = await readJson("sbom.cdx.json");

Deno.test("the packed file holds the tree and nothing else, in the same form on each machine", async () => {
  const { stdout } = await new Deno.Command("tar", {
    args: ["--list", "--verbose", "--numeric-owner", "--utc", "--file", packed],
  }).output();
  const lines = new TextDecoder().decode(stdout).trim().split("\n").map((line) =>
    line.split(/\s+/)
  );
  const listed = lines.map(([, , , , , path = ""]) => path.replace(/^package\//, ""));
  assert.deepEqual(listed.toSorted(), files.toSorted());
  const others = new Set(lines.map(([, owner, , date, time]) => `${owner} ${date} ${time}`));
  assert.deepEqual([...others], ["0/0 1985-10-26 08:15"]);
  const programs = lines.filter(([mode]) => mode === "-rwxr-xr-x").map(([, , , , , path]) => path);
  assert.deepEqual(programs.toSorted(), [
    "package/bin/invoked",
    "package/bundler/esbuild-0.25.5-linux-arm64",
    "package/bundler/esbuild-0.25.5-linux-x64",
  ]);
});

Deno.test("the tree has the parts of the server, and depends on the runtime alone", async () => {
  const entries = await Array.fromAsync(Deno.readDir(tree), ({ name }) => name);
  assert.deepEqual(entries.toSorted(), [
    ...[
      "ARCHITECTURE.md",
      "CHANGELOG.md",
      "CONTRIBUTING.md",
      "LICENSE",
      "README.md",
      "SECURITY.md",
    ],
    ...[
      "bin",
      "bundler",
      "console",
      "deploy",
      "docs",
      "examples",
      "invoked-server.schema.json",
      "invoked.schema.json",
      "licenses",
    ],
    ...["package.json", "release.json", "runtime", "sbom.cdx.json", "sdk", "src", "swagger"],
    "templates",
  ]);
  const { name, version, description, license, type, bin, dependencies: { deno } } = manifest;
  assert.deepEqual(await readJson("package.json"), {
    ...{ name, version, description, license, type, bin },
    dependencies: { deno },
    ...{ os: ["linux"], cpu: ["x64", "arm64"] },
  });
  assert.match(deno, /^\d+\.\d+\.\d+$/, "an exact version");
  assert.deepEqual([record.version, record.deno], [version, deno]);
  assert.match(record.commit, /^[0-9a-f]{40}(?:-dirty)?$/);
  assert.ok(files.includes("src/tenants/operations.json"));
  const server = files.filter((path) => /^src\/(?!tenants\/operations\.json$)/.test(path));
  assert.deepEqual(server.filter((path) => !/^src\/server\/[\w.-]+\.js(?:\.map)?$/.test(path)), []);
  for (const entry of ["main", "search_thread", "query_thread", "checkpoint_thread"]) {
    assert.ok(server.includes(`src/server/${entry}.js`), entry);
  }
});

Deno.test("every file of the bundled server loads", async () => {
  const modules = files.filter((path) =>
    /^src\/.*\.js$/.test(path) && !/(?:main|_thread)\.js$/.test(path)
  );
  assert.ok(modules.length > 100, `${modules.length} files`);
  const script = `const failed = [];
    for (const path of ${JSON.stringify(modules)}) {
      await import("file://" + Deno.cwd() + "/" + path).catch((error) => failed.push(path + ": " + error));
    }
    console.log(failed.join("\\n"));
    Deno.exit(0);`;
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-config", "--no-remote", "--cached-only", script],
    cwd: tree,
  }).output();
  const decoder = new TextDecoder();
  assert.deepEqual([decoder.decode(stdout), decoder.decode(stderr)], ["\n", ""]);
});

Deno.test("no file is a test of this project or names a path of the machine that built it", async () => {
  const foreign = [ROOT.pathname, `${Deno.env.get("HOME") ?? "/root"}/`];
  const found: string[] = [];
  for (const path of files) {
    if (/_test\.|\/tests\/|(?<!\/overview_(?:dark|light))\.webp$/.test(path)) found.push(path);
    if (/^(?:bundler|examples|templates|licenses)\/|\.(?:br|gz|md)$/.test(path)) continue;
    const text = await Deno.readTextFile(join(tree, path));
    found.push(...foreign.filter((name) => text.includes(name)).map((name) => `${path}: ${name}`));
  }
  assert.deepEqual(found, []);
});

Deno.test("every link and picture of README.md leads to a file of the release", async () => {
  const text = await Deno.readTextFile(join(tree, "README.md"));
  const named = [...text.matchAll(/(?:\]\(|src(?:set)?=")([^)#":]+)[)#"]/g)].map(([, path = ""]) =>
    path
  );
  assert.ok(named.includes("docs/operations.md") && named.some((path) => path.endsWith(".webp")));
  const all = new Set(files.flatMap((path) => [path, dirname(path)]));
  assert.deepEqual(named.filter((path) => !all.has(path) && path !== "examples"), []);
});

Deno.test("two builds of the same sources, with one build of the console, are equal", async () => {
  await using other = await makeTempDir();
  await writeTree(other.path, record);
  assert.deepEqual(await filesBelow(other.path, ""), files);
  for (const path of files) {
    const [one, two] = await Promise.all(
      [tree, other.path].map((root) => Deno.readFile(join(root, path))),
    );
    assert.ok(one !== undefined && two !== undefined && equal(one, two), path);
    const modes = [tree, other.path].map((root) => Deno.statSync(join(root, path)).mode);
    assert.equal(modes[0], modes[1], path);
  }
});

Deno.test("the bill of materials is valid, and names every package of which the release has a part", async () => {
  const text = JSON.stringify(sbom);
  assert.equal(await new JsonStrictValidator(Version.v1dot6).validate(text), null);
  const named = new Set(sbom.components.map(nameOf));
  const missing = (packages: Iterable<string>) =>
    [...new Set(packages)].filter((name) => !named.has(name)).toSorted();
  assert.deepEqual(missing(await packagesOfServer()), [], "of the server");
  assert.deepEqual(missing(await packagesOfConsole()), [], "of the console");
  assert.deepEqual(
    missing([
      `deno@${manifest.dependencies.deno}`,
      `swagger-ui-dist@${manifest.devDependencies["swagger-ui-dist"]}`,
      ...["@esbuild/linux-x64@0.25.5", "@esbuild/linux-arm64@0.25.5"],
    ]),
    [],
  );
  const unused = sbom.components.map(nameOf).filter((name: string) =>
    /^(?:vite|esbuild|typescript|playwright-core|@scarf\/scarf)@/.test(name)
  );
  assert.deepEqual(unused, []);
});

Deno.test("every package has its license, with a text", async () => {
  const expected = sbom.components.map((component: Component) =>
    `licenses/${nameOf(component).replace("/", "+").replace(/(.)@/, "$1-")}.txt`
  );
  const licenses = files.filter((path) => path.startsWith("licenses/"));
  assert.deepEqual(licenses.toSorted(), expected.toSorted());
  for (const path of licenses) {
    const text = await Deno.readTextFile(join(tree, path));
    assert.match(text, /permission|redistribut|unlicense|apache license|permitted/i, path);
  }
  for (const component of sbom.components) {
    assert.ok(component.licenses?.length > 0 && component.hashes?.length > 0, nameOf(component));
  }
});

Deno.test("licenses name what programs and packages contain of others", async () => {
  const license = async (prefix: string) => {
    const path = files.find((path) => path.startsWith(`licenses/${prefix}-`));
    return await Deno.readTextFile(join(tree, path ?? prefix));
  };
  for (const name of ["@esbuild+linux-x64", "@esbuild+linux-arm64"]) {
    assert.match(await license(name), /Copyright \(c\) 2009 The Go Authors/);
  }
  assert.ok(files.some((path) => /^console\/dist\/assets\/codicon-.*\.ttf$/.test(path)));
  assert.match(await license("monaco-editor"), /codicon\.ttf[^]*CC-BY-4\.0/);
  const text = await license("deno");
  for (const name of ["V8", "ICU", "AWS-LC", "SQLite", "cssparser 0"]) {
    assert.ok(text.includes(name), name);
  }
  const program = new TextDecoder("latin1").decode(await Deno.readFile(Deno.execPath()));
  const crates = new Set(
    [...program.matchAll(/\.cargo\/registry\/src\/[\w.-]+\/([\w.+-]+)/g)].map(([, name]) => name),
  );
  const named = new Set(text.split(/\s+/));
  assert.ok(crates.size > 300, `${crates.size} crates`);
  assert.deepEqual([...crates].filter((name) => !named.has(name ?? "")), []);
});

interface Component {
  readonly group?: string;
  readonly name: string;
  readonly version: string;
}

function nameOf({ group, name, version }: Component): string {
  return `${group === undefined ? "" : `${group}/`}${name}@${version}`;
}

/** The packages of the files that the source maps name. */
async function packagesOfServer(): Promise<string[]> {
  const locked = new Map<string, { readonly version?: string }>(Object.entries(lock.packages));
  const packages: string[] = [];
  for (const path of files.filter((path) => path.endsWith(".js.map"))) {
    const { sources, sourcesContent } = await readJson(path);
    assert.equal(sourcesContent, undefined, `${path} has sources`);
    for (const source of sources) {
      const [, folder = "none", name] =
        /^(?:\.\.\/)+((?:.*\/)?node_modules\/((?:@[^/]+\/)?[^/]+))/.exec(source) ?? [];
      const entry = locked.get(folder);
      // A package may be a bundle; its map names packages that its authors have.
      if (entry !== undefined) packages.push(`${name}@${entry.version}`);
    }
  }
  assert.ok(packages.length > 0, "the source maps name no package");
  return packages;
}

/** The packages that the console imports for more than their types. */
async function packagesOfConsole(): Promise<string[]> {
  const texts = [...(await readFiles("console/src")).values()];
  const names = texts.flatMap((text) =>
    [...text.matchAll(/^(?:import|export) (?!type\b)[^"';]*["']((?:@[^/"']+\/)?[\w-]+)/gm)]
      .map(([, name = ""]) => name)
  );
  const versions: Readonly<Record<string, string>> = manifest.devDependencies;
  return names.filter((name) => name in versions).map((name) => `${name}@${versions[name]}`);
}

// deno-lint-ignore no-explicit-any -- documents of many shapes
async function readJson(path: string): Promise<any> {
  return JSON.parse(await Deno.readTextFile(join(tree, path)));
}

function equal(one: Uint8Array, two: Uint8Array): boolean {
  return one.length === two.length && one.every((byte, index) => byte === two[index]);
}
