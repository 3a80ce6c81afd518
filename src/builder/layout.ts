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

/** A source map for the script, or `undefined` when a source is neither the commit's nor a package's. */
export function toSourceMap(
  json: string,
  workspace: Workspace,
  nameOf: NameOf,
): string | undefined {
  const map = mapSchema.parse(JSON.parse(json));
  const base = dirname(workspace.sourceMap);
  const sources: string[] = [];
  for (const source of map.sources) {
    const name = nameOf(resolve(base, source));
    if (name === undefined) return undefined;
    sources.push(name);
  }
  // The script has one line more than the bundle, in front.
  return JSON.stringify({ version: 3, sources, names: map.names, mappings: `;${map.mappings}` });
}

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
