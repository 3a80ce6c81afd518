/** A process that the server spawned, a spawned instance or a zygote: its start, its processor time and its idle memory. */
import {
  innermost,
  type Isolation,
  killGroup,
  type ProcessStatus,
  readCpuMs,
} from "../../isolation/mod.ts";
import {
  type Child,
  type ChunkReader,
  discardOutput,
  exitOf,
  type OutputStream,
  type ProcessHandle,
} from "./process.ts";
import { formatDuration } from "../../config/mod.ts";
import { READY_MESSAGE } from "../../runtime/wire.ts";
import { maskAddresses } from "./redaction.ts";

/** The process behind its wrappers. */
export function spawnedProcess(child: Deno.ChildProcess, isolation: Isolation): ProcessHandle {
  const cpu = new CpuTime(child.pid);
  const input = child.stdin.getWriter();
  return {
    pid: child.pid,
    input: {
      write: (bytes) => input.write(bytes).catch(() => {}),
      close: () => input.close().catch(() => {}),
    },
    readOutput: (onChunk) =>
      Promise.allSettled([
        readAll("stdout", child.stdout, onChunk),
        readAll("stderr", child.stderr, onChunk),
      ]),
    ended: child.status.then((status) => {
      const exit = exitOf(status, isolation);
      return cpu.ms === undefined ? exit : { ...exit, cpuMs: cpu.ms };
    }),
    kill: () => killGroup(child.pid),
    watchCpu: (limitMs) => cpu.watch(limitMs),
  };
}

async function readAll(
  stream: OutputStream,
  chunks: ReadableStream<Uint8Array>,
  onChunk: ChunkReader,
): Promise<void> {
  for await (const chunk of chunks) {
    const pause = onChunk(stream, chunk);
    if (pause !== undefined) await pause;
  }
}

/** Longest wait for the ready message of a process; a bound for those that hang, also on a busy machine. */
export const START_TIMEOUT_MS = 60_000;
/** Most bytes of a failed process's stderr in an error message. */
const START_STDERR_MAX_BYTES = 4096;

/** The error of a failed start, with the end of stderr. */
export function startError(reason: string, stderr: Uint8Array, what = "an instance"): Error {
  const text = new TextDecoder().decode(stderr.subarray(-START_STDERR_MAX_BYTES));
  const printed = maskAddresses(text).trim();
  return new Error(`Failed to start ${what}: ${reason}${printed === "" ? "" : `: ${printed}`}`);
}

/** Resolves with what went wrong, or with undefined once the process sent its ready message. */
export async function becomeReady(child: Child): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const timer = setTimeout(
    () => resolve(`it was not ready after ${formatDuration(START_TIMEOUT_MS)}`),
    START_TIMEOUT_MS,
  );
  let printed = "";
  child.reader = {
    read(stream, chunk) {
      if (stream === "stderr") return;
      printed += new TextDecoder().decode(chunk);
      if (printed === READY_MESSAGE) resolve(undefined);
      else if (!READY_MESSAGE.startsWith(printed)) resolve("it printed unexpected text");
    },
  };
  child.ended.then(async ({ code, signal }) => {
    await child.drain();
    resolve(`it ended with ${signal === null ? `exit code ${code}` : `the signal ${signal}`}`);
  });
  const failure = await promise;
  clearTimeout(timer);
  child.reader = discardOutput;
  return failure;
}

/** Most processors that one instance uses at a time: V8 has few threads. */
const PARALLEL_MAX = Math.min(4, navigator.hardwareConcurrency);
/** Share of the limit at which a process is looked at for the last time: enough to know why it was killed. */
const SHARE = 0.6;
/** Shortest time between two looks, as a share of the limit. */
const INTERVAL_SHARE = 1 / 16;

/** The last look at a process. */
class CpuTime {
  /** Undefined before the first look. */
  ms: number | undefined;

  constructor(private readonly pid: number) {}

  /**
   * Looks until the process has used {@link SHARE} of the limit, or the watch is disposed. The next look is at the time
   * at which it can have used as much.
   */
  watch(limitMs: number): Disposable {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isDone = false;
    const lookLater = () => {
      const leftMs = SHARE * limitMs - (this.ms ?? 0);
      if (isDone || leftMs <= 0) return;
      timer = setTimeout(look, Math.max(leftMs / PARALLEL_MAX, INTERVAL_SHARE * limitMs));
    };
    const look = async () => {
      this.ms = await readCpuMs(this.pid) ?? this.ms;
      lookLater();
    };
    lookLater();
    return {
      [Symbol.dispose]() {
        isDone = true;
        clearTimeout(timer);
      },
    };
  }
}

const BYTES_PER_KIB = 1024;

/**
 * Private writable memory in bytes of an idle process.
 * @param pid of the spawned process, which may be a wrapper
 * @returns undefined outside Linux
 */
export async function idleMemory(pid: number): Promise<number | undefined> {
  if (Deno.build.os !== "linux") return undefined;
  return memoryIn(await innermost(pid) ?? { pid, status: "" });
}

/** Private writable memory in bytes. @throws for a status without it */
export function memoryIn({ pid, status }: ProcessStatus): number {
  const kib = /^VmData:\s+(\d+) kB$/m.exec(status)?.[1];
  if (kib === undefined) throw new Error(`Failed to measure the memory of the idle process ${pid}`);
  return Number(kib) * BYTES_PER_KIB;
}
