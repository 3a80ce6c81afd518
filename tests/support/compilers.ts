/** Compilers that a server or a builder has started. */
import { eventually } from "./eventually.ts";
import { argumentsOf, descendantsOf, signalUnlessEnded } from "./processes.ts";

/**
 * Kills a compiler or its bundler once it runs, as the kernel does without memory.
 * @param ancestor a process above it
 * @param words part of its command line
 * @param directory that its environment names
 */
export async function killCompiler(
  ancestor: number,
  words: string,
  directory: string,
): Promise<void> {
  await eventually(async () => {
    for (const pid of descendantsOf(ancestor)) {
      const line = (await argumentsOf(pid)).join(" ");
      if (!line.includes(words) || line.includes("bwrap")) continue;
      const environ = await Deno.readTextFile(`/proc/${pid}/environ`).catch(() => "");
      if (!environ.includes(directory)) continue;
      signalUnlessEnded(pid, "SIGKILL");
      return true;
    }
  }, `a process with ${words} in its command line`);
}
