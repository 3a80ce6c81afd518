/** The private memory of the runtime, which the limits of calls leave out. */
import { innermost } from "../../isolation/mod.ts";

const BYTES_PER_KIB = 1024;

/**
 * Private writable memory in bytes of an idle process.
 * @param pid of the spawned process, which may be a wrapper
 * @returns undefined outside Linux
 */
export async function idleMemory(pid: number): Promise<number | undefined> {
  if (Deno.build.os !== "linux") return undefined;
  const kib = /^VmData:\s+(\d+) kB$/m.exec((await innermost(pid))?.status ?? "")?.[1];
  if (kib === undefined) throw new Error(`Cannot measure the memory of the idle process ${pid}`);
  return Number(kib) * BYTES_PER_KIB;
}
