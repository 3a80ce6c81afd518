/** The packed file, installed by npm and run by npx in empty folders. */
import assert from "node:assert/strict";
import { basename, dirname, join } from "node:path";
import { filesBelow } from "../../scripts/release/files.ts";
import { makeTempDir, removeDirectory, runInvoked } from "../support/invoked.ts";
import { descendantsOf, signalUnlessEnded } from "../support/processes.ts";
import { builtRelease } from "../support/release.ts";
import { READY, Served, SERVER_ENV, TestServer, urlIn } from "../support/server.ts";

/** Nobody listens there: nothing may be downloaded. */
const NO_REGISTRY = { NPM_CONFIG_REGISTRY: "http://127.0.0.1:9/" };
/** The packages of the release come from the cache that the installation of this clone has filled. */
const NPM_ENV = {
  PATH: Deno.env.get("PATH") ?? "",
  HOME: Deno.env.get("HOME") ?? "/root",
  NO_COLOR: "1",
};
const { packed, tree } = await builtRelease();

Deno.test("the packed file, installed without install scripts, serves and builds without a registry", async (t) => {
  await using project = await makeTempDir();
  await npm(project.path, ["install", "--ignore-scripts", "--prefer-offline", packed]);
  const modules = join(project.path, "node_modules");
  const program = join(modules, ".bin", "invoked");
  const env = { ...NO_REGISTRY, HOME: project.path };
  const run = (args: readonly string[], cwd = project.path) =>
    runInvoked(args, { program, cwd, env });
  await using server = await TestServer.start({ program, env, fresh: true });
  const data = ["--data", server.dataDir];

  await t.step("an invocation of the example", async () => {
    const client = await server.client();
    const [hello] = (await client.get("/api/v1/functions")).body.list;
    const { status, body } = await client.invoke(hello.id, { name: "npm" });
    assert.equal(status, 200);
    assert.deepEqual(JSON.parse(atob(body.json)), { message: "Hello, npm!" });
  });

  await t.step("a function is created, tested, checked, deployed and invoked", async () => {
    const folder = join(project.path, "greeter");
    const created = await run(["init", "greeter"]);
    assert.match(created.stderr, /Next: cd greeter && npx invoked test, or npx invoked dev/);
    for (const args of [["test"], ["check"], ["deploy", "--publish", ...data]]) {
      const { code, stderr } = await run(args, folder);
      assert.equal(code, 0, `${args[0]}: ${stderr}`);
    }
    const { stdout } = await run(["invoke", "greeter", "--input", '{"name":"Ada"}', ...data]);
    assert.match(stdout, /Hello, Ada!/);
  });

  await t.step("the console and the page of the API load with all their files", async () => {
    const built = await filesBelow(join(tree, "console/dist"), "");
    const paths = built.filter((path) => !/\.(?:br|gz)$|^index\.html$/.test(path))
      .map((path) => `/${path}`);
    for (const page of ["/", "/docs"]) paths.push(...await filesOf(server.url, page));
    assert.ok(paths.includes("/docs/swagger-ui-bundle.js") && built.includes("index.html"));
    for (
      const path of [
        ...paths,
        "/openapi.json",
        "/invoked.schema.json",
        "/invoked-server.schema.json",
      ]
    ) {
      const response = await fetch(new URL(path, server.url));
      await response.body?.cancel();
      assert.equal(response.status, 200, path);
    }
  });

  await t.step("texts name the command as npx finds it", async () => {
    const { stdout } = await run(["serve", "--help"]);
    assert.match(stdout, /^Usage: npx invoked serve \[options\]/);
    assert.match(stdout, /Examples:\n {2}npx invoked serve\n/);
    assert.match((await run([])).stdout, /^Usage: npx invoked \[options\] \[command\]/);
    const failed = await run(["show", "nothing", ...data]);
    assert.match(
      failed.stderr,
      /next: list the functions with npx invoked list, or .* npx invoked/,
    );
    const outside = await run(["show", "nothing", ...data], "/");
    assert.ok(outside.stderr.includes(`with '${program}' list`), outside.stderr);
  });

  const store = join(project.path, "store");
  const moved = join(store, "invoked", "node_modules", "invoked");

  await t.step("a package manager with a store of its own has the runtime elsewhere", async () => {
    const runtime = join(store, "deno", "node_modules");
    await Deno.mkdir(join(store, "invoked", "node_modules"), { recursive: true });
    await Deno.mkdir(runtime, { recursive: true });
    await Deno.rename(join(modules, "invoked"), moved);
    for (const name of ["deno", "@deno"]) {
      await Deno.rename(join(modules, name), join(runtime, name));
    }
    await Deno.symlink("../../deno/node_modules/deno", join(moved, "..", "deno"));
    const other = Deno.build.arch === "x86_64" ? "arm64" : "x64";
    await writeProgram(join(runtime, "@deno", `linux-${other}-glibc`, "deno"));
    const { code, stdout, stderr } = await runInvoked(["--version"], {
      program: join(moved, "bin", "invoked"),
    });
    assert.deepEqual([code, stdout.split(" ")[0], stderr], [0, "invoked", ""]);
    await Deno.remove(runtime, { recursive: true });
  });

  await t.step("without the runtime, one line says why and what to do", async () => {
    // A stranger may own what is above the packages.
    await writeProgram(join(store, "node_modules", "deno", "deno"));
    const tools = join(project.path, "tools");
    const start = async (machine: string) => {
      await writeProgram(join(tools, "uname"), machine);
      const { code, stdout, stderr } = await runInvoked(["serve"], {
        program: join(moved, "bin", "invoked"),
        env: { PATH: `${tools}:${NPM_ENV.PATH}` },
      });
      assert.deepEqual([code, stdout], [1, ""]);
      return stderr;
    };
    assert.equal(
      await start("Linux x86_64"),
      "error: the runtime, Deno, is not installed; install invoked again, with optional packages " +
        "(without --omit=optional)\n",
    );
    assert.equal(
      await start("Linux riscv64"),
      "error: the runtime, Deno, has no program for this machine (Linux riscv64); " +
        "use Linux on x86_64 or aarch64\n",
    );
  });
});

Deno.test("npx serves from the packed file in an empty folder", async () => {
  await using folder = await makeTempDir();
  await using cache = await makeTempDir();
  const file = join(folder.path, basename(packed));
  await Deno.copyFile(packed, file);
  // npx keeps what it installs beside the cache of packages.
  const shared = (await npm(folder.path, ["config", "get", "cache"])).trim();
  await Deno.symlink(join(shared, "_cacache"), join(cache.path, "_cacache"));
  const process = new Deno.Command("npx", {
    args: ["--yes", "--prefer-offline", `./${basename(packed)}`, "serve", "--port", "0"],
    cwd: folder.path,
    clearEnv: true,
    env: { ...SERVER_ENV, ...NPM_ENV, npm_config_cache: cache.path },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const log = new Response(process.stderr).text();
  const reader = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  try {
    let welcome = "";
    while (!READY.test(welcome)) {
      const { done, value } = await reader.read();
      if (done) assert.fail(`${welcome}\n${await log}`);
      welcome += value;
    }
    assert.match(welcome, /console {6}\S+\/sign-in#code=\S+ \(works once, until /);
    const server = new Served(process.pid, join(folder.path, ".invoked"), urlIn(welcome));
    const client = await server.client();
    const [hello] = (await client.get("/api/v1/functions")).body.list;
    assert.equal((await client.invoke(hello.id, { name: "npx" })).status, 200);
    const [invoked] = await Array.fromAsync(Deno.readDir(join(cache.path, "_npx")));
    const { stdout } = await runInvoked(["help", "login"], {
      program: join(cache.path, "_npx", invoked?.name ?? "", "node_modules", ".bin", "invoked"),
    });
    assert.ok(stdout.includes(`Usage: npx --package='${file}' invoked login`), stdout);
    const named = await new Deno.Command("npx", {
      args: ["--yes", "--prefer-offline", `--package=${file}`, "invoked", "--version"],
      cwd: cache.path,
      clearEnv: true,
      env: { ...SERVER_ENV, ...NPM_ENV, npm_config_cache: cache.path },
    }).output();
    assert.match(new TextDecoder().decode(named.stdout), /^invoked \d/);
  } finally {
    // npx passes no signal on.
    for (const pid of [process.pid, ...descendantsOf(process.pid)].toReversed()) {
      signalUnlessEnded(pid, "SIGKILL");
    }
    await Promise.all([process.status, log, reader.cancel()]);
    await removeDirectory(join(folder.path, ".invoked"));
  }
});

/** A program that prints a text and does nothing else. */
async function writeProgram(path: string, text = "a stranger's program"): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true });
  await Deno.writeTextFile(path, `#!/bin/sh\necho "${text}"\n`, { mode: 0o755 });
}

/** The files that a page of the server loads. */
async function filesOf(url: string, page: string): Promise<string[]> {
  const response = await fetch(new URL(page, url));
  assert.equal(response.status, 200, page);
  const html = await response.text();
  return [...html.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, path = ""]) => path);
}

async function npm(cwd: string, args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("npm", {
    args: [...args],
    cwd,
    clearEnv: true,
    env: NPM_ENV,
  }).output();
  const decoder = new TextDecoder();
  assert.ok(success, decoder.decode(stderr));
  return decoder.decode(stdout);
}
