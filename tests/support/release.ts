/** The release of these sources, which the test files of a run share. */
import { join } from "node:path";
import { INVOKED } from "./invoked.ts";
import { fileURLToPath } from "node:url";
import manifest from "../../package.json" with { type: "json" };
import { filledOnce } from "./once.ts";
import { ROOT } from "./repository.ts";

interface Release {
  /** The directory of its tree; no test writes there. */
  readonly tree: string;
  /** The file that `npm pack` made of the tree. */
  readonly packed: string;
}

/** Builds the release, unless the last one was made of the same sources. A copy stays as it is during the run. */
export async function builtRelease(): Promise<Release> {
  const name = `invoked-${manifest.version}.tgz`;
  const directory = await filledOnce("release", async (directory) => {
    await run("npm", ["run", "--silent", "release"]);
    const build = fileURLToPath(new URL("build", ROOT));
    await Deno.mkdir(directory, { recursive: true });
    await run("cp", ["-a", join(build, "release"), join(build, name), directory]);
  });
  return { tree: join(directory, "release"), packed: join(directory, name) };
}

/** Says that servers and workers run the release: `true` in a run with `--released`. */
export const RELEASED_VARIABLE = "TEST_RELEASED";

/**
 * The command of servers and workers: that of this clone, or of its release. The start of a release takes a third less
 * processor time, since the runtime loads a bundle instead of a thousand modules.
 */
export async function serverProgram(): Promise<string> {
  return Deno.env.get(RELEASED_VARIABLE) === "true" ? await releasedProgram() : INVOKED;
}

/** The launcher of the release, with the runtime of this process. */
export async function releasedProgram(): Promise<string> {
  const directory = await filledOnce("released", async (directory) => {
    const { tree } = await builtRelease();
    await run("cp", ["-a", `${tree}/.`, directory]);
    await Deno.symlink(Deno.execPath(), join(directory, "bin/deno"));
  });
  return join(directory, "bin/invoked");
}

async function run(program: string, args: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, { args: [...args], cwd: ROOT })
    .output();
  if (!success) throw new Error(`${program} failed: ${new TextDecoder().decode(stderr)}`);
}
