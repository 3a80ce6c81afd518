/** The isolation of the compiler, in every mode that works here. */
import assert from "node:assert/strict";
import { AVAILABLE_MODES } from "../sandbox/harness.ts";
import { procfsTest } from "../support/machine.ts";
import { assertDieFirst } from "../support/processes.ts";
import { eventually } from "../support/eventually.ts";
import { type Made, openRegistry } from "./registry.ts";
import {
  build,
  filesOf,
  openBuilder,
  type OpenedBuilder,
  rejection,
  runArtifact,
} from "./support.ts";

const TEXT = 'module.exports = "from the registry";';
const OK = "export default () => ({});\n";

function uses(name: string): Record<string, string> {
  return { "main.ts": `import x from "npm:${name}";\nexport default () => ({ x });` };
}

/** A host besides the registry, which must get no request. */
function openCanary(): AsyncDisposable & { readonly url: string; readonly seen: string[] } {
  const seen: string[] = [];
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, ({ url }) => {
    seen.push(url);
    return new Response("a tarball");
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}/`,
    seen,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** Downloads the bundler from the real registry into the cache that all tests share. */
async function fillCache(): Promise<void> {
  await using opened = await openBuilder();
  await build(opened.builder, { "main.ts": OK });
}

for (const isolation of AVAILABLE_MODES) {
  Deno.test(`${isolation}: packages come from the registry alone`, async () => {
    await fillCache();
    await using canary = openCanary();
    const files = { "index.js": TEXT };
    const packages: Record<string, Made> = {
      [`good-${isolation}`]: { files },
      "tarball-elsewhere": { files, tarballAt: `${canary.url}tarball.tgz` },
      "redirected-elsewhere": { files, redirectTo: `${canary.url}redirected.tgz` },
      "tarball-in-a-file": { files, tarballAt: "file:///etc/passwd" },
    };
    await using registry = openRegistry(packages);
    await using opened = await openBuilder({}, { isolation, registry: registry.url });
    const good = await build(opened.builder, uses(`good-${isolation}`));
    assert.deepEqual((await runArtifact(good)).value, { x: "from the registry" });
    assert.ok(opened.builder.walls.startsWith(`${isolation} (`), opened.builder.walls);
    const elsewhere = new URL(canary.url).origin;
    for (const name of ["tarball-elsewhere", "redirected-elsewhere"]) {
      assert.deepEqual(await rejection(opened.builder, uses(name)), [
        `a package would be downloaded from ${elsewhere}, which is not the package registry`,
      ]);
    }
    await assert.rejects(build(opened.builder, uses("tarball-in-a-file")));
    assert.deepEqual(canary.seen, []);
  });

  procfsTest(`${isolation}: the kernel confirms the isolation of the compiler`, async () => {
    await using registry = openSilence();
    await using opened = await openBuilder({ buildMemoryBytes: 1024 ** 3 }, {
      isolation,
      registry: registry.url,
    });
    await using _running = await startBuild(opened);
    const pid = await eventually(() => compilerOf(opened), "the compiler");
    await assertDieFirst([pid]);
    const status = await Deno.readTextFile(`/proc/${pid}/status`);
    assert.match(status, /^NoNewPrivs:\t1$/m);
    assert.match(status, /^Seccomp:\t2$/m);
    for (const set of ["CapInh", "CapPrm", "CapEff", "CapAmb"]) {
      assert.match(status, new RegExp(`^${set}:\t0+$`, "m"));
    }
    const limits = await Deno.readTextFile(`/proc/${pid}/limits`);
    assert.match(limits, /Max core file size\s+0 /);
    assert.match(limits, /Max data size\s+1073741824 /);
    assert.match(limits, /Max file size\s+536870912 /);
    const environ = (await Deno.readTextFile(`/proc/${pid}/environ`)).split("\0");
    const names = environ.map((line) => line.split("=")[0]).filter((name) => name);
    assert.deepEqual(names.filter((name) => name !== "PWD").sort(), [
      "DENO_DIR",
      "DENO_NO_PACKAGE_JSON",
      "DENO_NO_UPDATE_CHECK",
      "HOME",
      "HTTPS_PROXY",
      "HTTP_PROXY",
      "NO_COLOR",
      "NPM_CONFIG_REGISTRY",
      "TMPDIR",
    ]);
    if (isolation === "bubblewrap") await assertOwnNamespaces(pid);
  });
}

Deno.test("the error of too large a download names the limit", async () => {
  await fillCache();
  const random = crypto.getRandomValues(new Uint8Array(60_000)).toBase64();
  await using registry = openRegistry({ big: { files: { "index.js": `// ${random}` } } });
  await using opened = await openBuilder({ maxDownloadBytes: 50_000 }, { registry: registry.url });
  const [reason = ""] = await rejection(opened.builder, uses("big"));
  assert.match(
    reason,
    /^the build downloads [\d,]+ [kKM]?i?B or more, over its limit of 50 kB \(--max-download\)$/,
  );
});

procfsTest("a configured mode that does not work stops the start", async () => {
  const directory = await Deno.makeTempDir();
  const pass = `#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done; shift; exec "$@"\n`;
  for (const name of ["bwrap", "setpriv"]) {
    await Deno.writeTextFile(`${directory}/${name}`, pass, { mode: 0o755 });
  }
  const path = Deno.env.get("PATH") ?? "";
  for (const isolation of ["bubblewrap", "landlock"] as const) {
    for (const searchPath of ["/nowhere", `${directory}:${path}`]) {
      await using opened = await openBuilder({}, { isolation, searchPath });
      await assert.rejects(opened.builder.start(), {
        name: "IsolationError",
        message: new RegExp(`^no isolation for builds is available: ${isolation}: .`),
      });
    }
  }
  await using opened = await openBuilder({}, { searchPath: "/nowhere" });
  await build(opened.builder, { "main.ts": OK });
  assert.match(opened.builder.walls, /^process \(checked imports ONLY; /);
  await Deno.remove(directory, { recursive: true });
});

/** Checks that a process has its own namespaces, and only its own directories to write to. */
async function assertOwnNamespaces(pid: number): Promise<void> {
  for (const kind of ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"]) {
    assert.notEqual(
      await Deno.readLink(`/proc/${pid}/ns/${kind}`),
      await Deno.readLink(`/proc/self/ns/${kind}`),
      kind,
    );
  }
  const mounts = (await Deno.readTextFile(`/proc/${pid}/mountinfo`)).trim().split("\n")
    .map((line) => line.split(" "));
  const writable = mounts.filter((fields) => !/(^|,)ro(,|$)/.test(fields[5] ?? ""))
    .map((fields) => fields[4] ?? "").filter((path) => !/^\/(dev\/|proc$|run\/)/.test(path));
  assert.equal(writable.length, 3, `${writable}`);
  assert.match(`${writable}`, /\/work\/build-[^,]*,.*\/npm,.*\/dl$/);
}

/** A registry that accepts every request and responds to none. */
function openSilence(): AsyncDisposable & { readonly url: string } {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const connections: Deno.Conn[] = [];
  const taken = (async () => {
    for await (const connection of listener) connections.push(connection);
  })();
  return {
    url: `http://127.0.0.1:${listener.addr.port}/`,
    async [Symbol.asyncDispose]() {
      listener.close();
      await taken;
      for (const connection of connections) connection.close();
    },
  };
}

/** A build that waits for its registry, until it is disposed. */
function startBuild({ builder }: OpenedBuilder): AsyncDisposable {
  const stop = new AbortController();
  const ended = builder.build(filesOf(uses("never-answered")), stop.signal).catch(() => {});
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await ended;
    },
  };
}

/** The compiler process of the builder, and not its wrapper. */
async function compilerOf({ root }: OpenedBuilder): Promise<number | undefined> {
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const read = (file: string) => Deno.readTextFile(`/proc/${name}/${file}`).catch(() => "");
    const [program = "", verb] = (await read("cmdline")).split("\0");
    if (!program.endsWith("deno") || verb !== "info") continue;
    const environ = await read("environ");
    if (environ.includes(root) && !environ.includes("unix:/nowhere")) return Number(name);
  }
  return undefined;
}
