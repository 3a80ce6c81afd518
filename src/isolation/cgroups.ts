/**
 * Memory and pids cgroups, if the server can create any: a second limit, counted by the kernel, in addition to the
 * limits of each process.
 *
 * Creating a cgroup for each invocation would cost two more programs an invocation. So cgroups are created in batches
 * and used for one process after another.
 */
import { basename } from "node:path";
import { getLogger } from "@logtape/logtape";
import {
  type CgroupTree,
  makeCgroups,
  openDirectories,
  removeDirectories,
  SYSTEM_TREE,
} from "./cgroup_tree.ts";
import { MemoryLimiter } from "./cgroup_limits.ts";
import { JOIN_GROUPS } from "./wrappers.ts";

const logger = getLogger(["invoked", "isolation"]);

/** Cgroups that are created at a time. */
const BATCH = 16;
/** Processes and threads in one cgroup. An idle instance has about 20. */
const PIDS_MAX = 256;

/** A cgroup for one process. Its disposal, after the process has ended, returns it for the next. */
export type Cgroup = Readonly<Awaited<ReturnType<Cgroups["take"]>>>;

/** The cgroups of one server. Their disposal, after all processes have ended, removes them. */
export class Cgroups implements AsyncDisposable {
  readonly #free: number[] = [];
  readonly #limiter: MemoryLimiter;
  #made = 0;
  #making: Promise<void> | undefined;
  #isClosed = false;

  private constructor(
    private readonly sh: string,
    private readonly tree: CgroupTree,
    private readonly directories: readonly string[],
    private readonly memoryMaxBytes: number,
  ) {
    this.#limiter = new MemoryLimiter(sh);
  }

  /**
   * Opens cgroups of this server; undefined if it cannot create any.
   * @param memoryMaxBytes limit of one process, including kernel memory
   */
  static async open(
    sh: string,
    memoryMaxBytes: number,
    tree = SYSTEM_TREE,
    id = crypto.randomUUID().slice(0, 8),
  ): Promise<Cgroups | undefined> {
    const directories = await openDirectories(sh, tree, id);
    if (directories === undefined) return undefined;
    const cgroups = new Cgroups(sh, tree, directories, memoryMaxBytes);
    if (await cgroups.#canJoin()) return cgroups;
    await cgroups[Symbol.asyncDispose]();
    return undefined;
  }

  /** Takes a cgroup without processes. */
  async take() {
    while (this.#free.length === 0) {
      this.#making ??= this.#make().finally(() => this.#making = undefined);
      await this.#making;
    }
    const number = this.#free.pop() ?? 0;
    const files = this.directories.map((directory) => `${directory}/${number}/cgroup.procs`);
    let memoryMaxBytes = this.memoryMaxBytes;
    let isUsable = true;
    return {
      /** A process that writes its id to these files joins the cgroup. */
      files,
      /** Moves a running process to it. Its later forks join, too. */
      join: (pid: number) => this.#join(pid, files),
      /** To call if no process could join the cgroup: this cgroup and the free ones beside it are not used again. */
      discard: () => {
        isUsable = false;
        this.#free.length = 0;
      },
      /** Changes the limit of memory until the disposal. Rejects if the kernel does not take it. */
      limitMemory: async (bytes: number) => {
        await this.#limiter.set(this.#memoryDirectory(number), bytes);
        memoryMaxBytes = bytes;
      },
      [Symbol.dispose]: () => {
        if (isUsable) this.#giveBack(number, memoryMaxBytes);
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await this.#limiter[Symbol.asyncDispose]();
    await removeDirectories(this.sh, this.tree, this.directories);
  }

  async #join(pid: number, files: readonly string[]): Promise<void> {
    const script = 'pid=$1; shift; for file; do echo "$pid" >"$file" || exit 1; done';
    const { success, stderr } = await new Deno.Command(this.sh, {
      args: ["-c", script, "sh", `${pid}`, ...files],
      clearEnv: true,
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).output();
    if (success) return;
    throw new Error(`Failed to join a cgroup: ${new TextDecoder().decode(stderr).trim()}`);
  }

  /** The first directory is that of memory; see `openDirectories`. */
  #memoryDirectory(number: number): string {
    return `${this.directories[0]}/${number}`;
  }

  /** A cgroup whose limit cannot be set back is not used again. */
  async #giveBack(number: number, memoryMaxBytes: number): Promise<void> {
    try {
      if (memoryMaxBytes !== this.memoryMaxBytes && !this.#isClosed) {
        await this.#limiter.set(this.#memoryDirectory(number), this.memoryMaxBytes);
      }
      this.#free.push(number);
    } catch (error) {
      logger.error("a cgroup is not used again: {error}", { error: String(error) });
    }
  }

  /** Whether the kernel shows a process that joined in the cgroup. */
  async #canJoin(): Promise<boolean> {
    try {
      using cgroup = await this.take();
      const script = `${JOIN_GROUPS}; while read -r line; do echo "$line"; done <"$1"`;
      const { success, stdout } = await new Deno.Command(this.sh, {
        args: ["-c", script, "sh", ...cgroup.files, "--", this.tree.ownFile],
        clearEnv: true,
      }).output();
      const names = this.directories.map((directory) => `/${basename(directory)}/`);
      const joined = new TextDecoder().decode(stdout).split("\n").filter((line) =>
        names.some((name) => line.includes(name))
      );
      return success && joined.length === this.directories.length;
    } catch {
      return false;
    }
  }

  async #make(): Promise<void> {
    const from = this.#made + 1;
    const to = this.#made + BATCH;
    const limits = { memoryMaxBytes: this.memoryMaxBytes, pidsMax: PIDS_MAX };
    await makeCgroups(this.sh, this.tree, this.directories, limits, { from, to });
    this.#made = to;
    for (let number = from; number <= to; number++) this.#free.push(number);
  }
}
