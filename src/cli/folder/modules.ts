/** The modules that a function imports, found by the compiler of builds. */
import { join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import type { SourceFiles } from "../../builder/contract.ts";
import { fromFileUrl } from "../../builder/file_url.ts";
import { type Graph, parseGraph } from "../../builder/graph.ts";
import { ProjectFiles } from "../../builder/project/project_files.ts";
import { SDK_IMPORTS } from "../../builder/sdk.ts";
import { SourceTree } from "../../builder/source_tree.ts";
import { Failure } from "../terminal/failure.ts";

/** A module of a function. */
export interface Module {
  /** From the root. */
  readonly path: string;
  /** File and line of its first import, such as `main.ts:1`, from the root. */
  readonly importedAt: string;
  /** The text of that import. */
  readonly written: string;
}

/** Neither configuration nor network: only files are read. */
const ARGS = ["info", "--json", "--no-config", "--no-npm", "--no-remote", "--no-lock"] as const;

/**
 * The modules that the entries of a function import, including missing modules.
 *
 * @param root absolute path of a folder above the function's folder
 * @param folder from the root to the function's folder
 * @param files the function's files and configuration files, by path from the root
 * @param entries names of files in the function's folder
 */
export async function readModules(
  { root, folder, files, entries }: {
    readonly root: string;
    readonly folder: string;
    readonly files: SourceFiles;
    readonly entries: readonly string[];
  },
): Promise<Module[]> {
  const directory = await Deno.makeTempDir({ prefix: "invoked-modules-" });
  try {
    const [map, entry] = [join(directory, "imports.json"), join(directory, "entry.ts")];
    const server = Object.fromEntries(
      Object.keys(SDK_IMPORTS).map((specifier) => [specifier, `invoked:${specifier}`]),
    );
    const project = new ProjectFiles(new SourceTree(files, folder));
    await Deno.writeTextFile(map, project.importMap(`${pathToFileURL(root).href}/`, server));
    const urls = entries.map((name) => pathToFileURL(join(root, folder, name)).href);
    await Deno.writeTextFile(entry, urls.map((url) => `import ${JSON.stringify(url)};\n`).join(""));
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [...ARGS, `--import-map=${map}`, entry],
      cwd: directory,
      env: { DENO_DIR: join(directory, "deno"), DENO_NO_PACKAGE_JSON: "1", NO_COLOR: "1" },
    }).output();
    const decoder = new TextDecoder();
    if (code !== 0) {
      throw new Failure(
        `Failed to read the imports of the function: ${decoder.decode(stderr).trim()}`,
      );
    }
    return modulesOf(parseGraph(decoder.decode(stdout)), root, directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

function modulesOf(graph: Graph, root: string, directory: string): Module[] {
  const found = new Map<string, Module>();
  for (const { specifier, dependencies = [] } of graph.modules) {
    const importer = fromFileUrl(specifier);
    if (importer === undefined || importer.startsWith(`${directory}/`)) continue;
    for (const { specifier: written, code, type } of dependencies) {
      for (const resolution of [code, type]) {
        const file = fromFileUrl(resolution?.specifier ?? "");
        if (file === undefined || found.has(file)) continue;
        const line = (resolution?.span?.start.line ?? 0) + 1;
        const importedAt = `${relative(root, importer)}:${line}`;
        found.set(file, { path: relative(root, file), importedAt, written });
      }
    }
  }
  return [...found.values()];
}
