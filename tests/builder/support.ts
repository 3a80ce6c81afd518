/** Support of the builder's tests: a builder in its own directories, and a child that runs an artifact. */

import assert from "node:assert/strict";
import {
  type Artifact,
  type Builder,
  type BuilderOptions,
  type BuildLimits,
  createBuilder,
  type Diagnostic,
  formatDiagnostic,
  registryOf,
  type SourceFiles,
} from "../../src/builder/mod.ts";
import { Lazy } from "../../src/shared/lazy.ts";
import { removeDirectory } from "../support/invoked.ts";

/** Limits that no ordinary test reaches. */
const HIGH_LIMITS: BuildLimits = {
  timeoutMs: 300_000,
  buildMemoryBytes: 1024 ** 3,
  checkMemoryBytes: 3 * 1024 ** 3,
  artifactBytes: 16 * 1024 ** 2,
  maxDownloadBytes: 256 * 1024 ** 2,
  concurrency: 2,
};

/** A builder, and the directories that it may touch. */
export interface OpenedBuilder extends AsyncDisposable {
  readonly root: string;
  readonly workDir: string;
  readonly builder: Builder;
}

/** One download cache for all tests of a run, removed when the process ends. */
const cacheDir = Deno.makeTempDirSync({ prefix: "builder-cache-" });
addEventListener("unload", () => Deno.removeSync(cacheDir, { recursive: true }));

/** Opens a builder in a temporary directory. */
export async function openBuilder(
  limits: Partial<BuildLimits> = {},
  options: Partial<BuilderOptions> = {},
): Promise<OpenedBuilder> {
  const root = await Deno.makeTempDir({ prefix: "builder-test-" });
  const workDir = `${root}/work`;
  const builder = createBuilder({ ...HIGH_LIMITS, ...limits }, {
    isolation: "auto",
    searchPath: Deno.env.get("PATH") ?? "",
    workDir,
    cacheDir,
    registry: registryOf(Deno.env.toObject()),
    ...options,
  });
  return {
    root,
    workDir,
    builder,
    async [Symbol.asyncDispose]() {
      await builder[Symbol.asyncDispose]();
      await removeDirectory(root);
    },
  };
}

/** A build that leaves the bundler, which comes from the real registry, in the cache. */
const bundler = new Lazy(async () => {
  await using first = await openBuilder();
  await build(first.builder, { "main.ts": "export default () => ({});" });
});

/** A builder with a registry of the test's own packages and the real bundler. */
export async function openWith(url: string): Promise<OpenedBuilder> {
  await bundler.get();
  return await openBuilder({}, { registry: url });
}

/** Files by path from texts. */
export function filesOf(texts: Readonly<Record<string, string>>): SourceFiles {
  const encoder = new TextEncoder();
  return new Map(Object.entries(texts).map(([path, text]) => [path, encoder.encode(text)]));
}

/** The diagnostics of a type check that has a result. */
export async function typeErrors(
  builder: Builder,
  texts: Readonly<Record<string, string>>,
): Promise<readonly Diagnostic[]> {
  const result = await builder.checkTypes(filesOf(texts), new AbortController().signal);
  if (result.kind === "unchecked") assert.fail(`not checked: ${result.unchecked.message}`);
  return result.diagnostics;
}

/** Builds what must build. */
export async function build(
  builder: Builder,
  texts: Readonly<Record<string, string>>,
): Promise<Artifact> {
  const result = await builder.build(filesOf(texts), new AbortController().signal);
  if (result.kind === "rejected") {
    assert.fail(`the commit was rejected: ${result.diagnostics.map(formatDiagnostic).join("\n")}`);
  }
  return result.artifact;
}

/** Builds what must be rejected; returns the reasons. */
export async function rejection(
  builder: Builder,
  texts: Readonly<Record<string, string>>,
): Promise<string[]> {
  const result = await builder.build(filesOf(texts), new AbortController().signal);
  if (result.kind === "built") assert.fail("the commit was built");
  return result.diagnostics.map(formatDiagnostic);
}

const RUNNER = `
const script = new TextDecoder().decode(await new Response(Deno.stdin.readable).arrayBuffer());
const end = script.lastIndexOf("\\n//# sourceURL=");
try {
  const module = await (0, eval)("(" + script.slice(0, end) + ")" + script.slice(end))(
    { url: "file:///main.js", main: false, filename: "/main.js", dirname: "/" });
  const keys = Object.keys(module).sort();
  console.log(JSON.stringify({ keys, value: await module.default({ name: "x" }) }));
} catch (error) {
  console.log(JSON.stringify({ error: String(error), stack: error.stack }));
}`;

/** The result of an artifact in a process without permissions. */
export interface Ran {
  readonly keys?: readonly string[];
  readonly value?: unknown;
  readonly error?: string;
  readonly stack?: string;
}

/** Runs an artifact as a sandbox does: evaluated in a `deno run` without permissions. */
export async function runArtifact({ script }: Artifact): Promise<Ran> {
  const file = await Deno.makeTempFile({ suffix: ".js" });
  try {
    await Deno.writeTextFile(file, RUNNER);
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-prompt", "--no-config", "--no-lock", "--no-npm", "--no-remote", file],
      env: { NO_COLOR: "1" },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const output = child.output();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(script));
    await writer.close();
    const { stdout, stderr } = await output;
    const text = new TextDecoder().decode(stdout);
    assert.notEqual(text, "", new TextDecoder().decode(stderr));
    return JSON.parse(text);
  } finally {
    await Deno.remove(file);
  }
}
