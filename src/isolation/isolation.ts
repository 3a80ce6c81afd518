/**
 * Isolation: how the operating system confines processes that handle untrusted code. There are two kinds of such
 * processes, instances and the compiler. Each describes its needs in a {@link Profile}, and every mode applies to both.
 */

/** The modes, the strongest first. */
export const MODES = ["bubblewrap", "landlock", "process"] as const;
export type Mode = typeof MODES[number];

/** The requested mode; `auto` is the strongest available one. */
export type IsolationChoice = "auto" | Mode;

/** The user of a process. `nobody` needs a server that is root. `own` is the server's user without capabilities. */
export type Identity = "nobody" | "own";

/** What one kind of process needs and may do in every mode. */
export interface Profile {
  /** What runs in these processes, for messages: `functions`. */
  readonly name: string;
  /** Host name in a namespace of its own. */
  readonly hostName: string;
  /** Users to try, the stronger first. */
  readonly identities: readonly Identity[];
  /** Directories that every process may read, in addition to Deno and its libraries. */
  readonly readable: readonly string[];
  /**
   * A directory of the parts of `partsOfRoot`: the root of the mount namespace, without `/proc` and with only `null` in
   * `/dev`. Without it each process gets an assembled root with both.
   */
  readonly root?: string;
  /** File with the seccomp filter, readable for the user of the processes. */
  readonly seccompFile: string;
  readonly openFilesMax: number;
  /** Most bytes of one written file. */
  readonly fileBytesMax: number;
  /** The environment of the processes and their wrappers. It contains no secret. */
  readonly env: Readonly<Record<string, string>>;
  readonly descriptions: {
    /** The isolation of the process itself. */
    readonly inner: string;
    /** What is missing or open without a seccomp filter. */
    readonly withoutSeccomp: string;
    /** What is missing or open without resource limits. */
    readonly withoutLimits: string;
  };
}

/** Limits and access of one process. */
export interface Confinement {
  /** Limit of all private memory in bytes; absent for the process that measures its need. */
  readonly dataBytes?: number;
  /** Limit of processor time in whole seconds, including the start of the process. */
  readonly cpuSeconds?: number;
  /** Open files instead of those of the profile, if the server's own limit allows so many. */
  readonly openFilesMax?: number;
  /**
   * The egress socket. `bubblewrap` mounts it at {@link EGRESS_SOCKET_INSIDE}, the other modes leave it at its own path.
   * The user of the process must be able to reach and write it.
   */
  readonly egressSocket?: string;
  /**
   * A directory of sockets for a zygote and its forks. `bubblewrap` mounts it read-only at {@link SOCKETS_INSIDE}, the
   * other modes leave it at its own path.
   */
  readonly socketDir?: string;
  /** The seccomp filter of this process instead of the profile's. */
  readonly seccompFile?: string;
  /** The environment of this process instead of the profile's. */
  readonly env?: Readonly<Record<string, string>>;
  /** `cgroup.procs` files of the cgroups that this process joins. */
  readonly groupFiles?: readonly string[];
  /** Directories that this process may write to and run programs from. */
  readonly writable?: readonly string[];
  /** Working directory; `/` where absent. */
  readonly cwd?: string;
}

/** Path of the egress socket in a mount namespace of its own. */
export const EGRESS_SOCKET_INSIDE = "/run/egress.sock";

/** Path of a directory of sockets in a mount namespace of its own. */
export const SOCKETS_INSIDE = "/run/sockets";

/** One variant of a mode. Each mode has a file. */
export interface Isolation {
  readonly mode: Mode;
  /** Described for the operator. */
  readonly description: string;
  readonly env: Profile["env"];
  /** What `/proc` must show of the process. */
  readonly expected: Expected;
  /** Path of the confinement's egress socket as the process sees it. */
  egressPathInside(egressSocket: string): string;
  /** Path of a confinement's directory of sockets as the process sees it. */
  socketDirInside(socketDir: string): string;
  /** The command line that runs `command` in this isolation. */
  wrap(command: readonly string[], confinement: Confinement): readonly string[];
}

/** Facts of `/proc/PID/status`. */
export interface Expected {
  readonly seccomp: boolean;
  readonly noNewPrivileges: boolean;
  /** User id as the server sees it; undefined for the server's own user. */
  readonly uid: number | undefined;
  readonly noCapabilities: boolean;
  /** The process is a child of its wrapper, in a process namespace of its own. */
  readonly ownProcessNamespace: boolean;
}

/** A variant of a mode, or the reason why the mode is impossible. */
export type Candidate =
  | { readonly kind: "isolation"; readonly isolation: Isolation }
  | { readonly kind: "impossible"; readonly mode: Mode; readonly reason: string };
