/** Checks the module paths that the bundler writes, and replaces them by names that reveal nothing of the server. */

import { dirname, relative, resolve } from "node:path";
import { z } from "zod";
import { fromFileUrl } from "./file_url.ts";
import { type Commit, type Graph, graphPaths } from "./graph.ts";
import { sdkModuleName } from "./sdk.ts";
import type { Workspace } from "./workspace.ts";

const mapSchema = z.object({
  version: z.literal(3),
  sources: z.array(z.string()),
  names: z.array(z.string()),
  mappings: z.string(),
});

/** The name that users see for a module of the bundle; undefined for a module that must not be in it. */
export type NameOf = (file: string) => string | undefined;

/**
 * Names modules of the graph: the commit's own files as their author writes them, files of packages as `npm:name@version/path`,
 * the server's own modules by their specifiers.
 */
export function moduleNames(graph: Graph, commit: Commit): NameOf {
  const paths = graphPaths(graph, commit);
  const packages = Object.values(graph.npmPackages).flatMap(({ name, version, localPath }) =>
    localPath === undefined ? [] : [{ prefix: `${localPath}/`, by: `npm:${name}@${version}/` }]
  );
  return (file) => {
    if (file.startsWith(`${commit.source}/`)) {
      const path = file.slice(commit.source.length + 1);
      return paths.has(path) && commit.tree.has(path)
        ? ownName(commit.tree.shown(path))
        : undefined;
    }
    const sdkModule = sdkModuleName(file, commit.sdk);
    if (sdkModule !== undefined) return sdkModule;
    const found = packages.find(({ prefix }) => file.startsWith(prefix));
    return found && found.by + file.slice(found.prefix.length);
  };
}

/** The name of an author's file, which is never that of a package: packages are trusted in what authors are not. */
function ownName(shown: string): string {
  return shown.startsWith("npm:") ? `./${shown}` : shown;
}

/**
 * The comment that the bundler writes before each module: its path relative to the commit's directory, and the
 * attributes of its import. Matching must take linear time, because the author may write a bundle of one line.
 */
const MODULE_COMMENT = /^\/\/ (\S.*)$/gm;
const ATTRIBUTES = " with {";

/**
 * The source map of the script; undefined if the bundle contains a module of neither the commit nor a package. The
 * bundler's comments list the modules. The map does not: packages have maps of their own, which name the sources
 * that they were compiled from.
 */
export function toSourceMap(
  bundle: string,
  json: string,
  workspace: Workspace,
  nameOf: NameOf,
): string | undefined {
  const modules = new Set<string>();
  for (const [, comment = ""] of bundle.matchAll(MODULE_COMMENT)) {
    const path = commentName(comment);
    const file = resolve(workspace.source, path);
    // A line of a string may look like such a comment: below the commit's directory the map decides.
    if (path.startsWith("../") && nameOf(file) === undefined) return undefined;
    modules.add(file);
  }
  const map = mapSchema.parse(JSON.parse(json));
  const base = dirname(workspace.sourceMap);
  const sources: string[] = [];
  for (const source of map.sources) {
    const file = resolve(base, source);
    const name = nameOf(file);
    if (name === undefined && modules.has(file)) return undefined;
    sources.push(name ?? originName(source, file, workspace));
  }
  // The script has one line more than the bundle, before it.
  return JSON.stringify({ version: 3, sources, names: map.names, mappings: `;${map.mappings}` });
}

/** The name of a source in a package's own map: a URL unchanged, a path without the directories above the packages. */
function originName(source: string, file: string, { downloads }: Workspace): string {
  const unknown = "(source of a package)";
  if (!PRINTABLE.test(source)) return unknown;
  if (/^https?:\/\//.test(source)) return source;
  const directory = downloads.find((directory) => file.startsWith(`${directory}/`));
  if (directory === undefined) return unknown;
  const [, ...path] = file.slice(directory.length + 1).split("/");
  return `npm:${path.join("/")}`;
}

const PRINTABLE = /^[\x21-\x7e]+$/;

/** The names of modules of neither a package nor Node.js in the comments of a bundle that {@link renameModules} made. */
export function commentNames(
  { modules }: Graph,
  { source }: Workspace,
  nameOf: NameOf,
): ReadonlySet<string> {
  return new Set(modules.flatMap(({ specifier }) => {
    const file = fromFileUrl(specifier);
    return file === undefined ? [] : [relative(source, file), nameOf(file) ?? ""];
  }));
}

/** The name of a module in its comment, without the attributes of its import. */
export function commentName(comment: string): string {
  return comment.split(ATTRIBUTES, 1)[0] ?? "";
}

/**
 * Renames the modules of packages in the comments and property names that the bundler writes. Other lines and the
 * number of lines do not change.
 */
export function renameModules(bundle: string, workspace: Workspace, nameOf: NameOf): string {
  const written = /(^\/\/ |^ {2}["']| in )((?:\.\.\/)+[^"'\n]+?)(?=["']|$| with )/gm;
  const renamed = bundle.replace(written, (whole, before: string, file: string) => {
    const name = nameOf(resolve(workspace.source, file));
    return name === undefined ? whole : before + name;
  });
  // For every other form: the directory of the cache must not be revealed.
  return workspace.downloads.reduce(
    (text, directory) => text.replaceAll(relative(workspace.source, directory), "npm:"),
    renamed,
  );
}
