/** What the bundler wrote about where modules lie: checked, and turned into names that say nothing of the server. */

import { dirname, relative, resolve } from "node:path";
import { z } from "zod";
import { type Commit, type Graph, graphPaths } from "./graph.ts";
import { sdkModuleName } from "./sdk.ts";
import type { Workspace } from "./workspace.ts";

const mapSchema = z.object({
  version: z.literal(3),
  sources: z.array(z.string()),
  names: z.array(z.string()),
  mappings: z.string(),
});

/** A module of the bundle by the name that users see, or `undefined` when it should not be there. */
export type NameOf = (file: string) => string | undefined;

/** Names the commit's own files in the graph by their paths and those of the graph's packages as `npm:name@version/path`; the server's own modules are named as they are imported. */
export function moduleNames(graph: Graph, commit: Commit): NameOf {
  const paths = graphPaths(graph, commit);
  const packages = Object.values(graph.npmPackages).flatMap(({ name, version, localPath }) =>
    localPath === undefined ? [] : [{ prefix: `${localPath}/`, by: `npm:${name}@${version}/` }]
  );
  return (file) => {
    if (file.startsWith(`${commit.source}/`)) {
      const path = file.slice(commit.source.length + 1);
      return paths.has(path) && commit.has(path) ? path : undefined;
    }
    const sdkModule = sdkModuleName(file, commit.sdk);
    if (sdkModule !== undefined) return sdkModule;
    const found = packages.find(({ prefix }) => file.startsWith(prefix));
    return found && found.by + file.slice(found.prefix.length);
  };
}

/**
 * The comment that the bundler writes before each module: its path, seen from the commit's directory, and the
 * attributes of its import. It must take linear time: the bundle is the author's, and a line may be all of it.
 */
const MODULE_COMMENT = /^\/\/ (\S.*)$/gm;
const ATTRIBUTES = " with {";

/**
 * A source map for the script, or `undefined` when the bundle holds a module that is neither the commit's nor
 * a package's. The bundler's comments tell which modules there are. The map tells it of those without a map of
 * their own only: packages bring maps along that name what they were compiled from, wherever that was.
 */
export function toSourceMap(
  bundle: string,
  json: string,
  workspace: Workspace,
  nameOf: NameOf,
): string | undefined {
  const modules = new Set<string>();
  for (const [, comment = ""] of bundle.matchAll(MODULE_COMMENT)) {
    const [path = ""] = comment.split(ATTRIBUTES, 1);
    const file = resolve(workspace.source, path);
    // A line of a text may look like a comment: below the commit's directory the map must agree.
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
  // The script has one line more than the bundle, in front.
  return JSON.stringify({ version: 3, sources, names: map.names, mappings: `;${map.mappings}` });
}

/** Names a source that a package's own map names: a URL as it is, a path without what lies above the packages. */
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

/**
 * Renames the modules of packages in the comments and property names that the bundler writes. Only lines of
 * the forms that it writes are touched, and no line is added or removed.
 */
export function renameModules(bundle: string, workspace: Workspace, nameOf: NameOf): string {
  const written = /(^\/\/ |^ {2}["']| in )((?:\.\.\/)+[^"'\n]+?)(?=["']|$| with )/gm;
  const renamed = bundle.replace(written, (whole, before: string, file: string) => {
    const name = nameOf(resolve(workspace.source, file));
    return name === undefined ? whole : before + name;
  });
  // Whatever form is not known above: where the cache lies differs from server to server, and is nobody's business.
  return workspace.downloads.reduce(
    (text, directory) => text.replaceAll(relative(workspace.source, directory), "npm:"),
    renamed,
  );
}
