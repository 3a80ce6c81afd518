/** What this machine lacks of what tests depend on. */
import { join } from "node:path";
import type { Mode } from "../../src/isolation/isolation.ts";
import { runInvoked } from "./invoked.ts";

/** Set by `.ci/run` and `scripts/test`, so that not every suite and file diagnoses the machine. The server rejects unknown INVOKED_ variables. */
export const DIAGNOSIS_VARIABLE = "TEST_DIAGNOSIS";

/** Programs that tests of the core suite run, beside those of isolation. */
export const PROGRAMS = ["cc"] as const;
/** The package of a program that has another name. */
const PACKAGES: Readonly<Record<string, string>> = {
  cc: "gcc libc6-dev",
  "dpkg-deb": "dpkg",
  groff: "groff-base",
  ip: "iproute2",
  nsenter: "util-linux",
  postgres: "postgresql",
  "systemd-analyze": "systemd",
};
/** Where Debian has the programs of PostgreSQL, a folder for each version. */
const POSTGRES_VERSIONS = "/usr/lib/postgresql";

type Needed = Mode | "cgroups" | "mount" | "fuse" | typeof PROGRAMS[number];

/** Why each of these is not available; no entry for what is. */
export type Missing = Readonly<Partial<Record<Needed, string>>>;

/** The path of a program; undefined if it is not installed. */
export async function pathOf(program: string): Promise<string | undefined> {
  const versions = await Array.fromAsync(Deno.readDir(POSTGRES_VERSIONS), ({ name }) => name)
    .catch(() => []);
  const newest = versions.sort((a, b) => Number(b) - Number(a))
    .map((version) => join(POSTGRES_VERSIONS, version, "bin"));
  for (const folder of [...newest, ...(Deno.env.get("PATH") ?? "").split(":")]) {
    const path = join(folder, program);
    if (await Deno.stat(path).then((info) => info.isFile, () => false)) return path;
  }
  return undefined;
}

/** Why a program is missing; undefined if it is installed. */
export async function missingProgram(program: string): Promise<string | undefined> {
  if (await pathOf(program) !== undefined) return undefined;
  return `${program} was not found; install it (apt-get install ${PACKAGES[program] ?? program})`;
}

async function canMount(): Promise<boolean> {
  const directory = await Deno.makeTempDir({ prefix: "invoked-test-mount-" });
  const run = (program: string, ...args: string[]) =>
    new Deno.Command(program, { args, stdout: "null", stderr: "null" }).output()
      .then(({ success }) => success, () => false);
  const isMounted = await run("mount", "-t", "tmpfs", "-o", "size=1m", "invoked-test", directory);
  if (isMounted) await run("umount", directory);
  await Deno.remove(directory);
  return isMounted;
}

/** What this machine lacks: as {@link DIAGNOSIS_VARIABLE} has it, otherwise as `invoked doctor` reports it. */
export async function diagnoseMachine(): Promise<Missing> {
  const given = Deno.env.get(DIAGNOSIS_VARIABLE);
  if (given !== undefined) return JSON.parse(given);
  const { stdout, stderr } = await runInvoked(["doctor", "--json"]);
  if (stdout === "") throw new Error(`Cannot diagnose the machine: ${stderr}`);
  const { isolation } = JSON.parse(stdout);
  const missing: Partial<Record<Needed, string>> = {};
  for (const { mode, available, detail } of isolation.modes) {
    if (!available) missing[mode as Mode] = detail;
  }
  if (!isolation.cgroups) missing.cgroups = "the server cannot create memory and pids cgroups";
  if (!await canMount()) missing.mount = "mounting a file system needs root";
  const hasFuse = await Deno.stat("/dev/fuse").then(() => true, () => false);
  if (missing.mount !== undefined || !hasFuse) {
    missing.fuse = "mounting FUSE needs root and /dev/fuse";
  }
  for (const program of PROGRAMS) {
    const reason = await missingProgram(program);
    if (reason !== undefined) missing[program] = reason;
  }
  return missing;
}
