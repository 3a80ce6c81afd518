import { dirname, join, relative } from "node:path";
import ignore, { type Ignore } from "ignore";
import { readTextFile } from "../../shared/files.ts";
import { unreadable } from "./unreadable.ts";

/** Files that exclude others, the second with precedence. Both have the syntax of git. */
export const IGNORE_NAMES = [".gitignore", ".invokedignore"];

/** The rules of the ignore files in one directory. */
interface Level {
  readonly directory: string;
  readonly rules: Ignore;
}

/**
 * The rules that apply in a directory: its own rules, and the rules of the directories above it up to the root of the
 * repository. Rules of a deeper directory have precedence, as in git.
 */
export class IgnoreRules {
  private constructor(private readonly levels: readonly Level[]) {}

  /**
   * The rules in a folder. Without a repository these are the rules from the root down. @param root the folder, or a
   * folder above it
   */
  static async of(folder: string, root = folder): Promise<IgnoreRules> {
    let found = new IgnoreRules([]);
    for (const directory of await directoriesDownTo(folder, root)) {
      found = await found.within(directory);
    }
    return found;
  }

  /** These rules with the rules of a directory below, whose files the caller reads. */
  async within(directory: string): Promise<IgnoreRules> {
    // The caller reads the directory, so the rules of all levels count for its files alone.
    for (const level of this.levels) open(level, directory);
    const lines: string[] = [];
    for (const name of IGNORE_NAMES) lines.push(await readRules(join(directory, name)));
    if (lines.every((line) => line === "")) return new IgnoreRules(this.levels);
    // Git on Linux distinguishes upper and lower case.
    const rules = ignore({ ignorecase: Deno.build.os !== "linux" }).add(lines.join("\n"));
    return new IgnoreRules([...this.levels, { directory, rules }]);
  }

  /** Whether a file or directory is excluded. The caller has to ask for its directory first. */
  excludes(path: string, isDirectory: boolean): boolean {
    for (const { directory, rules } of this.levels.toReversed()) {
      const { ignored, unignored } = rules.test(pathBelow(directory, path, isDirectory));
      if (ignored || unignored) return ignored;
    }
    return false;
  }
}

/** The folder and the directories above it: from the root of the repository or the given root, whichever is higher. */
async function directoriesDownTo(folder: string, root: string): Promise<string[]> {
  const directories: string[] = [];
  let upToRoot: string[] = [];
  let isInRepository = false;
  for (let directory = folder;; directory = dirname(directory)) {
    directories.unshift(directory);
    if (directory === root) upToRoot = [...directories];
    isInRepository ||= await Deno.lstat(join(directory, ".git")).then(() => true, () => false);
    if (isInRepository && upToRoot.length > 0) return directories;
    if (directory === dirname(directory)) return upToRoot;
  }
}

function open({ directory, rules }: Level, opened: string): void {
  const path = pathBelow(directory, opened, true);
  if (rules.test(path).ignored) rules.add(`!/${path.replace(/[\\*?[\]!# ]/g, "\\$&")}`);
}

function pathBelow(directory: string, path: string, isDirectory: boolean): string {
  return relative(directory, path) + (isDirectory ? "/" : "");
}

async function readRules(path: string): Promise<string> {
  try {
    return await readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw unreadable(path, error);
  }
}
