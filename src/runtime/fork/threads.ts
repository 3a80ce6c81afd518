/**
 * Makes a process with threads fit to fork.
 *
 * Deno runs blocking work on a pool of threads. A fork has only the thread that forked, but inherits the books of the
 * pool: work that it hands to an idle thread would wait forever. So every thread of the pool is kept busy in a system
 * call, where it holds no lock. A fork then sees no idle thread and starts its own.
 */
import { type Libc, type Library, POLLIN } from "./libc.ts";

/** More than Deno starts on its own: two or three for caches and the module graph. */
const THREADS = 8;
const F_SETPIPE_SZ = 1031;
/** The smallest pipe. A larger write blocks once it is full. */
const PIPE_BYTES = 4096;
const START_TIMEOUT_MS = 60_000;

/** The parts of Deno's core that the runtime uses. */
export interface Core {
  /** Lets the event loop end in spite of a pending operation. */
  unrefOpPromise(promise: Promise<unknown>): void;
  isPromise(value: unknown): value is Promise<unknown>;
  /** State, 0 while pending, and value. */
  getPromiseDetails(promise: Promise<unknown>): readonly [number, unknown];
}

/** Blocks {@link THREADS} threads of the pool for good. Returns once each is inside its system call. */
export function occupyThreads({ libc, blocking }: Library, core: Core): void {
  const text = new Uint8Array(2 * PIPE_BYTES);
  for (let n = 0; n < THREADS; n++) {
    const ends = new Int32Array(2);
    if (libc.pipe(new Uint8Array(ends.buffer)) !== 0) throw new Error("Failed to make a pipe");
    const [readEnd = -1, writeEnd = -1] = ends;
    libc.fcntl(writeEnd, F_SETPIPE_SZ, PIPE_BYTES);
    core.unrefOpPromise(blocking.write(writeEnd, text, text.length));
    awaitData(libc, readEnd);
  }
}

/** Returns once the pipe has data: then its writer is in the system call and cannot finish it. */
function awaitData(libc: Libc, descriptor: number): void {
  const polled = new Uint8Array(8);
  const view = new DataView(polled.buffer);
  view.setInt32(0, descriptor, true);
  view.setInt16(4, POLLIN, true);
  if (libc.poll(polled, 1, START_TIMEOUT_MS) !== 1) {
    throw new Error("A thread of the pool does not start");
  }
}
