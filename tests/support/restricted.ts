/** Runs `invoked doctor` with rights taken away, as containers and hosts take them. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Json } from "./client.ts";
import { pathOf } from "./diagnosis.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** As `bin/invoked` starts the runtime, which itself needs programs that the server does not. */
const SERVER = [
  Deno.execPath(),
  ...["run", "--quiet", "--no-prompt", "--no-remote", "--cached-only"],
  ...["--unstable-lazy-dynamic-imports", "--config", join(ROOT, "deno.json")],
  ...["net", "read", "write", "env", "run", "sys"].map((name) => `--allow-${name}`),
  join(ROOT, "src/main.ts"),
];

/** A directory with these programs alone, each under the name that it is given. */
export async function searchPathOf(
  directory: string,
  programs: Readonly<Record<string, string>>,
): Promise<string> {
  await Deno.mkdir(directory);
  for (const [name, program] of Object.entries(programs)) {
    const path = await pathOf(program);
    if (path === undefined) throw new Error(`${program} was not found`);
    await Deno.symlink(path, join(directory, name));
  }
  return directory;
}

/**
 * The report of `invoked doctor`.
 * @param wrapper what takes the rights away: the start of a command line
 * @param home a directory that the user may write to
 */
export async function doctorUnder(
  wrapper: readonly string[],
  { home, path = Deno.env.get("PATH") ?? "" }: { readonly home: string; readonly path?: string },
): Promise<Json> {
  const [program = "", ...args] = [...wrapper, ...SERVER, "doctor", "--json"];
  const { stdout, stderr } = await new Deno.Command(program, {
    args: [...args, "--data", join(home, "data")],
    cwd: "/",
    clearEnv: true,
    env: { PATH: path, HOME: home, TMPDIR: home, NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder().decode(stdout);
  if (text === "") throw new Error(new TextDecoder().decode(stderr));
  return JSON.parse(text);
}
