/** This project as a build that speaks another protocol, as that of an earlier or a later release does. */
import { dirname, join } from "node:path";
import project from "../../deno.json" with { type: "json" };
import { INVOKED } from "../support/invoked.ts";
import { filledOnce } from "../support/once.ts";
import { ROOT } from "../support/repository.ts";

const PROTOCOL_MODULE = new URL("src/cluster/link/protocol.ts", ROOT);
const PROTOCOL_LINE = /^export const PROTOCOL = \d+;$/m;
/** Where the command looks for the project, and its argument that names the configuration with the import map. */
const ROOT_LINE = /^root=.*$/m;
const CONFIG_ARGUMENT = '"$config"';

/**
 * The command `invoked` of the build that speaks this protocol. The build has a module of its own for the protocol. All
 * others are those of this project, which the runtime has compiled already.
 */
export async function buildOf(protocol: number): Promise<string> {
  const directory = await filledOnce(`build-${protocol}`, async (directory) => {
    const module = replaced(
      await Deno.readTextFile(PROTOCOL_MODULE),
      PROTOCOL_LINE,
      `export const PROTOCOL = ${protocol};`,
    );
    await Deno.writeTextFile(join(directory, "protocol.ts"), module);
    const map = join(directory, "imports.json");
    const imports = Object.fromEntries([
      ...Object.entries(project.imports).map(([name, path]) => [name, new URL(path, ROOT).href]),
      [PROTOCOL_MODULE.href, "./protocol.ts"],
    ]);
    await Deno.writeTextFile(map, JSON.stringify({ imports }));
    const command = replaced(
      replaced(await Deno.readTextFile(INVOKED), ROOT_LINE, `root='${dirname(dirname(INVOKED))}'`),
      CONFIG_ARGUMENT,
      `${CONFIG_ARGUMENT} --import-map '${map}'`,
    );
    await Deno.writeTextFile(join(directory, "invoked"), command, { mode: 0o755 });
  });
  return join(directory, "invoked");
}

/** The text with its only such part replaced. */
function replaced(text: string, part: RegExp | string, by: string): string {
  const made = text.replace(part, () => by);
  if (made === text) throw new Error(`No ${part} in ${text}`);
  return made;
}

/** Runs this command in place of the one that it is given. */
export function launcherOf(program: string): readonly string[] {
  return ["sh", "-c", 'shift; exec "$0" "$@"', program];
}
