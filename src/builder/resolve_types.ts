/** Resolves packages that code names before a commit has them, so that an editor gets their types. Packages are hostile. */

import {
  type BuildContext,
  catchRejection,
  ENTRY,
  ISOLATED,
  prepare,
  readGraph,
  readLock,
  scrubbed,
} from "./build.ts";
import type { PackageError, ResolvedPackages } from "./contract.ts";
import type { Graph } from "./graph.ts";
import { EMPTY_LOCK, LOCK_NAME } from "./lock.ts";
import { SourceTree } from "./source_tree.ts";

/** The tree of a module that imports the packages, with the lock file of their author, if any. */
export function treeOf(packages: readonly string[], lock: string | undefined): SourceTree {
  const encoder = new TextEncoder();
  const files = new Map([[ENTRY, encoder.encode(moduleOf(packages))]]);
  if (lock !== undefined) files.set(LOCK_NAME, encoder.encode(lock));
  const tree = SourceTree.of(files);
  if (tree instanceof SourceTree) return tree;
  throw new Error(`Failed to import packages: ${tree.message}`);
}

/**
 * Downloads the packages of {@link treeOf} and what they depend on, and locks them, as the build of a commit does. No code
 * of a package runs.
 */
export async function resolvePackagesIn(
  context: BuildContext,
  packages: readonly string[],
): Promise<ResolvedPackages> {
  const outcome = await catchRejection(context, () => resolve(context, packages));
  return outcome.kind === "rejected"
    ? { kind: "rejected", diagnostics: outcome.diagnostics }
    : outcome.value;
}

async function resolve(
  context: BuildContext,
  packages: readonly string[],
): Promise<ResolvedPackages> {
  const { workspace, tree, compiler } = context;
  const { flags } = await prepare(context);
  const info = ["info", "--json", ...flags, ...ISOLATED, `--import-map=${workspace.importMap}`];
  const read = async () => {
    const args = [...info, `--lock=${workspace.lock}`, tree.ofFunction(ENTRY)];
    return readGraph(await compiler.runWithRegistry(args), workspace);
  };
  const errors = errorsOf(await read()).map(({ name, message }) => ({
    name,
    message: scrubbed({ message }, context).message,
  }));
  if (errors.length === 0) return { kind: "resolved", lock: await readLock(context), errors };
  // One package that does not resolve keeps the compiler from downloading the other packages.
  const failed = new Set(errors.map(({ name }) => name));
  const others = packages.filter((name) => !failed.has(name));
  if (others.length === 0) return { kind: "resolved", lock: EMPTY_LOCK, errors };
  await Deno.writeTextFile(`${workspace.source}/${tree.ofFunction(ENTRY)}`, moduleOf(others));
  await read();
  return { kind: "resolved", lock: await readLock(context), errors };
}

function moduleOf(packages: readonly string[]): string {
  return packages.map((name) => `import ${JSON.stringify(`npm:${name}`)};\n`).join("");
}

/** Why packages do not resolve, each by the name with which it was asked for. */
function errorsOf({ modules }: Graph): readonly PackageError[] {
  return modules.flatMap(({ specifier, error }) =>
    error === undefined ? [] : [{ name: specifier.replace(/^npm:/, ""), message: error }]
  );
}
