/** The prelinked copy of Deno: see `src/sandbox/image/prelinked_runtime.ts`. */
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { NotPrelinkable, prelink, randomBase } from "../../src/sandbox/image/prelink.ts";
import { prelinkedRuntime } from "../../src/sandbox/image/prelinked_runtime.ts";

const ENTRY_AT = 24;
const IS_SUPPORTED = Deno.build.os === "linux" && Deno.build.arch === "x86_64";

async function inDirectory(body: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "invoked-prelink-" });
  try {
    await body(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function output(program: string, ...args: string[]): Promise<string> {
  const { stdout } = await new Deno.Command(program, { args, stderr: "null" }).output();
  return new TextDecoder().decode(stdout);
}

async function entryOf(program: string): Promise<bigint> {
  using file = await Deno.open(program);
  const head = new Uint8Array(64);
  await file.read(head);
  return new DataView(head.buffer).getBigUint64(ENTRY_AT, true);
}

/** Prelinks bytes in a file, which must fail, and returns the bytes of the file after that. */
async function attempt(path: string, bytes: Uint8Array): Promise<Uint8Array> {
  await Deno.writeFile(path, bytes);
  using file = await Deno.open(path, { read: true, write: true });
  await assert.rejects(prelink(file, randomBase()), NotPrelinkable);
  return await Deno.readFile(path);
}

/**
 * Prelinks Deno, up to five times: `exec` fails with ETXTBSY while a process that another thread just forked still holds
 * the new file open. The server then runs Deno itself.
 */
async function prelinkedDeno(directory: string): Promise<string> {
  for (let attempt = 1;; attempt++) {
    const copy = await prelinkedRuntime(Deno.execPath(), directory);
    if (copy !== Deno.execPath() || !IS_SUPPORTED || attempt === 5) return copy;
  }
}

Deno.test("a prelinked copy runs as Deno does and is created once", async () => {
  await inDirectory(async (directory) => {
    const copy = await prelinkedDeno(directory);
    assert.equal(copy !== Deno.execPath(), IS_SUPPORTED);
    const script = join(directory, "main.js");
    await Deno.writeTextFile(
      script,
      `import { createHash } from "node:crypto";
       const url = URL.createObjectURL(new Blob(["postMessage(6 * 7)"]));
       const worker = new Worker(url, { type: "module" });
       const { data } = await new Promise((resolve) => worker.onmessage = resolve);
       worker.terminate();
       const hash = createHash("sha256").update(new Intl.NumberFormat("de").format(1234.5)).digest("hex");
       let caught = "";
       try { null.x } catch (error) { caught = error.message; }
       console.log(data, hash, caught, await (await fetch("data:,fetched")).text());`,
    );
    const args = ["run", "--allow-all", "--no-config", script];
    const expected = await output(Deno.execPath(), ...args);
    assert.match(expected, /^42 [0-9a-f]{64} Cannot read .* fetched\n$/);
    assert.equal(await output(copy, ...args), expected);
    const before = (await Deno.stat(copy)).mtime;
    assert.equal(await prelinkedRuntime(Deno.execPath(), directory), copy);
    assert.deepEqual((await Deno.stat(copy)).mtime, before);
  });
});

Deno.test("every copy has an address of its own and replaces the previous one", async () => {
  await inDirectory(async (directory) => {
    const entries = new Set<bigint>();
    for (let n = 0; n < 3; n++) {
      const copy = await prelinkedDeno(directory);
      // Without a copy the path is that of Deno itself, whose directory must not be renamed.
      assert.equal(copy !== Deno.execPath(), IS_SUPPORTED);
      entries.add(await entryOf(copy));
      // As after a reboot, which changes the name.
      const old = join(directory, `prelinked-000000000000000${n}`);
      if (IS_SUPPORTED) await Deno.rename(dirname(copy), old);
    }
    assert.equal(entries.size, IS_SUPPORTED ? 3 : 1);
    const names = Array.from(Deno.readDirSync(directory), ({ name }) => name);
    assert.deepEqual(names, IS_SUPPORTED ? ["prelinked-0000000000000002"] : []);
  });
});

Deno.test("a file that cannot be prelinked is not changed", async () => {
  await inDirectory(async (directory) => {
    const path = join(directory, "program");
    const deno = await Deno.readFile(Deno.execPath());
    const twice = await prelinkedDeno(directory);
    const texts = ["", "#!/bin/sh\necho no program\n", "\x7fELF"];
    const bytes = [
      ...texts.map((text) => new TextEncoder().encode(text.padEnd(8192, "\0"))),
      new Uint8Array(0),
      // Truncated in its tables, and in its data.
      deno.slice(0, 100_000),
      deno.slice(0, deno.length - 4_000_000),
      ...(IS_SUPPORTED ? [await Deno.readFile(twice)] : []),
    ];
    for (const given of bytes) {
      const left = await attempt(path, given);
      assert.ok(given.length === left.length && given.every((byte, at) => byte === left[at]));
    }
  });
});

Deno.test("Deno is used as it is if it cannot be prelinked", async () => {
  await inDirectory(async (directory) => {
    const script = join(directory, "deno");
    await Deno.writeTextFile(script, "#!/bin/sh\necho deno 0.0.0\n", { mode: 0o755 });
    const copies = join(directory, "copies");
    await Deno.mkdir(copies);
    assert.equal(await prelinkedRuntime(script, copies), script);
    assert.deepEqual(Array.from(Deno.readDirSync(copies)), []);
  });
});
