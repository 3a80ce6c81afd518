/** The memory of processes, from procfs (Linux). */
const KIB_PER_MIB = 1024;

export interface Memory {
  /** Proportional set size: what is shared counts for each of those who share it with its part. */
  readonly pss: number;
  /** What ends with the process. */
  readonly privately: number;
}

/** In MiB; undefined of a process that is gone. */
export async function memoryOf(pid: number): Promise<Memory | undefined> {
  let text: string;
  try {
    text = await Deno.readTextFile(`/proc/${pid}/smaps_rollup`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    // The kernel says ESRCH of a process that ends while it is read.
    if (error instanceof Error && error.message.includes("os error 3")) return undefined;
    throw error;
  }
  const mib = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)?.[1] ?? NaN) / KIB_PER_MIB;
  return { pss: mib("Pss"), privately: mib("Private_Clean") + mib("Private_Dirty") };
}
