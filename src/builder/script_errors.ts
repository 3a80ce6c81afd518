/** Says why a bundle is no script, at the line of the author that causes it. */

import { moduleError } from "../shared/explanation.ts";
import type { Diagnostic } from "./contract.ts";
import { type Commit, commitPath, type Graph } from "./graph.ts";
import type { Missing } from "./missing.ts";
import type { Script } from "./script.ts";

/** What a bundle was made of. */
export interface Bundle {
  readonly graph: Graph;
  readonly commit: Commit;
  /** The path of the function's module in the author's tree. */
  readonly main: string;
  /** Modules that were left out. */
  readonly missing: readonly Missing[];
}

/** The error of a bundle. */
export function scriptDiagnostic(
  script: Exclude<Script, { readonly kind: "script" }>,
  bundle: Bundle,
): Diagnostic {
  switch (script.kind) {
    case "error":
      return { message: script.message };
    case "commonJs":
      return commonJsMain(bundle);
    case "import":
      return importError(script.specifier, script.importer, bundle);
  }
}

/** What assigns an export of CommonJS. */
const COMMON_JS_EXPORT = /\b(?:module\s*\.\s*)?exports\b/;

function commonJsMain({ commit: { tree }, main }: Bundle): Diagnostic {
  const text = new TextDecoder().decode(tree.files.get(main));
  const before = text.slice(0, COMMON_JS_EXPORT.exec(text)?.index ?? 0).split("\n");
  return {
    path: tree.shown(main),
    line: before.length,
    column: (before.at(-1)?.length ?? 0) + 1,
    message:
      "CommonJS exports do not work in main.ts, which is an ES module: write `export default`, " +
      "and `import` instead of `require`",
  };
}

/** An import at which every evaluation of the bundle would fail. */
function importError(
  specifier: string,
  importer: string,
  { graph, commit, missing }: Bundle,
): Diagnostic {
  const error = missing.find((one) => one.specifier === specifier)?.error;
  if (error !== undefined) return error;
  const message = `Cannot import ${JSON.stringify(specifier)}: ${moduleError(specifier)}`;
  for (const { specifier: module, dependencies = [] } of graph.modules) {
    const path = commitPath(module, commit);
    if (path === undefined || commit.tree.shown(path) !== importer) continue;
    const found = dependencies.find(({ code }) => code?.specifier === specifier);
    const start = found?.code?.span?.start;
    if (start) {
      return { path: importer, line: start.line + 1, column: start.character + 1, message };
    }
  }
  return importer === "" ? { message } : { path: importer, message };
}
