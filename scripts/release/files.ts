/** Files of the project and of the tree that a release is. */
import { dirname, join } from "node:path";

export const ROOT = new URL("../../", import.meta.url).pathname;
/** What the scripts build; git ignores it. */
export const BUILD_DIR = join(ROOT, "build");
export const RELEASE_DIR = join(BUILD_DIR, "release");

/** Copies a file of the project, or a folder with everything in it, into the tree. */
export async function copyInto(tree: string, path: string, target = path): Promise<void> {
  const source = join(ROOT, path);
  if ((await Deno.stat(source)).isDirectory) {
    for await (const { name } of Deno.readDir(source)) {
      await copyInto(tree, `${path}/${name}`, `${target}/${name}`);
    }
    return;
  }
  await Deno.mkdir(dirname(join(tree, target)), { recursive: true });
  await Deno.copyFile(source, join(tree, target));
}

/** Gives every file and folder of the tree the mode that it has on each machine. */
export async function setModes(tree: string, programs: readonly string[]): Promise<void> {
  const visit = async (path: string): Promise<void> => {
    await Deno.chmod(join(tree, path), 0o755);
    for await (const { name, isDirectory } of Deno.readDir(join(tree, path))) {
      const inner = path === "" ? name : `${path}/${name}`;
      if (isDirectory) await visit(inner);
      else await Deno.chmod(join(tree, inner), programs.includes(inner) ? 0o755 : 0o644);
    }
  };
  await visit("");
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
