/**
 * The content of the deno.json, deno.jsonc and package.json files of a commit: an import map, and options of the
 * compiler. A file counts for its folder and the folders below; a deeper file wins. The compiler sees none of the files
 * themselves.
 */

import { basename, dirname, join } from "node:path/posix";
import type { Diagnostic } from "../contract.ts";
import { isConfiguration } from "../paths.ts";
import { SDK_IMPORTS } from "../sdk.ts";
import { directoriesUp, type SourceTree } from "../source_tree.ts";
import type { ConfigFile, Entry } from "./config_file.ts";
import { invalid, readDenoConfig } from "./deno_config.ts";
import { readPackageJson } from "./package_json.ts";

/** The configuration files of one folder. Of the first two only one is read. */
export const CONFIG_NAMES = ["deno.json", "deno.jsonc", "package.json"] as const;

/** Bytes of configuration files that are read for one commit. */
const MAX_TOTAL_BYTES = 1024 * 1024;

/** The scheme of an entry that is rejected; no loader knows it. */
const REJECTED = "unsupported:";
const REJECTED_INDEX = /^unsupported:\/(\d+)(?:\/|$)/;
const MAX_WRITTEN_CHARS = 200;

/** Whether a build needs a configuration file: a file that only maps the modules of the server is for an editor. */
export function concernsBuild(path: string, content: Uint8Array): boolean {
  const { entries, options, errors } = read(path, content, () => [path]);
  return errors.length > 0 || options.size > 0 ||
    [...entries.keys()].some((key) => !Object.hasOwn(SDK_IMPORTS, key));
}

/** A name that a configuration file maps, for messages. */
export interface NamedImport {
  readonly key: string;
  /** The file as its author writes it, and the line, such as `deno.json:3`. */
  readonly at: string;
  /** The package or module as an import can name it, such as `npm:zod@^4`; undefined for files. */
  readonly specifier: string | undefined;
}

/** What the configuration files of a commit say to a build. */
export class ProjectFiles {
  readonly #files: ReadonlyMap<string, readonly ConfigFile[]>;
  readonly #rejected: string[] = [];

  constructor(private readonly tree: SourceTree) {
    this.#files = readConfigFiles(tree);
  }

  /**
   * The text of the import map.
   * @param source URL of the author's tree, with a slash at the end; relative URLs are below the map's directory
   * @param server modules of the server, which no configuration replaces
   */
  importMap(source: string, server: Readonly<Record<string, string>>): string {
    const scopes = [...this.#files].map(([directory, files]) => {
      const entries = new Map(files.flatMap(({ entries }) => [...entries]));
      // No module can import a name that is not well-formed, and the compiler cannot read it.
      const imports = [...entries.values()].filter(({ key }) => key.isWellFormed())
        .map((entry) => [entry.key, this.#url(entry, source)]);
      const scope = directory === "" ? source : `${source}${encoded(directory)}/`;
      return [scope, { ...Object.fromEntries(imports), ...server }];
    });
    return JSON.stringify({ imports: server, scopes: Object.fromEntries(scopes) });
  }

  /** Options of the compiler from the function's folder and the folders above it; a deeper folder wins. */
  compilerOptions(): ReadonlyMap<string, unknown> {
    const files = directoriesUp(this.tree.folder).toReversed()
      .flatMap((directory) => this.#files.get(directory) ?? []);
    return new Map(files.flatMap(({ options }) => [...options]));
  }

  /** Why the entry behind a resolved specifier cannot be imported; undefined for another specifier. */
  reasonOf(specifier: string): string | undefined {
    const [, index] = REJECTED_INDEX.exec(specifier) ?? [];
    return index === undefined ? undefined : this.#rejected[Number(index)];
  }

  /** The errors of the files that count for one of these paths. */
  errorsFor(paths: Iterable<string>): readonly Diagnostic[] {
    const directories = new Set([...paths].flatMap((path) => directoriesUp(dirname(path))));
    return [...directories].flatMap((directory) => this.#files.get(directory) ?? [])
      .flatMap(({ errors }) => errors)
      .map(({ path = "", ...error }) => ({ ...error, path: this.tree.shown(path) }));
  }

  /**
   * The entry of a name, or of the prefix that it begins with.
   * @param importer path of a module for which the file must count; without an importer any file of the commit is
   * searched
   */
  lookUp(written: string, importer?: string): NamedImport | undefined {
    const entries = importer === undefined
      ? this.#entriesIn(this.#files.keys())
      : this.#entriesFor(importer);
    const matching = entries.filter(({ key, target }) =>
      target.kind !== "rejected" &&
      (key === written || (key.endsWith("/") && written.startsWith(key)))
    );
    const [longest] = matching.toSorted((a, b) => b.key.length - a.key.length);
    return longest && this.#named(longest, written.slice(longest.key.length));
  }

  /** The names that the files which count for a module map to packages, without prefixes. */
  namesFor(importer: string): readonly NamedImport[] {
    return this.#entriesFor(importer)
      .filter(({ key, target }) =>
        target.kind === "module" && !key.endsWith("/") && !Object.hasOwn(SDK_IMPORTS, key)
      )
      .map((entry) => this.#named(entry, ""));
  }

  /** Whether a package.json counts for a module, and no deno.json that is as near. */
  hasPackageJson(importer: string): boolean {
    for (const directory of directoriesUp(dirname(importer))) {
      const has = (name: string) => this.tree.has(join(directory, name));
      if (has("deno.json") || has("deno.jsonc")) return false;
      if (has("package.json")) return true;
    }
    return false;
  }

  #named({ key, target, line, config }: Entry, rest: string): NamedImport {
    const specifier = target.kind === "module"
      ? target.specifier.replace(/^npm:\//, "npm:") + rest
      : undefined;
    return { key, at: `${this.tree.shown(config)}:${line}`, specifier };
  }

  /** The entries that count for a module; entries of nearer files come first. */
  #entriesFor(importer: string): readonly Entry[] {
    return this.#entriesIn(directoriesUp(dirname(importer)));
  }

  #entriesIn(directories: Iterable<string>): readonly Entry[] {
    return [...directories].flatMap((directory) => this.#files.get(directory) ?? [])
      .flatMap(({ entries }) => [...entries.values()]);
  }

  #url({ key, target, line, written, config }: Entry, source: string): string {
    if (target.kind === "module") return target.specifier;
    if (target.kind === "file") return source + encoded(target.path);
    const text = written.length > MAX_WRITTEN_CHARS
      ? `${written.slice(0, MAX_WRITTEN_CHARS).toWellFormed()}...`
      : written;
    const at = `${this.tree.shown(config)}:${line}`;
    const index = this.#rejected.push(`${at} maps it to ${JSON.stringify(text)}: ${target.reason}`);
    return `${REJECTED}/${index - 1}${key.endsWith("/") ? "/" : ""}`;
  }
}

/** The files by directory; later files of one directory win. */
function readConfigFiles(tree: SourceTree): ReadonlyMap<string, readonly ConfigFile[]> {
  const found = new Map<string, ConfigFile[]>();
  let bytes = 0;
  // Files near the root come first: they count for the most modules.
  const paths = [...tree.files.keys()].filter(isConfigFile)
    .toSorted((a, b) => a.split("/").length - b.split("/").length || (a < b ? 1 : -1));
  for (const path of paths) {
    const directory = dirname(path) === "." ? "" : dirname(path);
    if (basename(path) === "deno.jsonc" && tree.has(path.slice(0, -1))) continue;
    const content = tree.files.get(path) ?? new Uint8Array();
    bytes += content.length;
    const file = bytes > MAX_TOTAL_BYTES
      ? invalid(path, { message: "the configuration files of the commit are larger than 1 MiB" })
      : read(path, content, () => tree.files.keys());
    if (file.entries.size + file.options.size + file.errors.length === 0) continue;
    found.set(directory, [...found.get(directory) ?? [], file]);
  }
  return found;
}

function read(path: string, content: Uint8Array, paths: () => Iterable<string>): ConfigFile {
  return basename(path) === "package.json"
    ? readPackageJson(path, content, paths)
    : readDenoConfig(path, content);
}

function isConfigFile(path: string): boolean {
  return (CONFIG_NAMES as readonly string[]).includes(basename(path)) &&
    !isConfiguration(dirname(path));
}

/** The path in the form in which the compiler has it in URLs. */
function encoded(path: string): string {
  return path.replace(/[%#?]/g, encodeURIComponent);
}
