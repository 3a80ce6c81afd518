/** Why instances do not start, in words for everybody: `/readyz` needs no token, so they name no path. */

/** Causes by what Deno, the wrappers and the kernel print, the most certain first. */
const CAUSES: readonly (readonly [printed: RegExp, cause: string])[] = [
  [/os error 28\b|no space left on device/i, "the disk is full"],
  [/os error 122\b|disk quota exceeded/i, "the disk quota is used up"],
  [
    /os error 11\b|resource temporarily unavailable|cannot fork/i,
    "the limit of processes is reached (ulimit -u, or the pids cgroup of the server)",
  ],
  [/os error 12\b|cannot allocate memory|out of memory/i, "the machine has no memory left"],
  [/os error 2[34]\b|too many open files/i, "the limit of open files is reached (ulimit -n)"],
  [/os error 30\b|read-only file system/i, "a file system is read-only"],
  [/another user/, "another user may write to the directory of their files"],
  [
    /os error (?:13|17|20)\b|permission denied|not a directory|exit code 126\b/i,
    "a file that they need cannot be used",
  ],
  [
    /os error 2\b|no such file or directory|not found|exit code 127\b/i,
    "a file or program that they need is missing",
  ],
  [/exit code 125\b|cgroup/i, "their cgroups cannot be used"],
  [/signal SIGKILL/, "they are killed while they start"],
];

/** The cause of an error, which may name paths; the log has the error. */
export function publicCause(error: unknown): string {
  const printed = String(error);
  return CAUSES.find(([pattern]) => pattern.test(printed))?.[1] ?? "they end before they are ready";
}
