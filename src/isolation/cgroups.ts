/**
 * Memory and pids cgroups, where the server may make any: a second limit, of the kernel's own counting, behind the
 * limits that each process carries. Control groups of version 1 and 2 are tried, not guessed.
 *
 * A shell does all of it: Deno opens nothing below /sys for a server that was not given every permission. As it would
 * cost two more programs a call, a group is not made for each process but lent to one after the other.
 */

import { JOIN_GROUPS } from "./wrappers.ts";

/** Groups that are made at a time. */
const BATCH = 16;
/** Processes and threads in one group; an idle process has about 20. */
const PIDS_MAX = 256;
/** Where the shell finds mkdir, rmdir, sed, dirname and sleep. */
const SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin";
/** Prints the directories in which groups can be made, the first that work; `$1` is a name of this server. */
const OPEN = `
own() { sed -n "s/^[0-9]*:\\([^:]*,\\)*$1\\(,[^:]*\\)*://p" /proc/self/cgroup; }
first() { for parent; do mkdir -p "$parent/$name" 2>/dev/null && echo "$parent/$name" && return; done; return 1; }
name=$1 root=/sys/fs/cgroup
if [ -e $root/cgroup.controllers ]; then
  own=$(sed -n 's/^0:://p' /proc/self/cgroup)
  for parent in "$root$(dirname "$own")" "$root$own"; do
    mkdir -p "$parent/$name" 2>/dev/null || continue
    echo '+memory +pids' >"$parent/$name/cgroup.subtree_control" 2>/dev/null && echo "$parent/$name" && exit
    rmdir "$parent/$name"
  done
  exit 1
fi
first "$root/memory$(own memory)" $root/memory && first "$root/pids$(own pids)" $root/pids
`;

/** Makes the groups `$3` to `$4` with these limits in the directories that follow. */
const MAKE = `
set -e
memory=$1 pids=$2 from=$3 to=$4; shift 4
for base; do
  n=$from
  while [ "$n" -le "$to" ]; do
    mkdir -p "$base/$n"
    for limit in memory.max memory.limit_in_bytes; do
      if [ -e "$base/$n/$limit" ]; then echo "$memory" >"$base/$n/$limit"; fi
    done
    if [ -e "$base/$n/pids.max" ]; then echo "$pids" >"$base/$n/pids.max"; fi
    n=$((n + 1))
  done
done
`;

/** Removes the directories and all groups in them, once the processes that were killed have left. */
const CLOSE = `
for base; do
  for try in 1 2 3 4 5 6 7 8 9 10; do
    rmdir "$base"/*/ 2>/dev/null
    rmdir "$base" 2>/dev/null && break
    sleep 0.05
  done
done
`;

/** A group that is lent to one process; disposing it once the process has ended gives it back. */
export interface Cgroup extends Disposable {
  /** Who writes its id to these files joins the group. */
  readonly files: readonly string[];
}

/** Groups of one server. Disposing them, once all processes have ended, removes them. */
export class Cgroups implements AsyncDisposable {
  readonly #sh: string;
  readonly #bases: readonly string[];
  readonly #memoryBytes: number;
  readonly #free: number[] = [];
  #made = 0;
  #making: Promise<void> | undefined;

  private constructor(sh: string, bases: readonly string[], memoryBytes: number) {
    this.#sh = sh;
    this.#bases = bases;
    this.#memoryBytes = memoryBytes;
  }

  /**
   * Opens the groups of the server with this name, of which only one runs; undefined where none can be made.
   * @param memoryBytes limit of one process: all that it holds and that the kernel holds for it
   */
  static async open(
    sh: string,
    name: string,
    memoryBytes: number,
  ): Promise<Cgroups | undefined> {
    const bases = (await run(sh, OPEN, [name]))?.trim().split("\n") ?? [];
    if (bases.length === 0) return undefined;
    const cgroups = new Cgroups(sh, bases, memoryBytes);
    if (await cgroups.#stand(name)) return cgroups;
    await cgroups[Symbol.asyncDispose]();
    return undefined;
  }

  /** Lends a group that no other process is in. */
  async take(): Promise<Cgroup> {
    while (this.#free.length === 0) {
      this.#making ??= this.#make().finally(() => this.#making = undefined);
      await this.#making;
    }
    const number = this.#free.pop() ?? 0;
    const files = this.#bases.map((base) => `${base}/${number}/cgroup.procs`);
    return {
      files,
      [Symbol.dispose]: () => this.#free.push(number),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await run(this.#sh, CLOSE, this.#bases);
  }

  /** Whether a process that joined is there where the kernel looks. */
  async #stand(name: string): Promise<boolean> {
    try {
      using cgroup = await this.take();
      const script = `${JOIN_GROUPS}; exec "$@"`;
      const { success, stdout } = await new Deno.Command(this.#sh, {
        args: ["-c", script, "sh", ...cgroup.files, "--", "/bin/cat", "/proc/self/cgroup"],
        clearEnv: true,
      }).output();
      const joined = new TextDecoder().decode(stdout).split("\n").filter((line) =>
        line.includes(`/${name}/`)
      );
      return success && joined.length === this.#bases.length;
    } catch {
      return false;
    }
  }

  async #make(): Promise<void> {
    const from = this.#made + 1;
    const to = this.#made + BATCH;
    const limits = [`${this.#memoryBytes}`, `${PIDS_MAX}`];
    const made = await run(this.#sh, MAKE, [...limits, `${from}`, `${to}`, ...this.#bases]);
    if (made === undefined) throw new Error("Cannot make cgroups");
    this.#made = to;
    for (let number = from; number <= to; number++) this.#free.push(number);
  }
}

/** What the script printed; undefined where it failed. */
async function run(
  sh: string,
  script: string,
  args: readonly string[],
): Promise<string | undefined> {
  const { success, stdout } = await new Deno.Command(sh, {
    args: ["-c", script, "sh", ...args],
    // The server's own environment may hold its keys, and is nobody else's.
    clearEnv: true,
    env: { PATH: SYSTEM_PATH },
    stdin: "null",
    stderr: "null",
  }).output();
  return success ? new TextDecoder().decode(stdout) : undefined;
}
