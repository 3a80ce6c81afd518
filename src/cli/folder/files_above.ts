/** The files of folders above that of the function, which its imports need. */
import { dirname, join, relative } from "node:path";
import { concernsBuild, CONFIG_NAMES } from "../../builder/project/project_files.ts";
import { LOCK_NAME } from "../../builder/lock.ts";
import type { Files } from "../client/api.ts";
import { UsageFailure } from "../terminal/failure.ts";
import { IgnoreRules } from "./ignore_rules.ts";
import { type Module, readModules } from "./modules.ts";
import { unreadable } from "./unreadable.ts";

/** Files that one package.json may have below it for patterns; further files do not match. */
const MAX_LISTED = 10_000;

/** A file above that is not part of the function. */
interface SkippedAbove {
  /** From the root. */
  readonly path: string;
  readonly reason: "hidden" | "ignored";
}

/** What the imports of a function need of the folders above its own. */
export interface FilesAbove {
  /** Whether a module above is imported, existing or not, or a file there counts. */
  readonly isNeeded: boolean;
  /** The paths from the root of files that exist. */
  readonly paths: readonly string[];
  readonly skipped: readonly SkippedAbove[];
  /** Absolute paths of files whose change matters, whether the files exist or not. */
  readonly watched: readonly string[];
}

/** What is known of a function before the search. Paths of directories are absolute. */
interface Known {
  readonly folder: string;
  /** A directory above the folder. */
  readonly root: string;
  /** Files of the function by path. */
  readonly own: Files;
  /** The files among them whose imports count. */
  readonly entries: readonly string[];
  /** Whether a file or directory of this name can be part of a function. */
  readonly belongs: (name: string) => boolean;
}

/**
 * Finds the modules above the folder that its modules import, and the configuration files that count for them.
 *
 * @throws {Failure} for a link, and for an import that leaves the root
 */
export async function findFilesAbove(known: Known): Promise<FilesAbove> {
  const search = new Search(known);
  await search.run();
  return search.found();
}

class Search {
  readonly #folder: string;
  readonly #root: string;
  readonly #entries: readonly string[];
  readonly #belongs: (name: string) => boolean;
  readonly #rules = new Map<string, Promise<IgnoreRules | undefined>>();
  readonly #skipped = new Map<string, SkippedAbove>();
  readonly #watched = new Set<string>();
  readonly #paths = new Set<string>();
  #isImported = false;
  /** Files of the author's tree: the files of the function, configuration files, and names for patterns. */
  readonly #tree: Map<string, Uint8Array>;
  /** Directories above whose configuration files were read. */
  readonly #configured = new Set<string>();
  /** From the root to the function's folder. */
  readonly #name: string;

  constructor({ folder, root, own, entries, belongs }: Known) {
    this.#folder = folder;
    this.#root = root;
    this.#entries = entries;
    this.#belongs = belongs;
    this.#name = relative(root, folder);
    this.#tree = new Map([...own].map(([path, content]) => [join(this.#name, path), content]));
  }

  found(): FilesAbove {
    return {
      isNeeded: this.#isImported || this.#paths.size > 0,
      paths: [...this.#paths],
      skipped: [...this.#skipped.values()],
      watched: [...this.#watched],
    };
  }

  async run(): Promise<void> {
    await this.#configure(dirname(this.#name));
    if (!this.#tree.has(join(this.#name, LOCK_NAME))) await this.#takeLock();
    let modules = await this.#modules();
    // The configuration files beside what was found may map further names.
    for (let isNew = true; isNew;) {
      isNew = false;
      for (const { path } of modules) {
        if (this.#isAbove(path) && await this.#configure(dirname(path))) isNew = true;
      }
      if (isNew) modules = await this.#modules();
    }
    const above = modules.filter(({ path }) => this.#isAbove(path));
    this.#isImported = above.length > 0;
    for (const module of above) await this.#takeModule(module);
  }

  #modules(): Promise<Module[]> {
    const entries = this.#entries.filter((name) => this.#tree.has(join(this.#name, name)));
    return readModules({ root: this.#root, folder: this.#name, files: this.#tree, entries });
  }

  #isAbove(path: string): boolean {
    return !path.startsWith(`${this.#name}/`);
  }

  async #takeModule({ path, importedAt, written }: Module): Promise<void> {
    if (path.startsWith("../")) {
      throw new UsageFailure(
        `Invalid import in ${this.#shown(importedAt)}: ${
          JSON.stringify(written)
        } is outside of the root ` +
          this.#root,
        { next: "correct the root in invoked.json, or the import" },
      );
    }
    await this.#take(path);
  }

  /**
   * Reads the configuration files of a directory and of the directories above it. @returns whether a file maps names
   */
  async #configure(directory: string): Promise<boolean> {
    if (this.#configured.has(directory) || directory.startsWith("..")) return false;
    this.#configured.add(directory);
    let isNew = false;
    for (const name of CONFIG_NAMES) {
      const path = join(directory, name);
      const content = await readIfFile(join(this.#root, path));
      this.#watched.add(join(this.#root, path));
      if (content === undefined || !concernsBuild(path, content) || !await this.#take(path)) {
        continue;
      }
      this.#tree.set(path, content);
      if (name === "package.json") await this.#list(directory);
      isNew = true;
    }
    const isAboveNew = directory !== "." && await this.#configure(dirname(directory));
    return isNew || isAboveNew;
  }

  /** Names the files below a package.json, for the patterns in it. */
  async #list(directory: string): Promise<void> {
    const pending = [directory];
    let count = 0;
    for (let at = pending.pop(); at !== undefined && count < MAX_LISTED; at = pending.pop()) {
      for await (const { name, isFile, isDirectory } of Deno.readDir(join(this.#root, at))) {
        const path = join(at, name);
        if (!this.#belongs(name) || path === this.#name) continue;
        count++;
        if (isDirectory) pending.push(path);
        else if (isFile && !this.#tree.has(path)) this.#tree.set(path, new Uint8Array());
      }
    }
  }

  /** The lock file that is nearest to the function. */
  async #takeLock(): Promise<void> {
    for (let at = dirname(this.#name);; at = dirname(at)) {
      const path = join(at, LOCK_NAME);
      this.#watched.add(join(this.#root, path));
      if (await readIfFile(join(this.#root, path)) !== undefined && await this.#take(path)) return;
      if (at === ".") return;
    }
  }

  /** Takes a file unless it does not exist or is excluded. @returns whether it was taken */
  async #take(path: string): Promise<boolean> {
    const absolute = join(this.#root, path);
    this.#watched.add(absolute);
    const reason = await this.#exclusion(path);
    if (reason !== undefined) {
      this.#skipped.set(path, { path, reason });
      return false;
    }
    const info = await this.#statWithoutLinks(path);
    if (info?.isFile) this.#paths.add(path);
    return info?.isFile ?? false;
  }

  async #exclusion(path: string): Promise<"hidden" | "ignored" | undefined> {
    const names = path.split("/");
    if (names.some((name) => name.startsWith("."))) return "hidden";
    if (!names.every(this.#belongs)) return "ignored";
    const rules = await this.#rulesOf(dirname(path));
    return rules === undefined || rules.excludes(join(this.#root, path), false)
      ? "ignored"
      : undefined;
  }

  /** The rules in a directory; undefined if it is excluded itself. */
  #rulesOf(directory: string): Promise<IgnoreRules | undefined> {
    const known = this.#rules.get(directory);
    if (known !== undefined) return known;
    const rules = this.#readRules(directory);
    this.#rules.set(directory, rules);
    return rules;
  }

  async #readRules(directory: string): Promise<IgnoreRules | undefined> {
    if (directory === ".") return await IgnoreRules.of(this.#root);
    const above = await this.#rulesOf(dirname(directory));
    const absolute = join(this.#root, directory);
    return above === undefined || above.excludes(absolute, true)
      ? undefined
      : await above.within(absolute);
  }

  /** @throws {Failure} if the file or a directory on the way to it is a link */
  async #statWithoutLinks(path: string): Promise<Deno.FileInfo | undefined> {
    let info: Deno.FileInfo | undefined;
    let at = this.#root;
    for (const name of path.split("/")) {
      at = join(at, name);
      info = await lstatIfPresent(at);
      if (info?.isSymlink) {
        throw new UsageFailure(`${relative(this.#folder, at)} is a link, which is not uploaded`, {
          next: "put a copy there instead of a link",
        });
      }
    }
    return info;
  }

  #shown(position: string): string {
    return relative(this.#folder, join(this.#root, position));
  }
}

async function readIfFile(path: string): Promise<Uint8Array | undefined> {
  return (await lstatIfPresent(path))?.isFile ? await Deno.readFile(path) : undefined;
}

async function lstatIfPresent(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.lstat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return undefined;
    }
    throw unreadable(path, error);
  }
}
