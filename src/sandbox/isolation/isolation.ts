/** How the operating system confines a sandbox's process, beyond what Deno's own permissions do. */

/** The modes, the strongest first. */
export const MODES = ["bubblewrap", "landlock", "process"] as const;
export type Mode = typeof MODES[number];

/** What was asked for: one mode, or the strongest that stands. */
export type IsolationChoice = "auto" | Mode;

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
}

/** Where a process in its own mount namespace finds the way out. */
export const EGRESS_SOCKET_INSIDE = "/run/egress.sock";

/** One way to confine a process. `src/sandbox/isolation/` holds one file for each mode. */
export interface Isolation {
  readonly mode: Mode;
  /** The walls that stand, in words for the operator. */
  readonly walls: string;
  /** The environment of the function's process; wrappers get the same and no more. */
  readonly env: Readonly<Record<string, string>>;
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
