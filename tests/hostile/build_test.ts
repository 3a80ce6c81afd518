/** Hostile commits through the API: their builds fail or are harmless. Builds have the same isolation in every mode. */
import assert from "node:assert/strict";
import { openRegistry, type Registry } from "../builder/registry.ts";
import type { Client, Files, Json } from "../support/client.ts";
import { copyDownloads } from "../support/downloads.ts";
import { makeTempDir } from "../support/invoked.ts";
import { fillDataDir, TestServer } from "../support/server.ts";
import { type Canaries, openCanaries } from "./canaries.ts";

const OK = "export default () => ({ built: true });\n";
const BUILD_LIMITS = [
  ...["--build-timeout", "2m", "--max-artifact", "1MiB"],
  ...["--max-commit", "1MiB", "--max-file", "1MiB"],
];

/** Inputs of a commit's files. */
interface Given {
  readonly file: string;
  readonly url: string;
  readonly trace: string;
  readonly dataDir: string;
}

interface HostileCommit {
  readonly name: string;
  readonly files: (given: Given) => Files;
  /** The error of the build, or the output of the function. */
  readonly end: RegExp | Json;
}

const importing = (
  end: RegExp,
  lines: Readonly<Record<string, (given: Given) => string>>,
): HostileCommit[] =>
  Object.entries(lines).map(([name, line]) => ({
    name,
    files: (given) => ({ "main.ts": `${line(given)}\n${OK}`, "own.js": "export default 1;" }),
    end,
  }));

const using = (name: string, end: RegExp | Json): HostileCommit => ({
  name: `the package ${name}`,
  files: () => ({ "main.ts": `import x from "npm:${name}";\nexport default () => ({ x });` }),
  end,
});

const path = (name: string, end: RegExp): HostileCommit => ({
  name: `the file name ${JSON.stringify(name).slice(0, 40)}`,
  files: () => ({ "main.ts": OK, [name]: "x" }),
  end,
});

const ONLY = /main\.ts:\d+:\d+: Cannot import ".*": only npm: packages, node: modules/;
const NO_URL =
  /main\.ts:\d+:\d+: Cannot import ".*": a (?:module by URL|package of jsr) is not sup/;

const COMMITS: readonly HostileCommit[] = [
  ...importing(ONLY, {
    "a file as text": ({ file }) =>
      `import a from "file://${encodeURI(file)}" with { type: "text" };`,
    "a file as bytes": ({ file }) =>
      `import a from "file://${encodeURI(file)}" with { type: "bytes" };`,
    "a file by its path": ({ file }) => `import a from "${file}" with { type: "text" };`,
    "a path that climbs": ({ file }) =>
      `import a from "${"../".repeat(12)}${file.slice(1)}" with { type: "text" };`,
    "a path that climbs, escaped": () =>
      `import a from "./%2e%2e/%2e%2e/%2e%2e/master.key" with { type: "text" };`,
    "the master key": ({ dataDir }) =>
      `import a from "${dataDir}/master.key" with { type: "text" };`,
    "a link of procfs": () => `import a from "file:///proc/self/environ" with { type: "text" };`,
    "data": () => `import a from "data:text/javascript,export default 1";`,
    "a blob": () => `import a from "blob:null/1";`,
    "the engine's own": () => `import a from "ext:core/ops";`,
    "a require of a file": ({ file }) => `const a = require("${file}");`,
  }),
  ...importing(NO_URL, {
    "http": ({ url }) => `import a from "${url}/a.ts";`,
    "https": ({ url }) => `import a from "${url.replace("http:", "https:")}/a.ts";`,
    "a type of http": ({ url }) => `import type a from "${url}/a.ts";`,
    "a reference of http": ({ url }) => `/// <reference types="${url}/a.d.ts" />`,
    "a later import of http": ({ url }) => `const a = await import("${url}/a.ts");`,
    "jsr": () => `import a from "jsr:@std/path";`,
  }),
  ...importing(/Invalid package specifier/, {
    "a package of a file": () => `import a from "npm:ms@file:///etc";`,
    "a package of a URL": ({ url }) => `import a from "npm:ms@${url}/a.tgz";`,
  }),
  {
    name: "a deno.json with an import map",
    files: ({ url, file }) => ({
      "main.ts": `import a from "mapped";\n${OK}`,
      "deno.json": JSON.stringify({ imports: { mapped: `${url}/a.ts` }, importMap: file }),
    }),
    end: /deno\.json:1: importMap is not supported/,
  },
  {
    name: "a deno.json that only lies there",
    files: ({ url }) => ({
      "main.ts": OK,
      "deno.json": JSON.stringify({
        tasks: { build: "id" },
        importMap: `${url}/map.json`,
        links: ["../.."],
      }),
      "package.json": JSON.stringify({
        scripts: { preinstall: "id" },
        dependencies: { x: "file:/etc" },
        workspaces: [".."],
      }),
    }),
    end: /deno\.json:1: importMap is not supported.*deno\.json:1: links is not supported/,
  },
  {
    name: "an .npmrc with another registry",
    files: ({ url }) => ({
      "main.ts": `import a from "npm:elsewhere";\n${OK}`,
      ".npmrc": `registry=${url}/\n`,
    }),
    end: /npm package 'elsewhere' does not exist/,
  },
  {
    name: "a lock of a URL",
    files: ({ url }) => ({
      "main.ts": OK,
      "deno.lock": JSON.stringify({
        version: "5",
        remote: { [`${url}/x.ts`]: "00" },
        redirects: { "https://a/": `${url}/b` },
      }),
    }),
    end: { built: true },
  },
  {
    name: "a lock with a tarball from elsewhere",
    files: ({ url }) => ({
      "main.ts": OK,
      "deno.lock": JSON.stringify({
        version: "5",
        npm: { "ms@2.1.3": { tarball: `${url}/ms.tgz` } },
      }),
    }),
    end: /deno\.lock: Invalid lock file/,
  },
  {
    name: "a lock that is no JSON",
    files: () => ({ "main.ts": OK, "deno.lock": "{".repeat(100_000) }),
    end: /deno\.lock: Invalid lock file/,
  },
  path("../../escaped.ts", /it has a segment \.\./),
  path("/tmp/escaped.ts", /it is absolute/),
  path("a/../../escaped.ts", /\.\./),
  path("a\\..\\escaped.ts", /backslash/),
  path("a\0.ts", /control/),
  path("main.ts/inner.ts", /main\.ts is a file and not a directory/),
  path(`${"a".repeat(300)}.ts`, /longer than 255 B/),
  {
    name: "names that are options of the compiler",
    files: () => ({
      "main.ts": OK,
      "--allow-all": "x",
      "-A.ts": "x",
      "$(id).ts": "x",
      "a;id;.ts": "x",
    }),
    end: { built: true },
  },
  {
    // Each letter is two bytes, and four in the bundle.
    name: "a bundle above the limit",
    files: () => ({ "main.ts": `export default () => ({ text: "${"é".repeat(4e5)}" });` }),
    end: /--max-artifact/,
  },
  {
    name: "brackets without end",
    files: () => ({ "main.ts": `export default () => ${"[".repeat(200_000)}` }),
    end: /the code is nested too deeply; flatten it/,
  },
  {
    name: "types that never end being worked out",
    files: () => ({
      "main.ts": `type T<N extends any[]> = T<[...N, ...N]>;\nconst x: T<[1]> = 1 as any;\n${OK}`,
    }),
    end: { built: true },
  },
  {
    name: "code that runs when it is built",
    files: ({ trace }) => ({
      "main.ts": `try { Deno.writeTextFileSync("${trace}", "ran"); } catch {}\n${OK}`,
    }),
    end: { built: true },
  },
  using("scripted", { x: "scripted" }),
  using("linked", /Could not resolve 'npm:linked'/),
  using("file-dependency", { x: "MODULE_NOT_FOUND" }),
  using("url-dependency", /parsing version requirement for dependency/),
  using("git-dependency", /parsing version requirement for dependency/),
  using("absolute-require", /reaches a file that no plain import names/),
  using("text-import", /reaches a file that no plain import names/),
  using("nowhere-at-all", /npm package 'nowhere-at-all' does not exist/),
];

function hostileRegistry({ file, url, trace }: Given): Registry {
  const scripts = {
    preinstall: `echo ran > ${trace}`,
    install: `echo ran > ${trace}`,
    postinstall: `echo ran > ${trace}`,
  };
  const depends = (on: string) => ({
    manifest: { dependencies: { x: on } },
    files: {
      "index.js":
        'try { module.exports = require("x"); } catch (error) { module.exports = error.code; }',
    },
  });
  return openRegistry({
    "scripted": { manifest: { scripts }, files: { "index.js": 'module.exports = "scripted";' } },
    "linked": { manifest: { main: "link.js" }, files: {}, links: { "link.js": file } },
    "file-dependency": depends(`file:${file}`),
    "url-dependency": depends(`${url}/x.tgz`),
    "git-dependency": depends(`git+${url}/x.git`),
    "absolute-require": { files: { "index.js": `module.exports = require("${file}");` } },
    "text-import": {
      manifest: { main: "index.mjs" },
      files: {
        "index.mjs": `import x from "file://${
          encodeURI(file)
        }" with { type: "text" };\nexport default x;`,
      },
    },
  });
}

Deno.test("hostile commits are rejected or harmless", async (context) => {
  await using canaries = await openCanaries();
  await using directory = await makeTempDir();
  const dataDir = directory.path;
  await fillDataDir(dataDir);
  // The bundler comes from the real registry.
  await copyDownloads(dataDir);
  const given: Given = {
    file: canaries.file,
    url: `http://127.0.0.1:${canaries.port}`,
    trace: `${dataDir}/trace`,
    dataDir,
  };
  await using registry = hostileRegistry(given);
  await using server = await TestServer.start({
    dataDir,
    flags: BUILD_LIMITS,
    env: { NPM_CONFIG_REGISTRY: registry.url, CANARY: canaries.tokens.environment },
  });
  const client = await server.client();
  const goodId = await client.deploy(OK);
  for (const commit of COMMITS) {
    await context.step(commit.name, async () => {
      await check(client, canaries, given, commit);
      assert.equal((await client.invoke(goodId)).body.json, btoa('{"built":true}'));
    });
  }
  // None of them left the builds broken.
  const { body } = await client.invoke(await client.deploy(`// Last.\n${OK}`));
  assert.equal(body.json, btoa('{"built":true}'));
});

async function check(
  client: Client,
  canaries: Canaries,
  given: Given,
  { files, end }: HostileCommit,
): Promise<void> {
  const { function: fn } = await client.createFunction("hostile");
  const finalized = await client.commit(fn.id, files(given));
  let text = JSON.stringify(finalized.body);
  if (end instanceof RegExp) {
    assert.equal(finalized.status, 400, text);
    assert.ok(/"reason":"(BUILD_FAILED|INVALID_FIELD)"/.test(text), text);
    assert.match(JSON.stringify(finalized.body.details) + finalized.body.message, end);
  } else {
    assert.equal(finalized.status, 200, text);
    const { body } = await client.invoke(fn.id, {}, {}, { commitId: finalized.body.commit.id });
    const { output, error } = await client.invocation(fn.id, body.invocationId);
    assert.deepEqual(output, end, error);
    text += JSON.stringify(output);
  }
  for (const token of Object.values(canaries.tokens)) assert.ok(!text.includes(token), text);
  assert.ok(
    !text.includes(given.dataDir) || JSON.stringify(files(given)).includes(given.dataDir),
    text,
  );
  assert.deepEqual(await canaries.look(), []);
  await assert.rejects(Deno.stat(given.trace), Deno.errors.NotFound);
  assert.equal((await client.get("/healthz")).status, 200);
}
