/** What this machine lacks of what tests depend on. */
import { join } from "node:path";
import type { Mode } from "../../src/isolation/isolation.ts";
import { runInvoked } from "./invoked.ts";

/** Set by `scripts/test`, so that not every file diagnoses the machine. The server rejects unknown INVOKED_ variables. */
export const DIAGNOSIS_VARIABLE = "TEST_DIAGNOSIS";

/** Programs that tests of the core suite run, beside those of isolation. */
export const PROGRAMS = ["sqlite3", "cc"] as const;
/** The package of a program that has another name. */
const PACKAGES: Readonly<Record<string, string>> = { cc: "gcc libc6-dev" };

type Needed = Mode | "cgroups" | "mount" | typeof PROGRAMS[number];

/** Why each of these is not available; no entry for what is. */
export type Missing = Readonly<Partial<Record<Needed, string>>>;

/** Why a program is missing; undefined if the search path has it. */
export async function missingProgram(program: string): Promise<string | undefined> {
  for (const folder of (Deno.env.get("PATH") ?? "").split(":")) {
    const isFile = await Deno.stat(join(folder, program)).then((info) => info.isFile, () => false);
    if (isFile) return undefined;
  }
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

/** Reads what `invoked doctor` reports of this machine, and looks for the programs. */
export async function diagnoseMachine(): Promise<Missing> {
  const { stdout, stderr } = await runInvoked(["doctor", "--json"]);
  if (stdout === "") throw new Error(`Cannot diagnose the machine: ${stderr}`);
  const { isolation } = JSON.parse(stdout);
  const missing: Partial<Record<Needed, string>> = {};
  for (const { mode, available, detail } of isolation.modes) {
    if (!available) missing[mode as Mode] = detail;
  }
  if (!isolation.cgroups) missing.cgroups = "the server cannot create memory and pids cgroups";
  if (!await canMount()) missing.mount = "mounting a file system needs root";
  for (const program of PROGRAMS) {
    const reason = await missingProgram(program);
    if (reason !== undefined) missing[program] = reason;
  }
  return missing;
}
