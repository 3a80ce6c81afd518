/** Reads `/proc`. */

/** The lines of one process that is alive. Its group has an id in each namespace, the outermost first. */
const STATUS = /^\/proc\/(\d+)\/status:State:\t[^ZX].*\n\S*:PPid:\t(\d+)\n\S*:NSpgid:\t(\d+)/gm;

/**
 * The text of a file below `/proc`; undefined if it cannot be read. A child process reads it, because Deno opens files in
 * `/proc` only with all permissions, which the server does not have.
 */
export async function readProcfs(path: string): Promise<string | undefined> {
  try {
    return await outputOf("cat", ["--", `/proc/${path}`]);
  } catch {
    return undefined;
  }
}

/** Follows the first children, at most as many as there may be wrappers, and prints the last id and a file of it. */
const INNERMOST = `
at=$1 left=$2
while [ "$left" -gt 0 ]; do
  child=
  read -r child rest <"/proc/$at/task/$at/children"
  [ -n "$child" ] || break
  at=$child left=$((left - 1))
done
echo "$at"
exec cat "/proc/$at/$3"`;

/**
 * The process below a process and its wrappers that has no child, and its status.
 * @param wrappersMax most processes above it
 * @returns undefined if it has ended
 */
export async function readInnermost(
  pid: number,
  wrappersMax: number,
): Promise<{ readonly pid: number; readonly status: string } | undefined> {
  const text = await outputOf("sh", ["-c", INNERMOST, "sh", `${pid}`, `${wrappersMax}`, "status"]);
  if (text === undefined) return undefined;
  const end = text.indexOf("\n");
  return { pid: Number(text.slice(0, end)), status: text.slice(end + 1) };
}

/** Time units of `/proc/PID/stat` on the architectures of Deno. */
const MS_PER_TICK = 10;
/** The user and system time after the name, which may contain anything (`man 5 proc_pid_stat`). */
const CPU_TICKS = /^[^]*\) (?:\S+ ){11}(\d+) (\d+) /;

/**
 * The processor time in milliseconds of the process below a process and its wrappers that has no child.
 * @param wrappersMax most processes above it
 * @returns undefined if it has ended
 */
export async function readInnermostCpuMs(
  pid: number,
  wrappersMax: number,
): Promise<number | undefined> {
  const text = await outputOf("sh", ["-c", INNERMOST, "sh", `${pid}`, `${wrappersMax}`, "stat"])
    .catch(() => undefined);
  const [, user, system] = CPU_TICKS.exec(text ?? "") ?? [];
  return user === undefined ? undefined : MS_PER_TICK * (Number(user) + Number(system));
}

/** Prints a line `path:NSpid: ids` of a process, and one of each child. */
const FAMILY = `
children=
read -r children <"/proc/$1/task/$1/children"
parent=$1
shift
for process in $parent $children; do set -- "$@" "/proc/$process/status"; done
exec grep -sH '^NSpid:' "$@"`;
const IDS = /^\/proc\/(\d+)\/status:NSpid:\s+(.*)$/gm;

/** Ids in each namespace, the outermost first, of a process and of its children, by their ids in that of the server. */
export async function readFamily(pid: number): Promise<ReadonlyMap<number, readonly number[]>> {
  const { stdout } = await run("sh", ["-c", FAMILY, "sh", `${pid}`]);
  return new Map(
    [...stdout.matchAll(IDS)].map(([, outer, ids = ""]) => [
      Number(outer),
      ids.split(/\s+/).map(Number),
    ]),
  );
}

/** The texts of all files below `/proc` that can be read, one after the other. */
export async function readAllProcfs(paths: readonly string[]): Promise<string> {
  if (paths.length === 0) return "";
  return (await run("cat", ["--", ...paths.map((path) => `/proc/${path}`)])).stdout;
}

/** What the kernel knows of a process, with ids in the namespace of the server. */
interface ProcessStatus {
  readonly parent: number;
  readonly group: number;
}

/** All processes by id, without those that have ended and wait to be reaped. */
export async function readStatuses(): Promise<ReadonlyMap<number, ProcessStatus>> {
  // The kernel escapes line breaks in names, so that no process can write a line.
  const script = "exec grep -E '^(State|PPid|NSpgid):' /proc/[0-9]*/status";
  const { stdout: text } = await run("sh", ["-c", script]);
  if (text === "") throw new Error("Failed to read the processes in /proc");
  return new Map(
    [...text.matchAll(STATUS)].map(([, pid, parent, group]) => [
      Number(pid),
      { parent: Number(parent), group: Number(group) },
    ]),
  );
}

/** The listing of `/proc/PID/fd` by `ls -l`: one line for each descriptor and its target. */
export async function listDescriptors(pid: number): Promise<string> {
  const listing = await outputOf("ls", ["-l", "--", `/proc/${pid}/fd`]);
  if (listing === undefined) throw new Error(`Failed to read the descriptors of process ${pid}`);
  return listing;
}

/** What a program prints; undefined if it fails. */
async function outputOf(program: string, args: readonly string[]): Promise<string | undefined> {
  const { success, stdout } = await run(program, args);
  return success ? stdout : undefined;
}

async function run(
  program: string,
  args: readonly string[],
): Promise<{ readonly success: boolean; readonly stdout: string }> {
  const { success, stdout } = await new Deno.Command(program, {
    args: [...args],
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).output();
  return { success, stdout: new TextDecoder().decode(stdout) };
}
