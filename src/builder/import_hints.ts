/** What to write instead of an import that does not resolve, as far as the configuration files of the commit know. */

import { isBuiltin } from "node:module";
import { nearest } from "../config/mod.ts";
import type { NamedImport, ProjectFiles } from "./project/project_files.ts";
import type { SourceTree } from "./source_tree.ts";

const ALIAS = /^(?:[@~$]\/|#)/;
const BARE = /^@?[\w-][\w./@-]*$/;
const PACKAGE = /^(?:@[^/@]+\/)?[^/@]+/;

/** Longest name of a package in UTF-16 code units, and names that one is compared with: both are the author's. */
const NAME_MAX_UNITS = 214;
const MAX_COMPARED = 1000;

/** The name that somebody may have meant. */
export function similarName(name: string, names: readonly string[]): string | undefined {
  if (name.length > NAME_MAX_UNITS) return undefined;
  const compared = names.filter(({ length }) => length <= NAME_MAX_UNITS);
  return nearest(name, compared.slice(0, MAX_COMPARED));
}

/** The files of a commit. */
interface Source {
  readonly tree: SourceTree;
  readonly project: ProjectFiles;
}

/**
 * The next step after a name that no configuration file maps for its module.
 * @param written as the import has it
 * @param importer path of the module in the author's tree
 * @returns undefined for a text that is no name
 */
export function bareHint(
  written: string,
  importer: string,
  { project, tree }: Source,
): string | undefined {
  if (isBuiltin(written)) return `a module of Node.js is imported as "node:${written}"`;
  const elsewhere = project.lookUp(written);
  if (elsewhere !== undefined) return elsewhereHint(elsewhere);
  if (ALIAS.test(written)) {
    const unused = tree.has(tree.ofFunction("tsconfig.json"))
      ? "; paths of tsconfig.json have no effect"
      : "";
    return `no imports of a deno.json or package.json name the alias${unused}`;
  }
  if (!BARE.test(written)) return undefined;
  const [name = written] = PACKAGE.exec(written) ?? [];
  const names = project.namesFor(importer);
  const meant = similarName(name, names.map(({ key }) => key));
  const similar = names.find(({ key }) => key === meant);
  const didYouMean = similar === undefined || meant === undefined
    ? ""
    : `; did you mean ${
      JSON.stringify(meant + written.slice(name.length))
    }, which ${similar.at} names?`;
  const entry = project.hasPackageJson(importer)
    ? "added to the dependencies of package.json"
    : "named in the imports of deno.json";
  return `a package is imported as "npm:${written}", or ${entry}${didYouMean}`;
}

function elsewhereHint({ at, specifier }: NamedImport): string {
  const instead = specifier === undefined ? "" : `import ${JSON.stringify(specifier)}, or `;
  return `${at} names it for the modules of its own folder alone; ${instead}` +
    "name it in a deno.json or package.json above this module";
}

/** The error of a package with the configuration file that names its version, unless the import has it itself. */
export function withOrigin(
  error: string,
  written: string,
  importer: string,
  { project }: Pick<Source, "project">,
): string {
  const named = written.startsWith("npm:") ? undefined : project.lookUp(written, importer);
  return named?.specifier === undefined
    ? error
    : `${error.replace(/\.$/, "")}; ${named.at} names ${named.specifier}`;
}

/** The end of a reason that names a package of npm as a replacement. */
const REPLACEMENT = /use (npm:\S+)$/;
const SUBPATH = /^npm:(?:@[^/]+\/)?[^/]+(\/.*)$/;

/** The reason, also with the name under which a configuration file has the package that it proposes. */
export function withNamedPackage(
  reason: string,
  importer: string,
  { project }: Pick<Source, "project">,
): string {
  const [, proposed] = REPLACEMENT.exec(reason) ?? [];
  if (proposed === undefined) return reason;
  const named = project.namesFor(importer).find(({ specifier }) =>
    specifier !== undefined && packageOf(specifier) === packageOf(proposed)
  );
  if (named === undefined) return reason;
  const subpath = SUBPATH.exec(proposed)?.[1] ?? "";
  return `${reason}, or ${JSON.stringify(named.key + subpath)}, which ${named.at} names`;
}

function packageOf(specifier: string): string | undefined {
  return PACKAGE.exec(specifier.replace(/^npm:\/?/, ""))?.[0];
}
