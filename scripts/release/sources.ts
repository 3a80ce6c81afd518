/** Which files of the project are its sources. */
import { join } from "node:path";
import ignore from "ignore";
import { copyFileInto, filesBelow, ROOT, run } from "./files.ts";

/** Whether the project is a repository; git would find one above it, too. */
export async function isRepository(): Promise<boolean> {
  return await Deno.stat(join(ROOT, ".git")).then(() => true, () => false);
}

/**
 * The sources at a path, or below it, in order: what git has or would add, and never what git ignores, such as the data
 * directory of a server that ran there. A copy without a repository has the rules of `.gitignore` alone.
 */
export async function sourcesBelow(path: string): Promise<string[]> {
  const found = await isRepository() ? await listedByGit(path) : await notIgnored(path);
  return found.toSorted();
}

async function listedByGit(path: string): Promise<string[]> {
  const options = ["--cached", "--others", "--exclude-standard", "-z"];
  const listed = (await run("git", ["ls-files", ...options, "--", path])).split("\0");
  const files = await Promise.all([...new Set(listed)].map(async (file) => {
    // The index names removed files, too.
    const info = file === ""
      ? undefined
      : await Deno.lstat(join(ROOT, file)).catch(() => undefined);
    return info?.isFile === true ? [file] : [];
  }));
  return files.flat();
}

async function notIgnored(path: string): Promise<string[]> {
  const rules = ignore().add(await Deno.readTextFile(join(ROOT, ".gitignore")));
  return await filesBelow(ROOT, path, (name) => !rules.ignores(name));
}

/** Copies a source, or all sources in a folder, into the tree. */
export async function copySources(tree: string, path: string): Promise<void> {
  for (const file of await sourcesBelow(path)) await copyFileInto(tree, file);
}
