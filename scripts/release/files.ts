/** Files of the project and of the tree that a release is. */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));
/** What the scripts build; git ignores it. */
export const BUILD_DIR = join(ROOT, "build");
export const RELEASE_DIR = join(BUILD_DIR, "release");

/** The paths of a file, or of all files in a folder, in order; from the root as the given path is. */
export async function filesBelow(root: string, path: string): Promise<string[]> {
  if (!(await Deno.stat(join(root, path))).isDirectory) return [path];
  const names = await Array.fromAsync(Deno.readDir(join(root, path)), ({ name }) => name);
  const found = await Promise.all(
    names.toSorted().map((name) => filesBelow(root, path === "" ? name : `${path}/${name}`)),
  );
  return found.flat();
}

/** Copies a file of the project, or a folder with everything in it, into the tree. */
export async function copyInto(tree: string, path: string, target = path): Promise<void> {
  for (const file of await filesBelow(ROOT, path)) {
    const copy = join(tree, `${target}${file.slice(path.length)}`);
    await Deno.mkdir(dirname(copy), { recursive: true });
    await Deno.copyFile(join(ROOT, file), copy);
  }
}

/** Gives every file and folder of the tree the mode that it has on each machine. */
export async function setModes(tree: string, programs: readonly string[]): Promise<void> {
  const folders = new Set([tree]);
  for (const path of await filesBelow(tree, "")) {
    await Deno.chmod(join(tree, path), programs.includes(path) ? 0o755 : 0o644);
    for (let folder = dirname(path); folder !== "."; folder = dirname(folder)) {
      folders.add(join(tree, folder));
    }
  }
  for (const folder of folders) await Deno.chmod(folder, 0o755);
}

/** Runs a program in the root of the project and returns its stdout. @throws {Error} with its stderr if it fails */
export async function run(program: string, args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    cwd: ROOT,
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  if (success) return decoder.decode(stdout);
  throw new Error(`${program} ${args.join(" ")} failed:\n${decoder.decode(stderr).trim()}`);
}
