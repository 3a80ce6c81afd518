/**
 * A machine in which systemd runs as the first process: a copy of this machine's file system, which forgets all changes,
 * with processes, cgroups and a loopback network of its own. It needs root.
 */
import assert from "node:assert/strict";
import { eventually } from "./eventually.ts";

/**
 * Makes the machine below the directory $1 and becomes its first process. No unit of this machine starts there but those
 * that the test starts.
 */
const BOOT = `
set -eu
directory=$1
mount --make-rprivate /
mount -t tmpfs tmpfs "$directory"
root=$directory/root
mkdir "$directory/changes" "$directory/work" "$root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$directory/changes,workdir=$directory/work" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in null zero full random urandom tty; do
  : >"$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/shm" "$root/dev/pts"
mount -t tmpfs tmpfs "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
for wanted in /usr/lib/systemd/system/*.wants /etc/systemd/system/*.wants; do
  if [ -d "$wanted" ]; then mount -t tmpfs tmpfs "$root$wanted"; fi
done
printf '[Unit]\\nDescription=Test\\nWants=systemd-journald.service\\n' >"$root/etc/systemd/system/test.target"
# A machine on which tests run may forbid packages to start services.
rm -rf "$root/usr/sbin/policy-rc.d" "$root/var/lib/invoked" "$root/var/cache/invoked"
cd -- "$root"
mkdir .outside
pivot_root . .outside
umount -l /.outside
exec env -i container=test PATH=/usr/sbin:/usr/bin /usr/lib/systemd/systemd --unit=test.target
`;

/** Runs a script in a private mount namespace with all cgroups of version 2 in the directory $1, wherever they are else. */
const WITH_CGROUPS =
  `exec unshare --mount -- sh -euc 'mount -t cgroup2 cgroup2 "$1"; eval "$0"' "$@"`;

/** Starts the machine in its cgroup $2 and in the namespaces of its first process, which runs $3. */
const START = `
mkdir "$1/$2"
echo $$ >"$1/$2/cgroup.procs"
umount "$1"
exec setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child --uts --ipc --cgroup --net -- sh -c "$3" sh "$1"
`;

const REMOVE_CGROUPS = 'find "$1/$2" -depth -type d -exec rmdir {} +';

/** What a command printed. */
interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * The child of a process that is the first process of a machine. Before that child, the process has others, which come and
 * go as it reads; the status of the process itself says when it has ended.
 */
async function firstProcessBelow(parent: number): Promise<string | undefined> {
  const children = await unlessGone(Deno.readTextFile(`/proc/${parent}/task/${parent}/children`));
  for (const pid of children?.split(" ") ?? []) {
    const status = pid === ""
      ? undefined
      : await unlessGone(Deno.readTextFile(`/proc/${pid}/status`));
    if (/^NSpid:\t\d+(?:\t\d+)*\t1$/m.test(status ?? "")) return pid;
  }
  return undefined;
}

/** What a file of procfs has; undefined if its process has ended, before the file was opened or since. */
async function unlessGone(reading: Promise<string>): Promise<string | undefined> {
  return await reading.catch((error) => {
    const isGone = error instanceof Deno.errors.NotFound || /No such process/.test(String(error));
    if (isGone) return undefined;
    throw error;
  });
}

/** The machine. Its disposal ends all of its processes. */
export class SystemdMachine implements AsyncDisposable {
  readonly #directory: string;
  readonly #cgroup: string;
  readonly #outer: Deno.ChildProcess;
  readonly #log: Promise<string>;
  #hasEnded = false;
  #pid = "";

  private constructor(directory: string, cgroup: string, outer: Deno.ChildProcess) {
    this.#directory = directory;
    this.#cgroup = cgroup;
    this.#outer = outer;
    this.#log = new Response(outer.stderr).text();
    outer.status.then(() => this.#hasEnded = true);
  }

  /** Resolves once systemd has started. */
  static async boot(): Promise<SystemdMachine> {
    const directory = await Deno.makeTempDir({ prefix: "invoked-systemd-" });
    const cgroup = `invoked-test-${crypto.randomUUID()}`;
    const outer = new Deno.Command("sh", {
      args: ["-c", WITH_CGROUPS, "sh", START, directory, cgroup, BOOT],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const machine = new SystemdMachine(directory, cgroup, outer);
    try {
      await eventually(() => machine.#findFirstProcess(), "the machine runs systemd");
      return machine;
    } catch (error) {
      await machine[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #findFirstProcess(): Promise<true | undefined> {
    if (this.#hasEnded) {
      const { code, signal } = await this.#outer.status;
      throw new Error(`The machine ended with ${signal ?? code} as it started: ${await this.#log}`);
    }
    const pid = await firstProcessBelow(this.#outer.pid);
    if (pid === undefined) return undefined;
    this.#pid = pid;
    const { stdout } = await this.try("systemctl is-system-running").catch(() => ({ stdout: "" }));
    return stdout.trim() === "running" || undefined;
  }

  /** Starts a program in the machine. Its stdin is a pipe. */
  start(...command: readonly string[]): Deno.ChildProcess {
    return this.#command(command, "piped").spawn();
  }

  /** Writes a file of the machine. */
  async copyInto(content: ReadableStream<Uint8Array>, path: string): Promise<void> {
    const writer = this.start("dd", "status=none", `of=${path}`);
    await content.pipeTo(writer.stdin);
    const { success, stderr } = await writer.output();
    assert.ok(success, new TextDecoder().decode(stderr));
  }

  /** Runs a shell script in the machine, whether it fails or not. */
  async try(script: string): Promise<Result> {
    const { code, stdout, stderr } = await this.#command(["sh", "-c", script], "null").output();
    const decoder = new TextDecoder();
    return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  }

  /** Runs a shell script, which must succeed, and returns its stdout. */
  async run(script: string): Promise<string> {
    const { code, stdout, stderr } = await this.try(script);
    assert.equal(code, 0, `${script}\n${stdout}\n${stderr}`);
    return stdout;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#outer.kill("SIGKILL");
    } catch (error) {
      // It has ended: the machine did not start.
      if (!(error instanceof TypeError)) throw error;
    }
    await this.#outer.status;
    await this.#log;
    await eventually(async () => {
      const removal = await new Deno.Command("sh", {
        args: ["-c", WITH_CGROUPS, "sh", REMOVE_CGROUPS, this.#directory, this.#cgroup],
        stderr: "null",
      }).output();
      return removal.success || undefined;
    }, "all processes of the machine have ended");
    await Deno.remove(this.#directory, { recursive: true });
  }

  #command(command: readonly string[], stdin: "null" | "piped"): Deno.Command {
    const environment = ["env", "-i", "HOME=/root", "LC_ALL=C.UTF-8", "PATH=/usr/sbin:/usr/bin"];
    return new Deno.Command("nsenter", {
      args: ["--target", this.#pid, "--all", "--", ...environment, ...command],
      stdin,
      stdout: "piped",
      stderr: "piped",
    });
  }
}
