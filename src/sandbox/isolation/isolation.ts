/** How the operating system confines a sandbox's process, beyond what Deno's own permissions do. */

/** What a confinement needs to know of one process. */
export interface Confinement {
  /** Limit of all private memory in bytes; absent for the one process that measures its own need. */
  readonly dataBytes?: number;
}

/** One way to confine a process. `src/sandbox/isolation/` holds one file for each. */
export interface Isolation {
  /** The walls that stand, in words for the operator. */
  readonly walls: string;
  /** The command line that runs `command` behind these walls, in the same process by `exec`. */
  wrap(command: readonly string[], confinement: Confinement): readonly string[];
}
