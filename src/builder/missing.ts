/**
 * Modules that packages name and do not have: native code for another machine, optional dependencies, generated code.
 * Node.js looks for them when they are required, and packages expect that. The bundler fails at them, even where the
 * package would catch the error. So they stay out of the bundle, and their `require` fails in the function.
 */

import { packageError } from "../shared/explanation.ts";
import { type BundleError, bundleErrors } from "./compiler_errors.ts";
import type { Exited } from "./compiler.ts";
import type { Diagnostic } from "./contract.ts";
import { distinct } from "./diagnostics.ts";
import { type Commit, commitPath, type Graph } from "./graph.ts";
import type { NameOf } from "./layout.ts";
import type { Workspace } from "./workspace.ts";

/** Runs of the bundler for one bundle: each may name further missing modules. */
const RUNS_MAX = 3;

/** Most missing modules of one commit. */
const MISSING_MAX = 200;

/** What may be an argument of the bundler: it is no pattern. */
const ARGUMENT = /^[\x21-\x29\x2b-\x7e]{1,500}$/;

/** A bundle was written, without the modules that are missing; or the commit has errors. */
type Bundled =
  | { readonly kind: "bundled"; readonly missing: readonly Missing[] }
  | { readonly kind: "errors"; readonly diagnostics: readonly Diagnostic[] };

/** A missing module, and the error of the module that names it. */
export interface Missing {
  /** As the module writes it. */
  readonly specifier: string;
  readonly error: Diagnostic;
}

/** The sources of a bundle. */
interface Bundling {
  readonly workspace: Workspace;
  readonly graph: Graph;
  readonly commit: Commit;
  readonly nameOf: NameOf;
  /** Runs the bundler with further arguments. */
  readonly run: (args: readonly string[]) => Promise<Exited>;
}

/** Bundles, and leaves out what packages do not have. */
export async function bundleWithoutMissing(bundling: Bundling): Promise<Bundled> {
  const { workspace, nameOf, run } = bundling;
  const missing: Missing[] = [];
  for (let runs = 1;; runs++) {
    const externals = new Set(missing.map(({ specifier }) => `--external=${specifier}`));
    const { code, stderr } = await run([...externals]);
    if (code === 0) return { kind: "bundled", missing };
    const errors = await bundleErrors(stderr, workspace, nameOf);
    const found = errors.flatMap((error) => missingOf(error));
    const diagnostics = errors.map(({ diagnostic }) =>
      atImport(diagnostic, bundling) ?? diagnostic
    );
    const isHopeless = found.length < errors.length || errors.length === 0 || runs === RUNS_MAX ||
      found.length + missing.length > MISSING_MAX;
    if (isHopeless || diagnostics.some((one, index) => one !== errors[index]?.diagnostic)) {
      return { kind: "errors", diagnostics: distinct(diagnostics) };
    }
    missing.push(...found);
  }
}

function missingOf({ missing, diagnostic }: BundleError): Missing[] {
  const isOfPackage = diagnostic.path?.startsWith("npm:") === true;
  return missing !== undefined && isOfPackage && ARGUMENT.test(missing)
    ? [{ specifier: missing, error: diagnostic }]
    : [];
}

/** An error in a package that the author imports and that cannot work, at that import. */
function atImport(error: Diagnostic, { graph, commit }: Bundling): Diagnostic | undefined {
  const [, name = ""] = /^npm:((?:@[^/@]+\/)?[^/@]+)@/.exec(error.path ?? "") ?? [];
  const why = packageError(name);
  if (why === undefined) return undefined;
  const pattern = new RegExp(`^npm:/?${RegExp.escape(name)}(?:[@/]|$)`);
  for (const { specifier, dependencies = [] } of graph.modules) {
    const path = commitPath(specifier, commit);
    const found = dependencies.find(({ code }) => pattern.test(code?.specifier ?? ""));
    if (path === undefined || found === undefined) continue;
    const start = found.code?.span?.start;
    return {
      path: commit.tree.shown(path),
      ...(start ? { line: start.line + 1, column: start.character + 1 } : {}),
      message: `Cannot import ${JSON.stringify(found.specifier)}: ${why}`,
    };
  }
  return undefined;
}

/** The comment before each module of a bundle, and a JavaScript call with one string argument. Takes linear time. */
const MODULE_OR_CALL = /^\/\/ (\S.*)$|\("([^"\\\n]{1,500})"\)/gm;

/**
 * The errors of missing modules that other modules name, too: what has that name is left out of the whole bundle.
 * @param bundle with renamed modules
 */
export function misplacedMissing(bundle: string, missing: readonly Missing[]): Diagnostic[] {
  if (missing.length === 0) return [];
  const importers = new Map<string, Set<string | undefined>>();
  for (const { specifier, error } of missing) {
    importers.set(specifier, (importers.get(specifier) ?? new Set()).add(error.path));
  }
  const misplaced = new Set<string>();
  let module = "";
  for (const [, comment, argument = ""] of bundle.matchAll(MODULE_OR_CALL)) {
    module = comment ?? module;
    for (const name of namesOf(argument)) {
      if (importers.get(name)?.has(module) === false) misplaced.add(name);
    }
  }
  return missing.filter(({ specifier }) => misplaced.has(specifier)).map(({ error }) => error);
}

/** A specifier, and the package that it is of: the bundler leaves out `name/x` with `name`. */
function namesOf(specifier: string): string[] {
  const [scope = "", name] = specifier.split("/", 2);
  return [specifier, scope, ...(name === undefined ? [] : [`${scope}/${name}`])];
}
