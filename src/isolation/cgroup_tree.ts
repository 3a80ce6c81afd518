/**
 * The cgroup file system, versions 1 and 2: finds directories in which the server can create cgroups, and creates and
 * removes them. Which version works is tested, not assumed.
 *
 * A shell does all of this, because Deno opens files below /sys only with all permissions.
 */

/** Where the kernel shows cgroups. Tests imitate it. */
export interface CgroupTree {
  /** The mount point. */
  readonly root: string;
  /** Names the cgroups of the process that reads it. */
  readonly ownFile: string;
  /** Search path for dirname, mkdir, readlink, rmdir, sed, sleep and tr. */
  readonly programPath: string;
  /** Whether the server is root, who owns each cgroup; any other server owns those that were delegated to it. */
  readonly isRoot: boolean;
}

export const SYSTEM_TREE: CgroupTree = {
  root: "/sys/fs/cgroup",
  ownFile: "/proc/self/cgroup",
  programPath: "/usr/sbin:/usr/bin:/sbin:/bin",
  isRoot: Deno.build.os === "linux" && Deno.uid() === 0,
};

/** Limits of one cgroup. */
interface CgroupLimits {
  readonly memoryMaxBytes: number;
  /** Processes and threads. */
  readonly pidsMax: number;
}

/**
 * Creates a directory of the server in the tree `$2` and prints its path. `$3` names the cgroups of this shell. The name of
 * the directory has the id `$1` and its owner: process namespace, process id and start time of the server. Directories
 * beside it whose owner has ended are removed.
 *
 * Version 1 has one directory for memory and one for pids. In version 2 the directory must be beside or below the group
 * of the server and gets both controllers for its children. A group that was delegated to a server that is not root (`$4`)
 * (Delegate= and DelegateSubgroup= of systemd) has them once the server enables them there. A login session has such groups,
 * too: there the user's other programs are counted from then on, and nothing limits them.
 */
const OPEN = `
id=$1 root=$2 own_file=$3 user=$4
started() {
  stat= started=
  [ -r "/proc/$1/stat" ] || return
  { while read -r line; do stat="$stat $line"; done <"/proc/$1/stat"; } 2>/dev/null
  set -- \${stat##*) }
  [ $# -lt 20 ] || started=\${20}
}
namespace=$(readlink /proc/self/ns/pid | tr -dc 0-9)
started "$PPID"
name=invoked-$id-$namespace-$PPID-$started
sweep() {
  for directory in "$1/invoked-"*"-$namespace-"*-*; do
    [ -d "$directory" ] || continue
    owner=\${directory##*-"$namespace"-}
    started "\${owner%-*}"
    [ "$started" = "\${owner##*-}" ] || rmdir "$directory"/*/ "$directory" 2>/dev/null
  done
}
own() { sed -n "s/^[0-9]*:\\([^:]*,\\)*$1\\(,[^:]*\\)*://p" "$own_file"; }
first() { for parent; do sweep "$parent"; mkdir -p "$parent/$name" 2>/dev/null && echo "$parent/$name" && return; done; return 1; }
if [ -e "$root/cgroup.controllers" ]; then
  own=$(sed -n 's/^0:://p' "$own_file")
  enable() { { echo '+memory +pids' >"$1/cgroup.subtree_control"; } 2>/dev/null; }
  open() {
    mkdir -p "$1/$name" 2>/dev/null || return
    enable "$1/$name" && echo "$1/$name" && exit
    rmdir "$1/$name"
  }
  for parent in "$root$(dirname "$own")" "$root$own"; do
    sweep "$parent"
    open "$parent"
    [ "$user" != root ] && [ -O "$parent" ] && enable "$parent" && open "$parent"
  done
  exit 1
fi
memory=$(first "$root/memory$(own memory)" "$root/memory") || exit 1
pids=$(first "$root/pids$(own pids)" "$root/pids") || { rmdir "$memory"; exit 1; }
echo "$memory"
echo "$pids"
`;

/** Creates the cgroups `$3` to `$4` with the limits `$1` and `$2` in the directories that follow. */
const MAKE = `
set -e
memory=$1 pids=$2 from=$3 to=$4; shift 4
make() {
  directory=$1 n=$from
  # Somebody may have removed it: in version 2 it then has to give the controllers to its children anew.
  if [ ! -d "$directory" ]; then
    mkdir -p "$directory"
    if [ -e "$directory/cgroup.subtree_control" ]; then
      echo '+memory +pids' >"$directory/cgroup.subtree_control"
    fi
  fi
  set --
  while [ "$n" -le "$to" ]; do set -- "$@" "$directory/$n"; n=$((n + 1)); done
  mkdir -p "$@"
  for group; do
    for limit in memory.max memory.limit_in_bytes; do
      if [ -e "$group/$limit" ]; then echo "$memory" >"$group/$limit"; fi
    done
    if [ -e "$group/pids.max" ]; then echo "$pids" >"$group/pids.max"; fi
  done
}
for tree; do make "$tree"; done
`;

/** Removes the directories and all cgroups in them, once the killed processes have left them. */
const REMOVE = `
for directory; do
  tries=0
  while [ "$tries" -lt 100 ]; do
    rmdir "$directory"/*/ 2>/dev/null
    rmdir "$directory" 2>/dev/null && break
    sleep 0.05
    tries=$((tries + 1))
  done
done
`;

/** Creates directories of this server with an id of their own; undefined if it cannot create any. */
export async function openDirectories(
  sh: string,
  tree: CgroupTree,
  id: string,
): Promise<readonly string[] | undefined> {
  const user = tree.isRoot ? "root" : "other";
  const printed = await run(sh, tree, OPEN, [id, tree.root, tree.ownFile, user]);
  return printed?.trim().split("\n");
}

/** Creates the cgroups with numbers `from` to `to` in each directory. Throws if that fails. */
export async function makeCgroups(
  sh: string,
  tree: CgroupTree,
  directories: readonly string[],
  { memoryMaxBytes, pidsMax }: CgroupLimits,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<void> {
  const numbers = [memoryMaxBytes, pidsMax, from, to].map(String);
  if (await run(sh, tree, MAKE, [...numbers, ...directories]) !== undefined) return;
  throw new Error(`Failed to create cgroups in ${directories.join(" and ")}`);
}

/** Removes the directories and all cgroups in them. */
export async function removeDirectories(
  sh: string,
  tree: CgroupTree,
  directories: readonly string[],
): Promise<void> {
  await run(sh, tree, REMOVE, directories);
}

/** The output of the script; undefined if it failed. */
async function run(
  sh: string,
  { programPath }: CgroupTree,
  script: string,
  args: readonly string[],
): Promise<string | undefined> {
  const { success, stdout } = await new Deno.Command(sh, {
    args: ["-c", script, "sh", ...args],
    // The server's environment may contain keys, so the shell does not inherit it.
    clearEnv: true,
    env: { PATH: programPath },
    stdin: "null",
    stderr: "null",
  }).output();
  return success ? new TextDecoder().decode(stdout) : undefined;
}
