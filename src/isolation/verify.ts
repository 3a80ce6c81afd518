/** Asks the kernel whether the walls of a process stand. */
import type { Expected } from "./isolation.ts";
import { readProcfs } from "./procfs.ts";

/** Wrappers that stay, below which the confined process is looked for. */
const WRAPPERS_MAX = 4;

/** The first wall that is missing around a live process, in words; undefined where all stand, or the system is not Linux. */
export async function missingWall(pid: number, expected: Expected): Promise<string | undefined> {
  if (Deno.build.os !== "linux") return undefined;
  const inner = expected.ownProcessNamespace ? await innermost(pid) : pid;
  const status = await readProcfs(`${inner}/status`);
  if (status === undefined) return `the kernel tells nothing of process ${inner}`;
  const field = (name: string) =>
    new RegExp(`^${name}:\\s+(.*)$`, "m").exec(status)?.[1]?.split(/\s+/) ?? [];
  if (expected.noNewPrivileges && field("NoNewPrivs")[0] !== "1") return "no_new_privs is not set";
  if (expected.seccomp && field("Seccomp")[0] !== "2") return "the seccomp filter is not loaded";
  if (expected.uid !== undefined && field("Uid").some((uid) => uid !== `${expected.uid}`)) {
    return `the process does not run as user ${expected.uid}`;
  }
  const hasPower = ["CapEff", "CapPrm", "CapBnd"].some((set) => !/^0+$/.test(field(set)[0] ?? ""));
  if (expected.noCapabilities && hasPower) return "the process has capabilities";
  // In a namespace of its own a process has a second id, and it is the first there.
  if (expected.ownProcessNamespace && field("NSpid").at(-1) !== "1") {
    return "the process has no process namespace of its own";
  }
  return undefined;
}

/** The confined process below its wrapper. */
async function innermost(pid: number): Promise<number> {
  let at = pid;
  for (let depth = 0; depth < WRAPPERS_MAX; depth++) {
    const child = (await readProcfs(`${at}/task/${at}/children`))?.trim().split(" ")[0] ?? "";
    if (child === "") break;
    at = Number(child);
  }
  return at;
}
