/** Verifies the isolation of a process in `/proc`. */
import type { Expected } from "./isolation.ts";
import { innermost, readProcfs } from "./procfs.ts";

/** Describes the first missing part of the isolation of a running process; undefined without one, and outside Linux. */
export async function missingIsolation(
  pid: number,
  expected: Expected,
): Promise<string | undefined> {
  if (Deno.build.os !== "linux") return undefined;
  const status = expected.ownProcessNamespace
    ? (await innermost(pid))?.status
    : await readProcfs(`${pid}/status`);
  return status === undefined ? `/proc has no process ${pid}` : missingIn(status, expected);
}

/** Describes the first part of the isolation that a status in `/proc` lacks; undefined without one. */
export function missingIn(status: string, expected: Expected): string | undefined {
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
