/** A copy of this project that speaks another protocol: the build of an earlier or a later release. */
import { fileURLToPath } from "node:url";
import { join } from "node:path";
import { filledOnce } from "../support/once.ts";
import { ROOT } from "../support/repository.ts";

/** What runs; the packages are the same. */
const COPIED = [
  ...["bin", "scripts", "src", "sdk", "examples"],
  ...["deno.json", "package.json", "package-lock.json"],
];
const PROTOCOL_FILE = "src/cluster/link/protocol.ts";
const PROTOCOL_LINE = /^export const PROTOCOL = \d+;$/m;

/** The command `invoked` of the build that speaks this protocol. */
export async function buildOf(protocol: number): Promise<string> {
  const directory = await filledOnce(`build-${protocol}`, async (directory) => {
    const root = fileURLToPath(ROOT);
    const sources = COPIED.map((name) => join(root, name));
    const { success } = await new Deno.Command("cp", { args: ["-a", ...sources, directory] })
      .output();
    if (!success) throw new Error(`Cannot copy the project to ${directory}`);
    await Deno.symlink(join(root, "node_modules"), join(directory, "node_modules"));
    const path = join(directory, PROTOCOL_FILE);
    const text = await Deno.readTextFile(path);
    if (!PROTOCOL_LINE.test(text)) throw new Error(`${PROTOCOL_FILE} has no line of the protocol`);
    const line = `export const PROTOCOL = ${protocol};`;
    await Deno.writeTextFile(path, text.replace(PROTOCOL_LINE, line));
  });
  return join(directory, "bin", "invoked");
}

/** Runs this command in place of the one that it is given. */
export function launcherOf(program: string): readonly string[] {
  return ["sh", "-c", 'shift; exec "$0" "$@"', program];
}
