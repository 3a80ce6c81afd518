/** One build, step by step, in a workspace that is open. */

import { formatBytes } from "../config/mod.ts";
import { BUNDLE } from "./bundler.ts";
import { type Compiler, type Exited, Refusal } from "./compiler.ts";
import type { Artifact, BuildLimits, BuildResult, Diagnostic, SourceFiles } from "./contract.ts";
import { SCRIPT_URL } from "./contract.ts";
import { bundleDiagnostics, REACHES_OUTSIDE } from "./compiler_errors.ts";
import { refused, scrub } from "./diagnostics.ts";
import { type Commit, type Graph, graphDiagnostics, hasPackages, parseGraph } from "./graph.ts";
import { callableDefaults } from "./interop.ts";
import { moduleNames, type NameOf, renameModules, toSourceMap } from "./layout.ts";
import { checkLock, EMPTY_LOCK, LOCK_NAME } from "./lock.ts";
import { toScript } from "./script.ts";
import { unsharePackages, type Workspace } from "./workspace.ts";

/** What a build needs besides its workspace and files. */
export interface BuildContext {
  readonly limits: BuildLimits;
  readonly compiler: Compiler;
  /** URL of the package registry. */
  readonly registry: string;
}

const ENTRY = "main.ts";

/** No configuration, no lifecycle scripts (they need a node_modules directory), no modules by URL. */
const ISOLATED = ["--no-config", "--node-modules-dir=none", "--no-remote"];

/**
 * Builds the files in the workspace. The module graph is checked before anything is downloaded or bundled, and only
 * the download has a network.
 */
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
  { limits, compiler, registry }: BuildContext,
): Promise<Artifact> {
  await seedLock(workspace, files, registry);
  const { source, sdk } = workspace;
  const commit: Commit = { source, sdk, has: (path) => files.has(path) };
  const isolated = [...ISOLATED, `--import-map=${workspace.importMap}`];

  const local = await compiler.run(["info", "--json", ...isolated, "--no-npm", "--no-lock", ENTRY]);
  let graph = readGraph(local, workspace);
  refuseIfAny(graphDiagnostics(withoutNpmErrors(graph), commit));

  let lock = "--no-lock";
  let locked = EMPTY_LOCK;
  if (hasPackages(graph)) {
    lock = `--lock=${workspace.lock}`;
    const resolved = await compiler.runWithRegistry(["info", "--json", ...isolated, lock, ENTRY]);
    graph = readGraph(resolved, workspace);
    refuseIfAny(graphDiagnostics(graph, commit));
    locked = await readLock(workspace, registry);
  }

  const nameOf = moduleNames(graph, commit);
  const bundled = await compiler.run([
    ...BUNDLE,
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
  const output = await readOutput(workspace, nameOf, limits);
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
  const written = await Deno.readTextFile(workspace.bundle);
  const map = await Deno.readTextFile(workspace.sourceMap);
  const sourceMap = toSourceMap(written, map, workspace, nameOf);
  if (sourceMap === undefined) {
    throw new Refusal({ message: REACHES_OUTSIDE });
  }
  const bundle = callableDefaults(renameModules(written, workspace, nameOf));
  const script = await toScript(bundle, SCRIPT_URL);
  if (script.kind === "fault") throw new Refusal({ message: `Cannot build: ${script.message}` });
  if (script.text.includes(workspace.root)) {
    throw new Refusal({ message: "Cannot build: the bundle names a directory of the server" });
  }
  return { script: script.text, sourceMap };
}
