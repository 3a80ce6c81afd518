/** One build, step by step, in an open workspace. */

import { formatBytes } from "../config/mod.ts";
import { ifExists } from "../shared/files.ts";
import { BUNDLE } from "./bundler.ts";
import { BuildRejection, type Compiler, type Exited, LimitReached } from "./compiler.ts";
import type { Artifact, BuildGoal, BuildLimits, BuildResult, Diagnostic } from "./contract.ts";
import { SCRIPT_URL } from "./contract.ts";
import { REACHES_OUTSIDE } from "./compiler_errors.ts";
import { bundleWithoutMissing, misplacedMissing } from "./missing.ts";
import { type Bundle, scriptDiagnostic } from "./script_errors.ts";
import { byPosition, distinct, MAX_DIAGNOSTICS, rejected, scrub } from "./diagnostics.ts";
import {
  type Commit,
  type Graph,
  graphDiagnostics,
  graphPaths,
  hasPackages,
  parseGraph,
} from "./graph.ts";
import { ProjectFiles } from "./project/project_files.ts";
import { carryFiles } from "./package_files/carry.ts";
import { callableDefaults, restoreLines } from "./interop.ts";
import { commentNames, moduleNames, type NameOf, renameModules, toSourceMap } from "./layout.ts";
import { checkLock, EMPTY_LOCK, LOCK_NAME } from "./lock.ts";
import { toScript } from "./script.ts";
import { ownFetchCalls } from "./own_fetch.ts";
import { SDK_IMPORTS, writeTestRun } from "./sdk.ts";
import type { SourceTree } from "./source_tree.ts";
import { packageRoots, unsharePackages, type Workspace } from "./workspace.ts";

/** What a build, a type check or a resolution of packages works on, and with. */
export interface BuildContext {
  readonly workspace: Workspace;
  readonly tree: SourceTree;
  readonly limits: BuildLimits;
  readonly compiler: Compiler;
  /** URL of the package registry. */
  readonly registry: string;
}

/** The module of the function's folder whose default export is the function. */
export const ENTRY = "main.ts";

/** The module of that folder that adds the tests of the function. */
export const TEST_ENTRY = "main.test.ts";

/** No lifecycle scripts (they need a node_modules directory) and no modules by URL. */
export const ISOLATED = ["--node-modules-dir=none", "--no-remote"];

/**
 * Builds the tree in the workspace. The module graph is checked before anything is downloaded or bundled. Only the
 * download has a network.
 */
export async function buildIn(context: BuildContext, goal: BuildGoal): Promise<BuildResult> {
  const outcome = await catchRejection(context, () => build(context, goal));
  if (outcome.kind === "rejected") return rejected(...outcome.diagnostics);
  return { kind: "built", artifact: outcome.value };
}

/** The result of work in a workspace: its value, or the reasons of a rejection without server paths. */
type WorkResult<T> =
  | { readonly kind: "done"; readonly value: T }
  | { readonly kind: "rejected"; readonly diagnostics: readonly Diagnostic[] };

/** Runs work, and turns a thrown {@link BuildRejection} into a result. */
export async function catchRejection<T>(
  context: BuildContext,
  work: () => Promise<T>,
): Promise<WorkResult<T>> {
  try {
    return { kind: "done", value: await work() };
  } catch (error) {
    if (!(error instanceof BuildRejection)) throw error;
    const diagnostics = error.diagnostics.map((found) => scrubbed(found, context));
    return { kind: "rejected", diagnostics };
  }
}

/** A path that is neither of the commit nor of a package: a package has climbed out of its directory. */
const FOREIGN_PATH = /Cannot find module '\//;

/** The diagnostic without the server's own directories, and with paths as the author writes them. */
export function scrubbed(
  diagnostic: Diagnostic,
  { workspace, tree }: Pick<BuildContext, "workspace" | "tree">,
): Diagnostic {
  const hidden = [
    { directory: workspace.source, by: "" },
    { directory: workspace.root, by: "" },
    ...workspace.downloads.map((directory) => ({ directory, by: "npm/" })),
  ];
  const message = tree.withShownPaths(scrub(diagnostic.message, hidden));
  return { ...diagnostic, message: FOREIGN_PATH.test(message) ? REACHES_OUTSIDE : message };
}

async function build(context: BuildContext, goal: BuildGoal): Promise<Artifact> {
  const { workspace, tree, compiler } = context;
  const commit = await prepare(context);
  const main = tree.ofFunction(ENTRY);
  const entry = goal === "tests"
    ? await writeTestRun(workspace.sdk, main, tree.ofFunction(TEST_ENTRY))
    : main;
  const { graph, flags, locked } = await resolveGraph(commit, context, entry);
  const nameOf = moduleNames(graph, commit);
  const args = [...BUNDLE, ...flags, "-o", workspace.bundle];
  const run = (more: readonly string[]) => compiler.run([...args, ...more, entry]);
  const bundled = await bundleWithoutMissing({ workspace, graph, commit, nameOf, run });
  if (bundled.kind === "errors") {
    const { diagnostics } = bundled;
    const errors = diagnostics.length > 0
      ? diagnostics
      : [{ message: "the bundler failed without a message" }];
    rejectIfAny(errors, compiler);
    throw new BuildRejection(...errors);
  }
  const { missing } = bundled;
  const read = { graph, commit, main, missing };
  const { bundle, ...output } = await readOutput(context, nameOf, read);
  const warnings = goal === "function" ? ownFetchCalls(bundle, output.sourceMap, tree) : [];
  return {
    ...output,
    lock: locked,
    denoVersion: Deno.version.deno,
    warnings: warnings.slice(0, MAX_DIAGNOSTICS),
  };
}

/**
 * Checks the graph of an entry without packages and network, then resolves its packages.
 * @returns the graph, its lock, and flags with which every further run of the compiler sees the same modules
 * @throws {BuildRejection} with every import that leaves the commit, leads nowhere, or names a package or version that
 * the registry does not have
 */
export async function resolveGraph(
  commit: Commit,
  context: BuildContext,
  entry: string,
) {
  const { workspace, compiler } = context;
  const isolated = [...commit.flags, ...ISOLATED, `--import-map=${workspace.importMap}`];
  const info = ["info", "--json", ...isolated];
  const local = readGraph(await compiler.run([...info, "--no-npm", "--no-lock", entry]), workspace);
  // Imports may fail because of such an error alone.
  rejectIfAny(commit.project.errorsFor(graphPaths(local, commit)), compiler);
  const errors = graphDiagnostics(withoutNpmErrors(local), commit);
  if (!hasPackages(local)) {
    rejectIfAny(errors, compiler);
    return { graph: local, flags: [...isolated, "--no-lock"], locked: EMPTY_LOCK };
  }
  const lock = `--lock=${workspace.lock}`;
  try {
    const graph = readGraph(await compiler.runWithRegistry([...info, lock, entry]), workspace);
    rejectIfAny(graphDiagnostics(graph, commit), compiler);
    return { graph, flags: [...isolated, lock], locked: await readLock(context) };
  } catch (error) {
    throw errors.length === 0 ? error : withErrors(errors, error);
  }
}

/**
 * A rejection that also names the errors known without the registry. They count even if the registry fails or a limit is
 * reached.
 */
function withErrors(errors: readonly Diagnostic[], error: unknown): BuildRejection {
  const further = error instanceof BuildRejection && !(error instanceof LimitReached)
    ? error.diagnostics
    : [];
  return new BuildRejection(...distinct([...errors, ...further]).toSorted(byPosition));
}

/**
 * Writes the lock, the import map and the options of the commit into the workspace.
 * @throws {BuildRejection} for an invalid lock
 */
export async function prepare(context: BuildContext): Promise<Commit> {
  const { workspace, tree } = context;
  await seedLock(context);
  const project = new ProjectFiles(tree);
  const map = project.importMap("./src/", SDK_IMPORTS);
  await Deno.writeTextFile(workspace.importMap, map, { mode: 0o600 });
  const options = project.compilerOptions();
  if (options.size > 0) {
    const config = JSON.stringify({ compilerOptions: Object.fromEntries(options) });
    await Deno.writeTextFile(workspace.config, config, { mode: 0o600 });
  }
  const flags = [options.size > 0 ? `--config=${workspace.config}` : "--no-config"];
  return { source: workspace.source, sdk: workspace.sdk, tree, project, flags };
}

async function seedLock({ workspace, tree, registry }: BuildContext): Promise<void> {
  const given = tree.nearest(LOCK_NAME);
  if (given === undefined) return;
  const checked = checkLock(new TextDecoder().decode(given.content), registry);
  if (checked.kind === "error") {
    throw new BuildRejection({
      path: tree.shown(given.path),
      message: `Invalid lock file: ${checked.message}`,
    });
  }
  if (checked.hasTarballs) await unsharePackages(workspace);
  await Deno.writeTextFile(workspace.lock, checked.text);
}

/** The lock that the compiler has written into the workspace. @throws {BuildRejection} for an invalid lock */
export async function readLock({ workspace, registry }: BuildContext): Promise<string> {
  const text = await ifExists(Deno.readTextFile(workspace.lock));
  if (text === undefined) return EMPTY_LOCK;
  const checked = checkLock(text, registry);
  if (checked.kind === "error") {
    throw new BuildRejection({ message: `Failed to lock the dependencies: ${checked.message}` });
  }
  return checked.text;
}

/** @throws {BuildRejection} with the reason that the compiler names */
export function readGraph({ code, stdout, stderr }: Exited, workspace: Workspace): Graph {
  if (code === 0) return parseGraph(stdout);
  const message = stderr.split("\n").find((line) => line.startsWith("error: "))?.slice(7);
  if (message === undefined) {
    throw new Error(
      `Failed to read the module graph in ${workspace.root}: exit code ${code}: ${stderr}`,
    );
  }
  throw new BuildRejection({ message });
}

// The first graph is read without npm, so every package fails in it.
function withoutNpmErrors(graph: Graph): Graph {
  return {
    ...graph,
    modules: graph.modules.filter(({ specifier }) => !specifier.startsWith("npm:")),
  };
}

/** Messages of Deno for a download that failed, or whose content it cannot read. */
const DOWNLOAD_FAILED = /(?:^|[^\\]": )(?:failed to download |Failed loading https?:)/;
const UNREADABLE = /Failed loading https?:\S+ for package .*/;

/**
 * Ends the build for errors of the commit or of its packages.
 * @throws {BuildRejection}
 * @throws {Error} if the registry failed: an error of the server, not of the commit
 */
function rejectIfAny(diagnostics: readonly Diagnostic[], { registryHasFailed }: Compiler): void {
  const failed = diagnostics.find(({ message }) => DOWNLOAD_FAILED.test(message));
  if (failed && (registryHasFailed || !UNREADABLE.test(failed.message))) {
    throw new Error(`Failed to download what the build needs: ${failed.message}`);
  }
  if (diagnostics.length === 0) return;
  throw new BuildRejection(...diagnostics.map((diagnostic) => ({
    ...diagnostic,
    message: diagnostic.message.replace(
      UNREADABLE,
      "the registry's description of the package is not valid",
    ),
  })));
}

async function readOutput(
  { workspace, limits }: BuildContext,
  nameOf: NameOf,
  bundled: Bundle,
): Promise<Pick<Artifact, "script" | "sourceMap"> & { readonly bundle: string }> {
  const { size } = await Deno.stat(workspace.bundle);
  if (size > limits.artifactBytes) {
    throw new BuildRejection({
      message: `the bundle has ${formatBytes(size)}, more than its limit of ${
        formatBytes(limits.artifactBytes)
      } (--max-artifact)`,
    });
  }
  const written = await Deno.readTextFile(workspace.bundle);
  const map = await Deno.readTextFile(workspace.sourceMap);
  const sourceMap = toSourceMap(written, map, workspace, nameOf);
  if (sourceMap === undefined) {
    throw new BuildRejection({ message: REACHES_OUTSIDE });
  }
  const { missing } = bundled;
  const renamed = renameModules(written, workspace, nameOf);
  const misplaced = misplacedMissing(renamed, missing);
  if (misplaced.length > 0) throw new BuildRejection(...misplaced);
  const bundle = restoreLines(callableDefaults(renamed));
  const specifiers = new Set(missing.map(({ specifier }) => specifier));
  const carrying = await carryFiles(bundle, bundled.graph, {
    roots: packageRoots(workspace),
    modules: commentNames(bundled.graph, workspace, nameOf),
    // Base64 has a third more.
    bytesMax: Math.max(0, Math.floor((limits.artifactBytes - bundle.length) * 0.75)),
  });
  const options = { missing: specifiers, carrying };
  const script = await toScript(carrying?.bundle ?? bundle, SCRIPT_URL, options);
  if (script.kind !== "script") throw new BuildRejection(scriptDiagnostic(script, bundled));
  if (script.text.includes(workspace.root)) {
    throw new BuildRejection({
      message: "the bundle names a directory of the server",
    });
  }
  return { script: script.text, sourceMap, bundle };
}
