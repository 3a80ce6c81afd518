/** How the operating system confines a sandbox's process, beyond what Deno's own permissions do. */

/** What a confinement needs to know of one process. */
export interface Confinement {
  /** Limit of all private memory in bytes; absent for the one process that measures its own need. */
  readonly dataBytes?: number;
  /** The unix socket that is the only way out of the process. */
  readonly egressSocket?: string;
}

/** One way to confine a process. `src/sandbox/isolation/` holds one file for each. */
export interface Isolation {
  /** The walls that stand, in words for the operator. */
  readonly walls: string;
  readonly expected: {
    /** The kernel refuses the process every socket but unix ones. */
    readonly seccomp: boolean;
  };
  /** Where the process finds the socket that its confinement names. */
  egressPathInside(egressSocket: string): string;
  /** The command line that runs `command` behind these walls, in the same process by `exec`. */
  wrap(command: readonly string[], confinement: Confinement): readonly string[];
}
