/** Runs `invoked doctor` with rights taken away, as containers and hosts take them. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { CHECKED_CALLS, DENIED_CALLS, type Numbers } from "../../src/isolation/syscalls.ts";
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

/** Calls that Docker's default profile denies to a container without capabilities, as far as bubblewrap makes them. */
export const NAMESPACE_CALLS: readonly Numbers[] = [
  ...Object.values(DENIED_CALLS.mounts ?? {}),
  ...Object.values(DENIED_CALLS.namespaces ?? {}),
];
/** The three calls of Landlock. */
export const LANDLOCK_CALLS: readonly Numbers[] = [[444, 444], [445, 445], [446, 446]];

const CLONE_NEW_NAMESPACES = 0x7e020000;

/** Writes a seccomp filter that denies these calls and new namespaces, as libseccomp assembles it for a container. */
export async function denying(path: string, calls: readonly Numbers[]): Promise<string> {
  const column = Deno.build.arch === "x86_64" ? 0 : 1;
  const [allow, eperm, enosys] = [0x7fff0000, 0x00050001, 0x00050026];
  const [load, equal, anyBit, answer] = [0x20, 0x15, 0x45, 0x06];
  const numbers = calls.map((numbers) => numbers[column]).filter((number) => number !== undefined);
  const program = [
    [load, 0, 0, 0],
    ...numbers.flatMap((number) => [[equal, 0, 1, number], [answer, 0, 0, eperm]]),
    [equal, 0, 1, CHECKED_CALLS.clone3[column]],
    [answer, 0, 0, enosys],
    [equal, 0, 3, CHECKED_CALLS.clone[column]],
    [load, 0, 0, 16],
    [anyBit, 0, 1, CLONE_NEW_NAMESPACES],
    [answer, 0, 0, eperm],
    [answer, 0, 0, allow],
  ] as const;
  const bytes = new DataView(new ArrayBuffer(8 * program.length));
  program.forEach(([code, then, otherwise, value], index) => {
    bytes.setUint16(8 * index, code, true);
    bytes.setUint8(8 * index + 2, then);
    bytes.setUint8(8 * index + 3, otherwise);
    bytes.setUint32(8 * index + 4, value, true);
  });
  await Deno.writeFile(path, new Uint8Array(bytes.buffer), { mode: 0o644 });
  return path;
}

/** A user without a name. */
export const USER = 10_001;

/** Starts a command as a user without capabilities that cannot get any, with a filter if one is given. */
export function unprivileged(setpriv: string, filter?: string): readonly string[] {
  return [
    ...[setpriv, "--no-new-privs", `--reuid=${USER}`, `--regid=${USER}`, "--clear-groups"],
    ...["--inh-caps=-all", "--bounding-set=-all"],
    ...filter === undefined ? [] : ["--seccomp-filter", filter],
    "--",
  ];
}
