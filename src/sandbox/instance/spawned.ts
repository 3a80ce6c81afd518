/** A process that the server spawned: a spawned instance, or a zygote. */
import { type Isolation, killGroup } from "../../isolation/mod.ts";
import type { ChunkReader, ProcessHandle } from "./child.ts";
import { CpuTime } from "./cpu_watch.ts";
import { exitOf } from "./exit.ts";

/** The process behind its wrappers. */
export function spawnedProcess(child: Deno.ChildProcess, isolation: Isolation): ProcessHandle {
  const cpu = new CpuTime(child.pid);
  return {
    pid: child.pid,
    input: child.stdin.getWriter(),
    readStdout: (onChunk) => readAll(child.stdout, onChunk),
    readStderr: (onChunk) => readAll(child.stderr, onChunk),
    ended: child.status.then((status) => {
      const exit = exitOf(status, isolation);
      return cpu.ms === undefined ? exit : { ...exit, cpuMs: cpu.ms };
    }),
    kill: () => killGroup(child.pid),
    watchCpu: (limitMs) => cpu.watch(limitMs),
  };
}

async function readAll(
  stream: ReadableStream<Uint8Array>,
  onChunk: ChunkReader,
): Promise<void> {
  for await (const chunk of stream) {
    const pause = onChunk(chunk);
    if (pause !== undefined) await pause;
  }
}
