/**
 * The isolation room: how the operating system confines the processes that touch foreign code, beyond what these
 * confine by themselves. There are two kinds, a function's process and the compiler; each tells its needs in a
 * {@link Profile}, and every mode puts the same walls around both.
 */

/** The modes, the strongest first. */
export const MODES = ["bubblewrap", "landlock", "process"] as const;
export type Mode = typeof MODES[number];

/** What was asked for: one mode, or the strongest that stands. */
export type IsolationChoice = "auto" | Mode;

/** Whose process it is. `nobody` takes a server that is root; `own` also loses what root may do. */
export type Identity = "nobody" | "own";

/** What one kind of process needs and may do, whatever the mode. */
export interface Profile {
  /** What runs in these processes, in the plural, for messages: `functions`. */
  readonly name: string;
  /** Host name inside a namespace of its own. */
  readonly hostName: string;
  /** Whose processes these may be, the stronger first; each is tried. */
  readonly identities: readonly Identity[];
  /** Directories that every process may read, beside Deno and its libraries; nobody writes to them. */
  readonly readable: readonly string[];
  /**
   * A directory made by `makeRoot`, which is the root of a mount namespace of their own; there is no `/proc` in it and
   * of `/dev` only `null`. Without it a root is assembled for each process, with both.
   */
  readonly root?: string;
  /** File with the seccomp filter; the processes' user must be able to read it. */
  readonly seccompFile: string;
  readonly openFilesMax: number;
  /** Bytes of one written file. */
  readonly fileBytesMax: number;
  /** The environment of the processes; wrappers get the same and no more. None of it is a secret. */
  readonly env: Readonly<Record<string, string>>;
  readonly words: {
    /** The walls that the process has by itself. */
    readonly inner: string;
    /** What is open where there is no seccomp filter. */
    readonly withoutSeccomp: string;
    /** What is open where there are no limits of resources. */
    readonly withoutLimits: string;
  };
}

/** What a confinement needs to know of one process. */
export interface Confinement {
  /** Limit of all private memory in bytes; absent for the one process that measures its own need. */
  readonly dataBytes?: number;
  /** Limit of processor time in whole seconds, the start of the process included. */
  readonly cpuSeconds?: number;
  /**
   * A unix socket, the only way out of the process. `bubblewrap` shows it at {@link EGRESS_SOCKET_INSIDE}; the
   * other modes leave it at its own path. The process's user must be able to reach and to write it.
   */
  readonly egressSocket?: string;
  /** The environment of this process, where it is not the one of all. */
  readonly env?: Readonly<Record<string, string>>;
  /** Files of the control groups that this process joins. */
  readonly groupFiles?: readonly string[];
  /** Directories that this process may change, and run programs from. */
  readonly writable?: readonly string[];
  /** Working directory; `/` where absent. */
  readonly cwd?: string;
}

/** Where a process in its own mount namespace finds the way out. */
export const EGRESS_SOCKET_INSIDE = "/run/egress.sock";

/** One way to confine a process; there is one file for each mode. */
export interface Isolation {
  readonly mode: Mode;
  /** The walls that stand, in words for the operator. */
  readonly walls: string;
  readonly env: Profile["env"];
  /** What the kernel must say of the process, or the walls do not stand. */
  readonly expected: Expected;
  /** Where the process finds the socket that its confinement names. */
  egressPathInside(egressSocket: string): string;
  /** The command line that runs `command` behind these walls. */
  wrap(command: readonly string[], confinement: Confinement): readonly string[];
}

/** Facts of `/proc/PID/status`. */
export interface Expected {
  readonly seccomp: boolean;
  readonly noNewPrivileges: boolean;
  /** User id as the server sees it; undefined where it stays the server's. */
  readonly uid: number | undefined;
  readonly noCapabilities: boolean;
  /** The process stands below a wrapper that stays, in a process namespace of its own. */
  readonly ownProcessNamespace: boolean;
}

/** A mode in one of its variants, or why it cannot even be tried. */
export type Candidate =
  | { readonly kind: "isolation"; readonly isolation: Isolation }
  | { readonly kind: "impossible"; readonly mode: Mode; readonly reason: string };
