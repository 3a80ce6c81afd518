/** The start of a spawned process. */

/** Longest wait for the ready message of a process. */
export const START_TIMEOUT_MS = 10_000;
/** Most bytes of a failed process's stderr in an error message. */
const START_STDERR_MAX_BYTES = 4096;

/** The error of a failed start, with the end of stderr. */
export function startError(reason: string, stderr: Uint8Array): Error {
  const printed = new TextDecoder().decode(stderr.subarray(-START_STDERR_MAX_BYTES)).trim();
  return new Error(`Cannot start an instance: ${reason}${printed === "" ? "" : `: ${printed}`}`);
}
