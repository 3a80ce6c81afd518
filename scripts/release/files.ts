/** Files of the project and of the tree that a release is. */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));
/** What the scripts build; git ignores it. */
export const BUILD_DIR = join(ROOT, "build");
export const RELEASE_DIR = join(BUILD_DIR, "release");

/**
 * The paths of a file, or of all files in a folder, in order; from the root as the given path is.
 * @param isWanted whether to take a file, or to look into a folder, by its path
 */
export async function filesBelow(
  root: string,
  path: string,
  isWanted: (path: string) => boolean = () => true,
): Promise<string[]> {
  if (!(await Deno.stat(join(root, path))).isDirectory) return [path];
  const names = await Array.fromAsync(Deno.readDir(join(root, path)), ({ name }) => name);
  const paths = names.toSorted().map((name) => path === "" ? name : `${path}/${name}`);
  const found = paths.filter(isWanted).map((below) => filesBelow(root, below, isWanted));
  return (await Promise.all(found)).flat();
}

/** Copies what a package or a build has at a path, with everything below, into the tree; sources have `copySources`. */
export async function copyInto(tree: string, path: string, target = path): Promise<void> {
  for (const file of await filesBelow(ROOT, path)) {
    await copyFileInto(tree, file, `${target}${file.slice(path.length)}`);
  }
}

/** Copies a file of the project into the tree. */
export async function copyFileInto(tree: string, path: string, target = path): Promise<void> {
  await Deno.mkdir(dirname(join(tree, target)), { recursive: true });
  await Deno.copyFile(join(ROOT, path), join(tree, target));
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

/**
 * Runs a program in the root of the project and returns its stdout.
 * @throws {Error} with its stderr if it fails
 * @throws {Deno.errors.NotFound} if the machine does not have it
 */
export async function run(program: string, args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await output(program, args);
  const decoder = new TextDecoder();
  if (success) return decoder.decode(stdout);
  throw new Error(`${program} ${args.join(" ")} failed:\n${decoder.decode(stderr).trim()}`);
}

async function output(program: string, args: readonly string[]): Promise<Deno.CommandOutput> {
  try {
    return await new Deno.Command(program, { args: [...args], cwd: ROOT, stdin: "null" }).output();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Deno.errors.NotFound(`${program} was not found; install it`);
  }
}

/** Ends a script with what went wrong, for the person who ran it. */
export function endWith(error: unknown): never {
  console.error(`error: ${error instanceof Error ? error.message : error}`);
  Deno.exit(1);
}
