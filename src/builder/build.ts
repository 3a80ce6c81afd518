/** One build, step by step, in a workspace that is open. */

import { formatBytes, formatDuration } from "../config/mod.ts";
import type { Artifact, BuildLimits, BuildResult, Diagnostic, SourceFiles } from "./contract.ts";
import { SCRIPT_URL } from "./contract.ts";
import { bundleDiagnostics, REACHES_OUTSIDE } from "./compiler_errors.ts";
import { refused, scrub } from "./diagnostics.ts";
import { type Commit, type Graph, graphDiagnostics, hasPackages, parseGraph } from "./graph.ts";
import { moduleNames, type NameOf, renameModules, toSourceMap } from "./layout.ts";
import { checkLock, EMPTY_LOCK, LOCK_NAME, registryOf } from "./lock.ts";
import { type CompilerRun, runCompiler } from "./process.ts";
import { toScript } from "./script.ts";
import type { findWalls } from "./wall.ts";
import { unsharePackages, type Workspace } from "./workspace.ts";

/** What a build needs besides its workspace and files. */
export interface BuildContext {
  readonly limits: BuildLimits;
  readonly registryEnv: Readonly<Record<string, string>>;
  readonly wall: Awaited<ReturnType<typeof findWalls>>;
  readonly signal: AbortSignal;
}

const ENTRY = "main.ts";

/** No configuration, no lifecycle scripts (they need a node_modules directory), no modules by URL. */
const ISOLATED = ["--no-config", "--node-modules-dir=none", "--no-remote"];

/** Why a build ended early. */
class Refusal extends Error {
  readonly diagnostics: readonly Diagnostic[];

  constructor(...diagnostics: readonly Diagnostic[]) {
    super("the commit does not build");
    this.diagnostics = diagnostics;
  }
}

/** Builds the files in the workspace. The module graph is checked before anything is downloaded or bundled. */
export async function buildIn(
  workspace: Workspace,
  files: SourceFiles,
  context: BuildContext,
): Promise<BuildResult> {
  try {
    return { kind: "built", artifact: await build(workspace, files, context) };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const hidden = [
      { directory: workspace.source, by: "" },
      { directory: workspace.root, by: "" },
      ...workspace.downloads.map((directory) => ({ directory, by: "npm/" })),
    ];
    return refused(...error.diagnostics.map((diagnostic) => ({
      ...diagnostic,
      message: scrub(diagnostic.message, hidden),
    })));
  }
}

async function build(
  workspace: Workspace,
  files: SourceFiles,
  context: BuildContext,
): Promise<Artifact> {
  const registry = registryOf(context.registryEnv);
  await seedLock(workspace, files, registry);
  const { source, sdk } = workspace;
  const commit: Commit = { source, sdk, has: (path) => files.has(path) };
  const compile = (args: readonly string[]) => run(workspace, context, args);
  const isolated = [...ISOLATED, `--import-map=${workspace.importMap}`];

  const local = await compile(["info", "--json", ...isolated, "--no-npm", "--no-lock", ENTRY]);
  let graph = readGraph(local, workspace);
  refuseIfAny(graphDiagnostics(withoutNpmErrors(graph), commit));

  let lock = "--no-lock";
  let locked = EMPTY_LOCK;
  if (hasPackages(graph)) {
    lock = `--lock=${workspace.lock}`;
    const resolved = await compile(["info", "--json", ...isolated, lock, ENTRY]);
    graph = readGraph(resolved, workspace);
    refuseIfAny(graphDiagnostics(graph, commit));
    locked = await readLock(workspace, registry);
  }

  const nameOf = moduleNames(graph, commit);
  const bundled = await compile([
    ...["bundle", "--platform", "deno", "--format", "esm", "--sourcemap=external", "--no-check"],
    ...[...isolated, lock, "-o", workspace.bundle, ENTRY],
  ]);
  if (bundled.code !== 0) {
    const diagnostics = await bundleDiagnostics(
      bundled.stderr,
      workspace,
      nameOf,
    );
    refuseIfAny(diagnostics.length > 0 ? diagnostics : [{ message: "Cannot bundle the commit" }]);
  }
  const output = await readOutput(workspace, nameOf, context.limits);
  return { ...output, lock: locked, denoVersion: Deno.version.deno };
}

async function seedLock(workspace: Workspace, files: SourceFiles, registry: string): Promise<void> {
  const given = files.get(LOCK_NAME);
  if (given === undefined) return;
  const checked = checkLock(new TextDecoder().decode(given), registry);
  if (checked.kind === "fault") {
    throw new Refusal({ path: LOCK_NAME, message: `Cannot use the lock file: ${checked.message}` });
  }
  if (checked.hasTarballs) await unsharePackages(workspace);
  await Deno.writeTextFile(workspace.lock, checked.text);
}

async function readLock(workspace: Workspace, registry: string): Promise<string> {
  let text: string;
  try {
    text = await Deno.readTextFile(workspace.lock);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return EMPTY_LOCK;
    throw error;
  }
  const checked = checkLock(text, registry);
  if (checked.kind === "fault") {
    throw new Refusal({ message: `Cannot lock the dependencies: ${checked.message}` });
  }
  return checked.text;
}

type Exited = Extract<CompilerRun, { kind: "exited" }>;

async function run(
  workspace: Workspace,
  { limits, registryEnv, wall, signal }: BuildContext,
  args: readonly string[],
): Promise<Exited> {
  const certificates = ["DENO_CERT", "SSL_CERT_FILE", "SSL_CERT_DIR"].flatMap((name) =>
    registryEnv[name] ?? []
  );
  const result = await runCompiler({
    args,
    cwd: workspace.source,
    env: {
      PATH: "/usr/local/bin:/usr/bin:/bin",
      DENO_TLS_CA_STORE: "mozilla,system",
      ...registryEnv,
      DENO_DIR: workspace.deno,
      HOME: workspace.home,
      TMPDIR: workspace.home,
      NO_COLOR: "1",
      DENO_NO_PACKAGE_JSON: "1",
      DENO_NO_UPDATE_CHECK: "1",
    },
    wall: wall({
      memoryBytes: limits.memoryBytes,
      writable: [workspace.root, ...workspace.downloads],
      readable: certificates,
    }),
    signal,
  });
  switch (result.kind) {
    case "exited":
      return result;
    case "timeout":
      throw new Refusal({
        message: `the build took longer than its limit of ${
          formatDuration(limits.timeoutMs)
        } (--build-timeout)`,
      });
    case "outOfMemory":
      throw new Refusal({
        message: `the build needs more memory than its limit of ${
          formatBytes(limits.memoryBytes)
        } (--build-memory)`,
      });
    case "outOfStack":
      throw new Refusal({ message: "Cannot build: the code is nested too deeply; flatten it" });
    case "tooMuchOutput":
      throw new Refusal({ message: "the module graph of the commit is too large" });
  }
}

function readGraph({ code, stdout, stderr }: Exited, workspace: Workspace): Graph {
  if (code === 0) return parseGraph(stdout);
  const message = stderr.split("\n").find((line) => line.startsWith("error: "))?.slice(7);
  if (message === undefined) {
    throw new Error(
      `Cannot read the module graph in ${workspace.root}: exit code ${code}: ${stderr}`,
    );
  }
  throw new Refusal({ message });
}

// The first look at the graph is without npm, so every package fails in it.
function withoutNpmErrors(graph: Graph): Graph {
  return {
    ...graph,
    modules: graph.modules.filter(({ specifier }) => !specifier.startsWith("npm:")),
  };
}

/** What Deno says when a download fails: the operator's concern, not the author's. */
const DOWNLOAD_FAILED = /(?:^|[^\\]": )(?:failed to download |Failed loading https?:)/;

function refuseIfAny(diagnostics: readonly Diagnostic[]): void {
  const failed = diagnostics.find(({ message }) => DOWNLOAD_FAILED.test(message));
  if (failed) throw new Error(`Cannot download what the build needs: ${failed.message}`);
  if (diagnostics.length > 0) throw new Refusal(...diagnostics);
}

async function readOutput(
  workspace: Workspace,
  nameOf: NameOf,
  limits: BuildLimits,
): Promise<Pick<Artifact, "script" | "sourceMap">> {
  const { size } = await Deno.stat(workspace.bundle);
  if (size > limits.artifactBytes) {
    throw new Refusal({
      message: `the bundle has ${size} bytes, more than its limit of ${
        formatBytes(limits.artifactBytes)
      } (--max-artifact)`,
    });
  }
  const sourceMap = toSourceMap(await Deno.readTextFile(workspace.sourceMap), workspace, nameOf);
  if (sourceMap === undefined) {
    throw new Refusal({ message: REACHES_OUTSIDE });
  }
  const bundle = renameModules(await Deno.readTextFile(workspace.bundle), workspace, nameOf);
  const script = await toScript(bundle, SCRIPT_URL);
  if (script.kind === "fault") throw new Refusal({ message: `Cannot build: ${script.message}` });
  if (script.text.includes(workspace.root)) {
    throw new Refusal({ message: "Cannot build: the bundle names a directory of the server" });
  }
  return { script: script.text, sourceMap };
}
