import assert from "node:assert/strict";
import { CompilerKilled } from "../../src/builder/contract.ts";
import { BoundedSlots } from "../../src/shared/bounded_slots.ts";
import { AVAILABLE_MODES } from "../sandbox/harness.ts";
import { killCompiler } from "../support/compilers.ts";
import { procfsTest } from "../support/machine.ts";
import {
  build,
  filesOf,
  openBuilder,
  type OpenedBuilder,
  rejection,
  typeErrors,
} from "./support.ts";
import { HUGE_TYPES, UNCHECKED_MESSAGE } from "../support/huge_types.ts";

const LITTLE_MEMORY = { checkMemoryBytes: 256 * 1024 ** 2 };

const OK = "export default () => ({});\n";

Deno.test("a build that takes too long is killed, and its error names the limit", async () => {
  await using opened = await openBuilder({ timeoutMs: 1 });
  assert.deepEqual(await rejection(opened.builder, { "main.ts": OK }), [
    "the build took longer than its limit of 1 ms (--build-timeout)",
  ]);
  assert.deepEqual(await remains(opened.workDir), []);
});

Deno.test("a module that never ends being read is killed with the build", async () => {
  await using opened = await openBuilder({ timeoutMs: 500 });
  const [reason = ""] = await rejection(opened.builder, {
    "main.ts": `import x from "file:///dev/zero";\n${OK}`,
  });
  assert.match(reason, /--build-timeout|--build-memory|only npm: packages/);
  assert.deepEqual(await remains(opened.workDir), []);
});

Deno.test("a build that needs too much memory is killed, and its error names the limit", async () => {
  // The bundler is downloaded with high limits.
  await using roomy = await openBuilder();
  await build(roomy.builder, { "main.ts": OK });
  await using opened = await openBuilder({ buildMemoryBytes: 32 * 1024 ** 2 });
  if (Deno.build.os === "linux") {
    assert.deepEqual(await rejection(opened.builder, { "main.ts": OK }), [
      "the build needs more memory than its limit of 32 MiB (--build-memory)",
    ]);
  } else {
    // No other system offers the limit to an ordinary process: builds go on without it.
    await build(opened.builder, { "main.ts": OK });
  }
});

Deno.test("a type check that reaches a limit has a reason and no type errors", async () => {
  const huge = filesOf(HUGE_TYPES);
  const nested = filesOf({ "main.ts": `${OK}export const x = ${"[".repeat(50_000)};` });
  const packages = filesOf({ "main.ts": `import "npm:zod@4.1.12";\n${OK}` });
  const cases = [
    [{ timeoutMs: 1 }, huge, "TIMEOUT", /^the type check took longer .* 1 ms \(--build-timeout\)$/],
    [{}, nested, "TOO_COMPLEX", /^the code is nested too deeply; flatten it$/],
    [{ maxDownloadBytes: 1000 }, packages, "TOO_LARGE", /over its limit of .*\(--max-download\)$/],
    ...Deno.build.os !== "linux"
      ? []
      : [[LITTLE_MEMORY, huge, /^(?:OUT_OF_MEMORY|CHECKER_FAILED)$/, UNCHECKED_MESSAGE] as const],
  ] as const;
  for (const [limits, files, reason, message] of cases) {
    const cacheDir = await Deno.makeTempDir({ prefix: "check-cache-" });
    await using opened = await openBuilder(limits, { cacheDir });
    const result = await opened.builder.checkTypes(files, new AbortController().signal);
    await Deno.remove(cacheDir, { recursive: true });
    assert.equal(result.kind, "unchecked", String(reason));
    if (result.kind !== "unchecked") continue;
    assert.match(result.unchecked.reason, new RegExp(reason));
    assert.match(result.unchecked.message, message);
    assert.deepEqual(await remains(opened.workDir), []);
  }
});

Deno.test("addresses that V8 reserves for machine code do not count as memory of a type check", async () => {
  // The check uses 490 MiB, and reserves 512 MiB more on x86-64.
  await using opened = await openBuilder({ checkMemoryBytes: 640 * 1024 ** 2 });
  const diagnostics = await typeErrors(opened.builder, {
    "main.ts": `import { Octokit } from "npm:@octokit/rest@22.0.1";
      import { z } from "npm:zod@4.6.7";
      const Input = z.object({ owner: z.string(), repo: z.string() });
      export default async (input: unknown) => {
        const { data } = await new Octokit().rest.repos.get(Input.parse(input));
        const stars: number = data.stargazers_count;
        const wrong: string = data.stargazers_count;
        return { stars, wrong };
      };`,
  });
  assert.deepEqual(diagnostics.map(({ line }) => line), [7]);
});

Deno.test("a bundle over the limit is rejected with the limit and its size", async () => {
  await using opened = await openBuilder({ artifactBytes: 1000 });
  const reasons = await rejection(opened.builder, {
    "main.ts": `export default () => ({ text: "${"x".repeat(2000)}" });`,
  });
  assert.match(
    reasons[0] ?? "",
    /^the bundle has 2,\d{3} B, more than its limit of 1 kB \(--max-artifact\)$/,
  );
});

Deno.test("a registry that cannot be reached is the server's error, not the author's", async () => {
  await using opened = await openBuilder({}, {
    registry: "http://127.0.0.1:9/",
  });
  await assert.rejects(
    build(opened.builder, { "main.ts": `import "npm:invoked-test-nowhere";\n${OK}` }),
    /Failed to download what the build needs/,
  );
  assert.deepEqual(await remains(opened.workDir), []);
});

Deno.test("aborting ends a build with the reason of the signal", async () => {
  await using opened = await openBuilder();
  const controller = new AbortController();
  const reason = new Error("the caller went away");
  const ended = assert.rejects(
    opened.builder.build(filesOf({ "main.ts": OK }), controller.signal),
    reason,
  );
  controller.abort(reason);
  await ended;
  assert.deepEqual(await remains(opened.workDir), []);
  await build(opened.builder, { "main.ts": OK });
});

Deno.test("many builds at once return each its own artifact", async () => {
  await using opened = await openBuilder({ concurrency: 2 });
  const artifacts = await Promise.all(
    Array.from(
      { length: 5 },
      (_, n) => build(opened.builder, { "main.ts": `export default () => "number ${n}";` }),
    ),
  );
  for (const [n, { script }] of artifacts.entries()) assert.ok(script.includes(`"number ${n}"`));
  assert.deepEqual(await remains(opened.workDir), []);
});

Deno.test("slots are granted in the order of the requests, and aborted requests get none", async () => {
  const slots = new BoundedSlots(1);
  const never = new AbortController().signal;
  const leaver = new AbortController();
  const order: string[] = [];
  const first = await slots.acquire(never);
  const run = async (name: string, signal: AbortSignal) => {
    using _slot = await slots.acquire(signal);
    order.push(name);
  };
  const second = run("second", never);
  const gone = assert.rejects(run("gone", leaver.signal), /left/);
  const third = run("third", never);
  leaver.abort(new Error("left"));
  await gone;
  first[Symbol.dispose]();
  await Promise.all([second, third]);
  assert.deepEqual(order, ["second", "third"]);
  using _free = await slots.acquire(never);
});

/** Takes the bundler seconds, so that it can be found while it works. */
const LARGE = Array.from(
  { length: 15_000 },
  (_, n) => `export const x${n} = (a: number) => ({ a, b: a * ${n}, c: [${n}, "${n}"] });\n`,
).join("") + OK;

function killedBuild({ builder }: OpenedBuilder, message: RegExp): Promise<void> {
  const built = builder.build(filesOf({ "main.ts": LARGE }), new AbortController().signal);
  return assert.rejects(built, (error) => {
    assert.ok(error instanceof CompilerKilled, `${error}`);
    assert.match(error.message, message);
    return true;
  });
}

for (const isolation of AVAILABLE_MODES) {
  procfsTest(
    `${isolation}: a compiler or bundler that is killed is no error of the commit`,
    async () => {
      await using opened = await openBuilder({ timeoutMs: 3_600_000 }, { isolation });
      await build(opened.builder, { "main.ts": OK });
      const killings = [
        ["deno bundle", /^the compiler was killed \(SIGKILL\), as the kernel does/],
        ["esbuild", /^the bundler was killed \(SIGKILL\), as the kernel does/],
      ] as const;
      for (const [words, message] of killings) {
        await Promise.all([
          killedBuild(opened, message),
          killCompiler(Deno.pid, words, opened.root),
        ]);
      }
      assert.deepEqual(await remains(opened.workDir), []);
      await build(opened.builder, { "main.ts": OK });
    },
  );
}

async function remains(directory: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(directory))).map(({ name }) => name);
}
