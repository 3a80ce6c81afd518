/** A process that the server spawned: a single-use instance, or a root. */
import { type Isolation, killGroup } from "../../isolation/mod.ts";
import type { ChunkReader, ProcessHandle } from "./child.ts";
import { exitOf } from "./exit.ts";

/** The process behind its wrappers. */
export function spawnedProcess(child: Deno.ChildProcess, isolation: Isolation): ProcessHandle {
  return {
    pid: child.pid,
    input: child.stdin.getWriter(),
    readStdout: (onChunk) => readAll(child.stdout, onChunk),
    readStderr: (onChunk) => readAll(child.stderr, onChunk),
    ended: child.status.then((status) => exitOf(status, isolation)),
    kill: () => killGroup(child.pid),
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
