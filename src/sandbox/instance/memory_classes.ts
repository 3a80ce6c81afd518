/**
 * Memory classes. V8 reads the limit of its heap when a process starts, and no fork can change it. So the calls that a
 * zygote forks share its heap limit: each class has a zygote of its own. The other limits of a call are exact in every class.
 */
import type { SandboxLimits } from "../contract.ts";

/** The class after those of less memory; each further one doubles. */
const SMALLEST_BYTES = 128 * 1024 * 1024;

/**
 * The heap limits of the classes in bytes, in ascending order: the default, for all calls up to it; then 128 MiB, 256 MiB,
 * 512 MiB and so on, as far as they are between the default and the maximum; then the maximum.
 */
export function memoryClasses(
  { memoryBytes, maxMemoryBytes = memoryBytes }: Pick<
    SandboxLimits,
    "memoryBytes" | "maxMemoryBytes"
  >,
): readonly number[] {
  const classes = [memoryBytes];
  for (let bytes = SMALLEST_BYTES; bytes < maxMemoryBytes; bytes *= 2) {
    if (bytes > memoryBytes) classes.push(bytes);
  }
  return maxMemoryBytes > memoryBytes ? [...classes, maxMemoryBytes] : classes;
}

/** The smallest class that has the memory of a call; undefined beyond the maximum. */
export function memoryClassOf(
  memoryBytes: number,
  classes: readonly number[],
): number | undefined {
  return classes.find((bytes) => bytes >= memoryBytes);
}
