/** Functions of a repository that share code, and the project files that people write. */
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { assertFails, initFolder, Running, UNCHECKED } from "./support.ts";
import { makeTempDir, type Run, runInvoked } from "../support/invoked.ts";
import { readFunctionFiles } from "../../src/cli/folder/files.ts";
import { shareDownloads } from "../support/downloads.ts";
import { type Served, startOnce } from "../support/server.ts";
import { sharedServer } from "../support/shared_server.ts";

/** A repository with two functions, `packages/shared` and what they do not need. */
const REPOSITORY = {
  ".git/HEAD": "",
  ".gitignore": ".invoked/\ngenerated/\n",
  "deno.json": `{
  "workspace": ["./functions/*"],
  "imports": { "@acme/text": "./packages/shared/text.ts", "@std/assert": "jsr:@std/assert@1" }
}`,
  "package.json": '{"private": true, "workspaces": ["packages/*"], "scripts": {"x": "echo"}}',
  "packages/shared/text.ts": `import ms from "ms";
import { mark } from "#marks/mark";

export function greet(name: string): string {
  if (name === "") throw new Error("name is empty");
  return "Hello, " + name + mark + " " + ms(1000);
}
`,
  "packages/shared/package.json": `{
  "name": "@acme/shared", "dependencies": { "ms": "^2.1.3" }, "imports": { "#marks/*": "./marks/*.ts" }
}`,
  "packages/shared/marks/mark.ts": 'export const mark = "!";\n',
  "packages/shared/marks/unused.ts": "export {};\n",
  "packages/shared/generated/table.ts": "export const table = 1;\n",
  "packages/unused/big.ts": "export {};\n",
  "secrets.json": "{}",
  "functions/greet/invoked.json": '{"name": "greet", "root": "../.."}',
  "functions/greet/main.ts": `import { greet } from "@acme/text";

export default (input: { name?: string }) => ({ message: greet(input.name ?? "world") });
`,
  "functions/greet/main.test.ts": `import { test } from "@c1/test";
import { greet } from "@acme/text";
export default () => test("greets", ({ equal }) => void equal(greet("Ada"), "Hello, Ada! 1s"));
`,
  "functions/count/invoked.json": '{"name": "count", "root": "../../"}',
  "functions/count/main.ts": `import { greet } from "../../packages/shared/text.ts";
export default (input: { name: string }) => ({ length: greet(input.name).length });
`,
} as const;

/** A function with the project files that people write. */
const WEB = {
  "web/invoked.json": '{"name": "web"}',
  "web/deno.json": `{
  "tasks": { "dev": "deno run main.ts" },
  "imports": { "zod": "npm:zod@^4", "@/": "./src/", "@std/assert": "jsr:@std/assert@1" },
  "compilerOptions": { "noUnusedLocals": true }
}`,
  "web/package.json": `{
  "type": "module", "scripts": { "test": "vitest" },
  "dependencies": { "hono": "^4.6.0", "@acme/shared": "workspace:*" },
  "devDependencies": { "typescript": "^5" },
  "imports": { "#schema": "./src/schema.ts" }
}`,
  "web/src/schema.ts":
    'import { z } from "zod/v4";\nexport const Input = z.object({ name: z.string() });\n',
  "web/src/app.ts": `import { Hono } from "hono";
import { cors } from "hono/cors";
export const app = new Hono().use(cors()).get("/:name", (c) => c.json(c.req.param("name")));
`,
  "web/main.ts": `import { app } from "@/app.ts";
import { Input } from "#schema";

export default async (input: unknown) => {
  const response = await app.request("/" + Input.parse(input).name);
  return { name: await response.json(), cors: response.headers.get("access-control-allow-origin") };
};
`,
} as const;

const COMMIT_OF_GREET = [
  "_root/deno.json",
  "_root/invoked.json",
  "_root/packages/shared/marks/mark.ts",
  "_root/packages/shared/package.json",
  "_root/packages/shared/text.ts",
  "main.test.ts",
  "main.ts",
];

async function writeTree(root: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await Deno.mkdir(dirname(join(root, path)), { recursive: true });
    await Deno.writeTextFile(join(root, path), text);
  }
}

/** A repository and a server, and the command line in its folders. */
class Repository implements AsyncDisposable {
  private constructor(
    readonly path: string,
    readonly server: Served,
    readonly disposables: AsyncDisposableStack,
  ) {}

  static async create(files: Readonly<Record<string, string>>): Promise<Repository> {
    const disposables = new AsyncDisposableStack();
    // Tests write beside the repository.
    const path = join(disposables.use(await makeTempDir()).path, "repository");
    await writeTree(path, files);
    return new Repository(path, await sharedServer(), disposables);
  }

  async run(folder: string, ...args: string[]): Promise<Run> {
    const cwd = join(this.path, folder);
    return await runInvoked(args, { cwd, env: { INVOKED_DATA: this.server.dataDir } });
  }

  async ok(folder: string, ...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(folder, ...args);
    assert.equal(code, 0, `${args.join(" ")}: ${stderr}`);
    return stdout.trimEnd();
  }

  async write(path: string, text: string): Promise<void> {
    await writeTree(this.path, { [path]: text });
  }

  /** The paths in the head of a function. */
  async head(folder: string): Promise<string[]> {
    const { id, head } = JSON.parse(await this.ok(folder, "show", "--json"));
    const client = await this.server.client();
    const { body } = await client.get(`/api/v1/functions/${id}/commits/${head}`);
    return Object.keys(body.files).sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.disposables.disposeAsync();
  }
}

Deno.test("functions of a repository share code by a root", async (t) => {
  await using repository = await Repository.create(REPOSITORY);
  const greet = "functions/greet";

  await t.step("a deploy uploads what the imports need, and nothing else", async () => {
    const { code, stderr } = await repository.run(greet, "deploy", "--publish");
    assert.equal(code, 0, stderr);
    assert.match(stderr, /^ {2}\+ \.\.\/\.\.\/packages\/shared\/text\.ts$/m);
    assert.deepEqual(await repository.head(greet), COMMIT_OF_GREET);
    const output = await repository.ok(greet, "invoke", "--input", '{"name": "Ada"}');
    assert.deepEqual(JSON.parse(output), { message: "Hello, Ada! 1s" });
  });
  await t.step("another function has the same code", async () => {
    await repository.ok("functions/count", "deploy", "--publish");
    const output = await repository.ok("functions/count", "invoke", "--input", '{"name": "Ada"}');
    assert.deepEqual(JSON.parse(output), { length: 14 });
  });
  await t.step("errors, history and stacks name the author's paths", async () => {
    const { stderr } = await repository.run(greet, "invoke", "--input", '{"name": ""}');
    assert.match(
      stderr,
      /name is empty\n +at greet \(\.\.\/\.\.\/packages\/shared\/text\.ts:5:26\)\n +at .*main\.ts:3/,
    );
    const history = await repository.ok(greet, "history", "--json");
    assert.match(history, /\.\.\/\.\.\/packages\/shared\/text\.ts:5:26/);
  });
  await t.step("diff and deploy report changes above", async () => {
    await repository.write("packages/shared/marks/mark.ts", 'export const mark = "?";\n');
    const diff = await repository.ok(greet, "diff");
    assert.match(
      diff,
      /^--- a\/\.\.\/\.\.\/packages\/shared\/marks\/mark\.ts\n.*\n.*\n-.*"!";\n\+.*"\?";$/m,
    );
    const deployed = JSON.parse(await repository.ok(greet, "deploy", "--json"));
    assert.deepEqual(deployed.changes, [
      { path: "../../packages/shared/marks/mark.ts", change: "changed" },
    ]);
    assert.equal(await repository.ok(greet, "diff"), "");
  });
  await t.step("purge takes the author's path", async () => {
    const file = ["--commit", "HEAD", "--file", "../../packages/shared/text.ts"];
    const purged = await repository.ok(greet, "purge", ".", ...file, "--dry-run");
    assert.match(purged, /^Would purge 1 file .* in 1 commit of greet/);
  });
  await t.step("check and test know it", async () => {
    for (const folder of ["functions/greet", "functions/count"]) {
      await shareDownloads(join(repository.path, folder, ".invoked"), startOnce);
    }
    const tested = await repository.run(greet, "test");
    assert.match(tested.stdout, /^FAIL greets\n.*\n.*\n +actual +Hello, Ada\? 1s$/m);
    await repository.write(
      "packages/shared/text.ts",
      "export const greet = (name: string): number => name;\n",
    );
    const checked = await repository.run("functions/count", "check");
    assert.match(checked.stdout, /^\.\.\/\.\.\/packages\/shared\/text\.ts:1:48: .*string.*number/m);
  });
});

Deno.test("a function is deployed with the files of its project as they are", async () => {
  await using repository = await Repository.create(WEB);
  const deployed = await repository.run("web", "deploy", "--publish");
  assert.equal(deployed.code, 0, deployed.stderr);
  assert.match(deployed.stderr, /^ {2}\+ deno\.json$/m);
  const output = await repository.ok("web", "invoke", "--input", '{"name": "Ada"}');
  assert.deepEqual(JSON.parse(output), { name: "Ada", cors: "*" });
  await repository.write("web/src/app.ts", 'import "@std/assert";\nimport "@acme/shared";\n');
  const { stderr } = await repository.run("web", "deploy");
  assert.match(
    stderr,
    /src\/app\.ts:1:8: Cannot import "@std\/assert": deno\.json:3 maps .*; use node:assert$/m,
  );
  assert.match(
    stderr,
    /src\/app\.ts:2:8: Cannot import "@acme\/shared": package\.json:3 maps it to "workspace:\*"/,
  );
  // One that only maps the modules of the server is for the editor.
  await repository.write("web/deno.json", '{"imports": {"@c1/test": "./.invoked/types/test.ts"}}');
  assert.match(await repository.ok("web", "diff"), /^--- a\/deno\.json\n\+\+\+ \/dev\/null$/m);
});

Deno.test("a root cannot bring in what is outside, excluded or a link", async (t) => {
  await using repository = await Repository.create(REPOSITORY);
  const [greet, main] = ["functions/greet", "functions/greet/main.ts"];
  const OK = "export default () => ({});\n";
  const fails = async (message: RegExp, next?: RegExp) =>
    assertFails(await repository.run(greet, "deploy"), 2, message, next);

  await t.step("outside of the root", async () => {
    await Deno.writeTextFile(join(repository.path, "..", "outside.ts"), "");
    await repository.write(main, `import "../../packages/shared/leave.ts";\n${OK}`);
    await repository.write("packages/shared/leave.ts", '\nimport "../../../outside.ts";\n');
    await fails(
      /\.\.\/\.\.\/packages\/shared\/leave\.ts:2: "\.\.\/\.\.\/\.\.\/outside\.ts" is outside of the root/,
    );
    await Deno.remove(join(repository.path, "..", "outside.ts"));
  });
  await t.step("links to files and directories", async () => {
    await Deno.symlink("/etc/hostname", join(repository.path, "packages/shared/link.ts"));
    await Deno.symlink("shared", join(repository.path, "packages/linked"));
    await repository.write(main, `import "../../packages/shared/link.ts";\n${OK}`);
    await fails(/\.\.\/\.\.\/packages\/shared\/link\.ts is a link/);
    await repository.write(main, `import "../../packages/linked/text.ts";\n${OK}`);
    await fails(/\.\.\/\.\.\/packages\/linked is a link/);
  });
  await t.step("what an ignore file excludes", async () => {
    await repository.write(main, `import "../../packages/shared/generated/table.ts";\n${OK}`);
    const { code, stderr } = await repository.run(greet, "deploy");
    assert.equal(code, 3, stderr);
    assert.match(
      stderr,
      /skipped: .*\.\.\/\.\.\/packages\/shared\/generated\/table\.ts \(ignored\)/,
    );
    assert.match(
      stderr,
      /the commit has no file \.\.\/\.\.\/packages\/shared\/generated\/table\.ts/,
    );
  });
  await t.step("roots that are no folder above", async () => {
    for (const root of ["../other", "/", ".", "", "../../packages", "..\\\\.."]) {
      await repository.write(`${greet}/invoked.json`, `{"name": "greet", "root": "${root}"}`);
      await fails(/invoked\.json: root: must be a folder above, such as "\.\.", or "\.\.\/\.\."/);
    }
    await repository.write(
      `${greet}/invoked.json`,
      `{"name": "greet", "root": "${"../".repeat(20)}"}`,
    );
    await fails(/it is the root of the file system/);
  });
  await t.step("without a root the error names it", async () => {
    await repository.write(`${greet}/invoked.json`, '{"name": "greet"}');
    await repository.write(main, `import "../../packages/shared/text.ts";\n${OK}`);
    const { stderr } = await repository.run(greet, "deploy");
    assert.match(
      stderr,
      /main\.ts:1:8: .*it is above the function's folder, and invoked\.json can name a root/,
    );
  });
  await t.step("its folder in commits is not one of the function", async () => {
    await repository.write(`${greet}/invoked.json`, '{"name": "greet", "root": "../.."}');
    await repository.write(`${greet}/_root/x.ts`, "");
    await fails(
      /\/_root\/x\.ts conflicts with the root: in a commit, _root has the files above/,
      /rename/,
    );
  });
});

Deno.test("ignore files count from the root down, also without a repository", async () => {
  await using directory = await makeTempDir();
  await writeTree(directory.path, {
    ".gitignore": "*.pem\n",
    "functions/.invokedignore": "*.csv\n",
    "functions/one/invoked.json": '{"name": "one", "root": "../.."}',
    "functions/one/main.ts": 'import "../../shared/a.ts";\nexport default () => ({});\n',
    "functions/one/own.pem": "",
    "functions/one/own.csv": "",
    "shared/a.ts": `import "./key.pem" with { type: "text" };
import "./b.csv" with { type: "text" };
`,
    "shared/key.pem": "",
    "shared/b.csv": "",
  });
  const files = await readFunctionFiles(join(directory.path, "functions", "one"));
  const above = ["_root/invoked.json", "_root/shared/a.ts", "_root/shared/b.csv"];
  assert.deepEqual([...files.keys()], [...above, "main.ts"]);
});

Deno.test("dev runs when a file above the folder is saved", async () => {
  await using directory = await makeTempDir();
  const folder = join(directory.path, "one");
  await initFolder(folder);
  await Deno.remove(join(folder, "main.test.ts"));
  const save = (path: string, text: string) => writeTree(directory.path, { [path]: text });
  await save("one/invoked.json", '{"name": "one", "root": ".."}');
  await save(
    "one/main.ts",
    'import { word } from "../shared/word.ts";\nexport default () => ({ word });\n',
  );
  await using dev = new Running(["dev", "--json"], UNCHECKED, folder);
  await dev.printed("stdout", /the commit has no file \.\.\/shared\/word\.ts/);
  await save("shared/word.ts", 'export { word } from "./deeper/word.ts";\n');
  await save("shared/deeper/word.ts", 'export const word = "first";\n');
  await dev.printed("stdout", /"output":\{"word":"first"\}/);
  await save("shared/deeper/word.ts", 'export const word = "second";\n');
  await dev.printed("stdout", /"output":\{"word":"second"\}/);
  await dev.stop("SIGTERM");
});
