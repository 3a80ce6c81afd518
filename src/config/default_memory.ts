/** The default of `--max-memory`, which depends on the machine. */
import process from "node:process";

const MIB = 1024 * 1024;
/** Part of the memory of the machine that one invocation may ask for. */
const SHARE = 1 / 4;
const MAX_BYTES = 1024 * MIB;

/** Memory in bytes that this process may use: that of the machine, or the limit of its container. */
export function machineMemory(): number {
  return Math.min(Deno.systemMemoryInfo().total, process.constrainedMemory());
}

/**
 * The largest memory that a function may ask for, if the operator does not set one.
 * @param defaultBytes `--memory`, below which it never is
 * @param machineBytes as {@link machineMemory}
 */
export function defaultMaxMemory(defaultBytes: number, machineBytes: number): number {
  const share = MIB * Math.floor(SHARE * machineBytes / MIB);
  return Math.max(defaultBytes, Math.min(share, MAX_BYTES));
}
