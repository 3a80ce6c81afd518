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

/** The module whose default export is the function. */
export const ENTRY = "main.ts";

/** No configuration, no lifecycle scripts (they need a node_modules directory), no modules by URL. */
const ISOLATED = ["--no-config", "--node-modules-dir=none", "--no-remote"];

/** Why a build ended early. */
export class Refusal extends Error {
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
  const outcome = await orRefusal(workspace, () => build(workspace, files, context));
  if (outcome.kind === "refused") return refused(...outcome.diagnostics);
  return { kind: "built", artifact: outcome.value };
}

/** What came of work in a workspace: its value, or why the commit is refused, free of server paths. */
export type Outcome<T> =
  | { readonly kind: "done"; readonly value: T }
  | { readonly kind: "refused"; readonly diagnostics: readonly Diagnostic[] };

/** Does work that ends early by throwing a {@link Refusal}. */
export async function orRefusal<T>(
  workspace: Workspace,
  work: () => Promise<T>,
): Promise<Outcome<T>> {
  try {
    return { kind: "done", value: await work() };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return {
      kind: "refused",
      diagnostics: error.diagnostics.map((found) => scrubbed(found, workspace)),
    };
  }
}

/** The diagnostic without the server's own directories. */
export function scrubbed(diagnostic: Diagnostic, workspace: Workspace): Diagnostic {
  const hidden = [
    { directory: workspace.source, by: "" },
    { directory: workspace.root, by: "" },
    ...workspace.downloads.map((directory) => ({ directory, by: "npm/" })),
  ];
  return { ...diagnostic, message: scrub(diagnostic.message, hidden) };
}

async function build(
  workspace: Workspace,
  files: SourceFiles,
  context: BuildContext,
): Promise<Artifact> {
  await seedLock(workspace, files, context);
  const { graph, commit, flags, locked } = await resolveGraph(workspace, files, context, ENTRY);
  const nameOf = moduleNames(graph, commit);
  const bundled = await run(workspace, context, [
    ...["bundle", "--platform", "deno", "--format", "esm", "--sourcemap=external", "--no-check"],
    ...[...flags, "-o", workspace.bundle, ENTRY],
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

/** The module graph of one entry: checked, its packages downloaded and locked. */
export interface Resolved {
  readonly graph: Graph;
  readonly commit: Commit;
  /** With which every further run of the compiler sees the same modules. */
  readonly flags: readonly string[];
  readonly locked: string;
}

/**
 * Checks the graph of an entry without packages and network, then resolves its packages.
 * @throws {Refusal} where it leaves the commit, or a package cannot be had
 */
export async function resolveGraph(
  workspace: Workspace,
  files: SourceFiles,
  context: BuildContext,
  entry: string,
): Promise<Resolved> {
  const { source, sdk } = workspace;
  const commit: Commit = { source, sdk, has: (path) => files.has(path) };
  const isolated = [...ISOLATED, `--import-map=${workspace.importMap}`];
  const inspect = async (...flags: readonly string[]) =>
    readGraph(
      await run(workspace, context, ["info", "--json", ...isolated, ...flags, entry]),
      workspace,
    );
  const local = await inspect("--no-npm", "--no-lock");
  refuseIfAny(graphDiagnostics(withoutNpmErrors(local), commit));
  if (!hasPackages(local)) {
    return { graph: local, commit, flags: [...isolated, "--no-lock"], locked: EMPTY_LOCK };
  }
  const lock = `--lock=${workspace.lock}`;
  const graph = await inspect(lock);
  refuseIfAny(graphDiagnostics(graph, commit));
  const locked = await readLock(workspace, registryOf(context.registryEnv));
  return { graph, commit, flags: [...isolated, lock], locked };
}

/** Puts the lock that came along into the workspace. @throws {Refusal} for one that cannot be used */
export async function seedLock(
  workspace: Workspace,
  files: SourceFiles,
  { registryEnv }: BuildContext,
): Promise<void> {
  const given = files.get(LOCK_NAME);
  if (given === undefined) return;
  const checked = checkLock(new TextDecoder().decode(given), registryOf(registryEnv));
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

/** Runs the compiler in the workspace. @throws {Refusal} where it reaches a limit */
export async function run(
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
