/**
 * Reads `/proc`. A shell does it with what is built into it, because Deno opens files there only with all permissions,
 * which the server does not have. The kernel shows these files to everybody who sees the process; only `smaps_rollup`
 * needs the right to inspect it.
 */

/**
 * Functions of every script below. `load FILE` sets `text` to what is in it, `show FILE` prints it, and
 * `fields FILE COUNT NAMES` prints `FILE:NAME VALUES` for each of so many names.
 *
 * A file is read once from its beginning to its end. bash would return to the end of each line that it reads, and the
 * kernel then writes the file anew: a process that renames itself meanwhile could hide a line of it or forge one.
 */
const FUNCTIONS = `
newline='
'
if [ -n "\${BASH_VERSION-}" ]; then
  load() {
    text=
    IFS= read -r -d '' text <"$1" || [ -n "$text" ] || return
    case $text in *"$newline") ;; *) text=$text$newline ;; esac
  }
else
  load() { text=; while IFS= read -r line || [ -n "$line" ]; do text=$text$line$newline; done <"$1"; }
fi
show() { load "$1" && printf '%s' "$text"; }
fields() {
  load "$1" || return
  left=$2
  while [ "$left" -gt 0 ] && [ -n "$text" ]; do
    line=\${text%%"$newline"*} text=\${text#*"$newline"}
    name=\${line%%:*}:
    case " $3 " in *" $name "*) printf '%s\\n' "$1:$name\${line#*:}"; left=$((left - 1)) ;; esac
  done
}
`;

/**
 * The text of a file below `/proc`; undefined if it cannot be read. Of a setting below `/proc/sys` it is the first
 * character: the kernel gives a shell, which reads them one by one, no more.
 */
export async function readProcfs(path: string): Promise<string | undefined> {
  try {
    return await outputOf('show "/proc/$1"', [path]);
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
printf '%s\\n' "$at"
show "/proc/$at/$3"`;

/** Most wrappers between the spawned process and the isolated one. */
const WRAPPERS_MAX = 4;

/** A process and its status in `/proc` (`man 5 proc_pid_status`). */
export interface ProcessStatus {
  readonly pid: number;
  readonly status: string;
}

/** The process without a child, the isolated one below its wrappers, and its status; undefined if it has ended. */
export async function innermost(pid: number): Promise<ProcessStatus | undefined> {
  const text = await outputOf(INNERMOST, [`${pid}`, `${WRAPPERS_MAX}`, "status"]);
  if (text === undefined) return undefined;
  const end = text.indexOf("\n");
  return { pid: Number(text.slice(0, end)), status: text.slice(end + 1) };
}

/** Time units of `/proc/PID/stat` on the architectures of Deno. */
const MS_PER_TICK = 10;
/** The user and system time after the name, which may contain anything (`man 5 proc_pid_stat`). */
const CPU_TICKS = /^[^]*\) (?:\S+ ){11}(\d+) (\d+) /;

/** Processor time in milliseconds of the same process; undefined if it has ended, and outside Linux. */
export async function readCpuMs(pid: number): Promise<number | undefined> {
  if (Deno.build.os !== "linux") return undefined;
  const text = await outputOf(INNERMOST, [`${pid}`, `${WRAPPERS_MAX}`, "stat"])
    .catch(() => undefined);
  const [, user, system] = CPU_TICKS.exec(text ?? "") ?? [];
  return user === undefined ? undefined : MS_PER_TICK * (Number(user) + Number(system));
}

/**
 * Prints the id of the child whose id in the namespace of its parent is `$2`. `ids PID` sets `ids` to the ids of a process
 * in each namespace, the outermost first. The kernel lists the newest child last, and a fork is looked for when it is new:
 * a fork server has up to hundreds of others.
 */
const CHILD = `
ids() {
  load "/proc/$1/status" || return
  ids=\${text#*"$newline"NSpid:}
  ids=\${ids%%"$newline"*}
}
nth() { shift "$1"; nth=\${1-}; }
children= newest=
read -r children <"/proc/$1/task/$1/children"
for pid in $children; do newest="$pid $newest"; done
ids "$1" || exit
set -- "$1" "$2" $ids
depth=$(($# - 2))
for pid in $newest; do
  ids "$pid" || continue
  nth "$depth" $ids
  [ "$nth" != "$2" ] || { printf '%s' "$pid"; exit; }
done
exit 1`;

/**
 * The id of a child of `parent` in the namespace of the server.
 * @param pid the child's id in the namespace of its parent
 */
export async function processBelow(parent: number, pid: number): Promise<number> {
  const text = await outputOf(CHILD, [`${parent}`, `${pid}`]);
  if (text !== undefined) return Number(text);
  throw new Error(
    `/proc shows no fork ${pid} of process ${parent}; mount it without hidepid (systemd: no ProtectProc)`,
  );
}

/** The texts of all files below `/proc` that can be read, one after the other. */
export async function readAllProcfs(paths: readonly string[]): Promise<string> {
  if (paths.length === 0) return "";
  return (await run('for path; do show "/proc/$path"; done', paths)).stdout;
}

const FIELDS = `
count=$1 names=$2
shift 2
for path; do fields "/proc/$path" "$count" "$names"; done`;
const FIELD = /^\/proc\/([^:]*):([^:]*):[ \t]+(.*)$/gm;

/** Fields of a file by name. */
type Fields = ReadonlyMap<string, string>;

/**
 * The fields with these names, such as `Threads`, of all files below `/proc` that can be read, by path.
 */
export async function readFields(
  paths: readonly string[],
  names: readonly string[],
): Promise<ReadonlyMap<string, Fields>> {
  const found = new Map<string, Map<string, string>>();
  if (paths.length === 0) return found;
  const keys = names.map((name) => `${name}:`).join(" ");
  const { stdout } = await run(FIELDS, [`${names.length}`, keys, ...paths]);
  for (const [, path = "", name = "", value = ""] of stdout.matchAll(FIELD)) {
    found.set(path, (found.get(path) ?? new Map<string, string>()).set(name, value));
  }
  return found;
}

const THREADS = `
for directory in "/proc/$1"/task/[0-9]*; do fields "$directory/status" 2 "Name: State:"; done`;

/** Name and state, such as `S (sleeping)`, of each thread of a process that can be read. */
export async function readThreads(
  pid: number,
): Promise<readonly { readonly name: string; readonly state: string }[]> {
  const { stdout } = await run(THREADS, [`${pid}`]);
  const found = new Map<string, { name: string; state: string }>();
  for (const [, path = "", field, value = ""] of stdout.matchAll(FIELD)) {
    const thread = found.get(path) ?? { name: "", state: "" };
    if (field === "Name") thread.name = value;
    else thread.state = value;
    found.set(path, thread);
  }
  return [...found.values()];
}

const BYTES_PER_KIB = 1024;

/** The bytes of a field such as `12 kB`; 0 without it. */
export function bytesIn(fields: Fields | undefined, name: string): number {
  return parseInt(fields?.get(name) ?? "0") * BYTES_PER_KIB;
}

/**
 * Prints a line for each process: its id, state, parent and group. Its name may contain anything, but what follows the
 * last parenthesis is the kernel's.
 */
const STATUSES = `
for directory in /proc/[0-9]*; do
  load "$directory/stat" || continue
  set -- \${text##*) }
  [ $# -lt 3 ] || printf '%s\\n' "\${directory#/proc/} $1 $2 $3"
done`;
/** The line of one that is alive. */
const STATUS = /^(\d+) [^ZX] (\d+) (\d+)$/gm;

/** Parent and group of each process in the namespace of the server by id, except of processes that wait to be reaped. */
export async function readStatuses(): Promise<
  ReadonlyMap<number, { readonly parent: number; readonly group: number }>
> {
  const { stdout } = await run(STATUSES, []);
  if (stdout === "") throw new Error("Failed to read the processes in /proc");
  return new Map(
    [...stdout.matchAll(STATUS)].map(([, pid, parent, group]) => [
      Number(pid),
      { parent: Number(parent), group: Number(group) },
    ]),
  );
}

/** What a script prints; undefined if it fails. */
async function outputOf(script: string, args: readonly string[]): Promise<string | undefined> {
  const { success, stdout } = await run(script, args);
  return success ? stdout : undefined;
}

async function run(
  script: string,
  args: readonly string[],
): Promise<{ readonly success: boolean; readonly stdout: string }> {
  const { success, stdout } = await new Deno.Command("sh", {
    args: ["-c", FUNCTIONS + script, "sh", ...args],
    // A name is bytes, not characters of a language.
    env: { LC_ALL: "C" },
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).output();
  return { success, stdout: new TextDecoder().decode(stdout) };
}
