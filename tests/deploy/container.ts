/** Containers of runc: real users, capabilities, read-only roots, seccomp filters and namespaces. */
import { join } from "node:path";
import { eventually } from "../support/eventually.ts";
import type { Profile } from "../../deploy/seccomp.ts";
import type { Image, Mount } from "./images.ts";

/** What container engines hide and protect by default in every container. */
const MASKED = [
  ...["acpi", "kcore", "keys", "latency_stats", "timer_list", "timer_stats", "sched_debug", "scsi"]
    .map((name) => `/proc/${name}`),
  "/sys/firmware",
];
const READ_ONLY = ["bus", "fs", "irq", "sys", "sysrq-trigger"].map((name) => `/proc/${name}`);

const RESTARTS_MAX = 5;

/** What a manifest says of a container. */
interface ContainerSpec {
  /** Unique in the test. */
  readonly name: string;
  readonly hostName: string;
  readonly image: Image;
  /** Replaces the image's. */
  readonly entrypoint: readonly string[] | undefined;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly user: string;
  readonly groups: readonly number[];
  readonly capabilities: readonly string[];
  readonly isReadOnly: boolean;
  readonly noNewPrivileges: boolean;
  readonly seccomp: Profile | undefined;
  readonly mounts: readonly Mount[];
  /** Path of a network namespace. */
  readonly network: string;
  /** Addresses by their names. */
  readonly hosts: Readonly<Record<string, string>>;
}

/** A container. Its disposal kills it. */
export class Container implements AsyncDisposable {
  #process: Deno.ChildProcess | undefined;
  #hasEnded = false;
  #restarts = 0;

  private constructor(
    readonly spec: ContainerSpec,
    private readonly directory: string,
    private readonly state: string,
  ) {}

  /** Writes the bundle of a container. @param work a directory that the test removes */
  static async prepare(spec: ContainerSpec, work: string): Promise<Container> {
    const directory = join(work, "containers", spec.name);
    const root = join(directory, "rootfs");
    await Deno.mkdir(join(root, "etc"), { recursive: true });
    for (const name of ["bin", "lib", "lib64", "sbin"]) {
      await Deno.symlink(`usr/${name}`, join(root, name));
    }
    for (const name of ["proc", "sys", "dev", "run", "tmp", "var/run"]) {
      await Deno.mkdir(join(root, name), { recursive: true });
    }
    await Deno.chmod(join(root, "tmp"), 0o1777);
    const lines = Object.entries({ localhost: "127.0.0.1", ...spec.hosts })
      .map(([name, address]) => `${address} ${name}`);
    await Deno.writeTextFile(join(root, "etc/hosts"), `${lines.join("\n")}\n`);
    await Deno.writeTextFile(
      join(directory, "config.json"),
      JSON.stringify(configOf(spec), null, 1),
    );
    return new Container(spec, directory, join(work, "runc"));
  }

  /** Starts its command. */
  start(): void {
    this.#process = new Deno.Command("sh", {
      args: ["-c", 'exec runc --root "$1" run --bundle "$2" "$3" >>"$2/log" 2>&1', "sh"]
        .concat(this.state, this.directory, this.spec.name),
      stdin: "null",
    }).spawn();
    this.#hasEnded = false;
    this.#process.status.then(() => this.#hasEnded = true);
  }

  /** Starts its command once more, after its end. */
  async startAgain(): Promise<void> {
    await this.#runc("delete", "--force", this.spec.name);
    this.start();
  }

  /** Resolves when its command has ended. @throws with its log unless the exit code is 0 */
  async ended(): Promise<void> {
    const status = await this.#process?.status;
    if (!status?.success) throw new Error(`${this.spec.name} failed:\n${await this.log()}`);
  }

  /**
   * Resolves once the probe passes. A command that ends before starts again, as engines do: what it needs may not have been
   * ready. @throws with its log if it has ended too often
   */
  async ready(probe: () => Promise<boolean>): Promise<void> {
    try {
      await eventually(async () => {
        if (await probe()) return true;
        if (!this.#hasEnded) return undefined;
        if (++this.#restarts > RESTARTS_MAX) throw new Error("its command ends again and again");
        await this.startAgain();
      }, "a container that is ready");
    } catch (error) {
      const reason = error instanceof Error ? error.message : error;
      throw new Error(`${this.spec.name} is not ready: ${reason}; its log:\n${await this.log()}`);
    }
  }

  /** Runs a command in the running container, with its user and its variables. */
  async exec(...command: readonly string[]): Promise<{ success: boolean; output: string }> {
    const { success, stdout, stderr } = await new Deno.Command("runc", {
      args: ["--root", this.state, "exec", this.spec.name, ...command],
      stdin: "null",
    }).output();
    const decoder = new TextDecoder();
    return { success, output: decoder.decode(stdout) + decoder.decode(stderr) };
  }

  /** The process of its command, by the ids of this machine. */
  async pid(): Promise<number> {
    const args = ["--root", this.state, "state", this.spec.name];
    const { stdout } = await new Deno.Command("runc", { args }).output();
    return JSON.parse(new TextDecoder().decode(stdout)).pid;
  }

  async log(): Promise<string> {
    return await Deno.readTextFile(join(this.directory, "log")).catch((error) => {
      // Its command has not begun.
      if (error instanceof Deno.errors.NotFound) return "";
      throw error;
    });
  }

  /** Ends its command as an engine does. @returns its exit code */
  async stop(signal: string): Promise<number | undefined> {
    await this.#runc("kill", this.spec.name, signal);
    return (await this.#process?.status)?.code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#runc("delete", "--force", this.spec.name);
    await this.#process?.status;
  }

  async #runc(...args: readonly string[]): Promise<void> {
    await new Deno.Command("runc", { args: ["--root", this.state, ...args], stderr: "null" })
      .output();
  }
}

/** The configuration of the Open Container Initiative. */
function configOf(spec: ContainerSpec) {
  const { image, user, groups, capabilities, isReadOnly, seccomp } = spec;
  const [uid = 0, gid = uid] = user.split(":").map(Number);
  const caps = capabilities.map((name) => `CAP_${name}`);
  const env = { ...image.env, HOSTNAME: spec.hostName, ...spec.env };
  const isRoot = uid === 0;
  return {
    ociVersion: "1.0.2",
    process: {
      user: { uid, gid, additionalGids: groups },
      args: [...spec.entrypoint ?? image.entrypoint, ...spec.args],
      env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
      cwd: "/",
      noNewPrivileges: spec.noNewPrivileges,
      // A user that is not root has none of them, but may not gain others by a program of root either.
      capabilities: {
        bounding: caps,
        effective: isRoot ? caps : [],
        permitted: isRoot ? caps : [],
      },
    },
    root: { path: "rootfs", readonly: isReadOnly },
    hostname: spec.hostName,
    mounts: [...systemMounts(), ...[...image.mounts, ...spec.mounts].map(bindMount)],
    linux: {
      namespaces: [
        ...["pid", "ipc", "uts", "mount"].map((type) => ({ type })),
        { type: "network", path: spec.network },
      ],
      maskedPaths: MASKED,
      readonlyPaths: READ_ONLY,
      ...seccomp === undefined ? {} : { seccomp: withoutOtherMachines(seccomp) },
    },
  };
}

/** runc knows the architecture of this machine, and its own library may not know others. */
function withoutOtherMachines({ architectures: _, ...profile }: Profile): Omit<
  Profile,
  "architectures"
> {
  return profile;
}

function bindMount({ source, path, isWritable }: Mount) {
  const options = ["rbind", isWritable ? "rw" : "ro", "nosuid"];
  return { destination: path, type: "bind", source, options };
}

function systemMounts() {
  const tmpfs = (destination: string, mode: string) => ({
    ...{ destination, type: "tmpfs", source: "tmpfs" },
    options: ["nosuid", `mode=${mode}`, "size=64m"],
  });
  return [
    { destination: "/proc", type: "proc", source: "proc" },
    tmpfs("/dev", "755"),
    {
      ...{ destination: "/dev/pts", type: "devpts", source: "devpts" },
      options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"],
    },
    tmpfs("/dev/shm", "1777"),
    {
      ...{ destination: "/sys", type: "sysfs", source: "sysfs" },
      options: ["nosuid", "noexec", "nodev", "ro"],
    },
  ];
}
