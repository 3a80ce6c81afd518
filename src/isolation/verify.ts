/** Verifies the walls of a process in `/proc`. */
import type { Expected } from "./isolation.ts";
import { readProcfs } from "./procfs.ts";

/** Most wrappers between the spawned process and the isolated one. */
const WRAPPERS_MAX = 4;

/** Describes the first missing wall of a running process; undefined without one, and outside Linux. */
export async function missingWall(pid: number, expected: Expected): Promise<string | undefined> {
  if (Deno.build.os !== "linux") return undefined;
  const inner = expected.ownProcessNamespace ? await innermost(pid) : pid;
  const status = await readProcfs(`${inner}/status`);
  if (status === undefined) return `/proc has no process ${inner}`;
  const field = (name: string) =>
    new RegExp(`^${name}:\\s+(.*)$`, "m").exec(status)?.[1]?.split(/\s+/) ?? [];
  if (expected.noNewPrivileges && field("NoNewPrivs")[0] !== "1") return "no_new_privs is not set";
  if (expected.seccomp && field("Seccomp")[0] !== "2") return "the seccomp filter is not loaded";
  if (expected.uid !== undefined && field("Uid").some((uid) => uid !== `${expected.uid}`)) {
    return `the process does not run as user ${expected.uid}`;
  }
  const hasCapabilities = ["CapEff", "CapPrm", "CapBnd"].some((set) =>
    !/^0+$/.test(field(set)[0] ?? "")
  );
  if (expected.noCapabilities && hasCapabilities) return "the process has capabilities";
  // In a namespace of its own the process has a second id: 1.
  if (expected.ownProcessNamespace && field("NSpid").at(-1) !== "1") {
    return "the process has no process namespace of its own";
  }
  return undefined;
}

/** The process that has no child: the isolated one below its wrappers. */
export async function innermost(pid: number): Promise<number> {
  let at = pid;
  for (let depth = 0; depth < WRAPPERS_MAX; depth++) {
    const child = (await readProcfs(`${at}/task/${at}/children`))?.trim().split(" ")[0] ?? "";
    if (child === "") break;
    at = Number(child);
  }
  return at;
}
