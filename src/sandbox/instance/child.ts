/** The process of an instance: its pipes and its end. */
import { Timeouts } from "../../shared/timeouts.ts";
import type { Exit } from "./exit.ts";
import { discardOutput, type Input, type OutputReader } from "./pipes.ts";

/** Bytes of stderr that are kept to explain the end of the process. */
const STDERR_TAIL_BYTES = 16_384;
/** Longest wait for the pipes of a dead process to end. */
const DRAIN_TIMEOUT_MS = 1000;

const drains = new Timeouts<() => void>(DRAIN_TIMEOUT_MS, (giveUp) => giveUp());

/** A process that was spawned or forked. */
export interface ProcessHandle {
  readonly input: Input;
  /** Reads one stream to its end. The promise of `onChunk` delays the next chunk. */
  readStdout(onChunk: ChunkReader): Promise<void>;
  readStderr(onChunk: ChunkReader): Promise<void>;
  /** Settles once the process is reaped. */
  readonly ended: Promise<Exit>;
  /** Kills the process and everything that it started. */
  kill(): void;
  /**
   * Measures the processor time for {@link ended} until it is disposed, as often as its limit demands. Absent where the
   * fork server measures it.
   */
  watchCpu?(limitMs: number): Disposable;
  /** Id of the process for `/proc`; undefined if only its fork server knows it. */
  readonly pid: number | undefined;
}

export type ChunkReader = (chunk: Uint8Array) => Promise<void> | void;

export class Child {
  readonly ended: Promise<Exit>;
  readonly input: Input;
  /** Receives stdout and stderr. */
  reader: OutputReader = discardOutput;
  readonly #process: ProcessHandle;
  #stderr = new Uint8Array(0);
  readonly #output: Promise<unknown>;

  constructor(process: ProcessHandle) {
    this.#process = process;
    this.ended = process.ended;
    this.input = process.input;
    this.#output = Promise.allSettled([
      process.readStdout((chunk) => this.reader.stdout(chunk)),
      process.readStderr((chunk) => {
        this.#keepStderr(chunk);
        return this.reader.stderr(chunk);
      }),
    ]);
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** The last bytes of stderr since {@link clearStderr}. */
  get stderr(): Uint8Array {
    return this.#stderr;
  }

  clearStderr(): void {
    this.#stderr = new Uint8Array(0);
  }

  /** The process may end at any time: a broken pipe is not an error. */
  write(bytes: Uint8Array<ArrayBuffer>): void {
    this.input.write(bytes).catch(() => {});
  }

  closeInput(): void {
    this.input.close().catch(() => {});
  }

  kill(): void {
    this.#process.kill();
  }

  watchCpu(limitMs: number): Disposable | undefined {
    return this.#process.watchCpu?.(limitMs);
  }

  /** Waits until both pipes are read to their ends, for {@link DRAIN_TIMEOUT_MS} at most. */
  async drain(): Promise<void> {
    const { promise: late, resolve } = Promise.withResolvers<void>();
    drains.add(resolve);
    await Promise.race([this.#output, late]);
    drains.delete(resolve);
  }

  #keepStderr(chunk: Uint8Array): void {
    const all = new Uint8Array(this.#stderr.length + chunk.length);
    all.set(this.#stderr);
    all.set(chunk, this.#stderr.length);
    this.#stderr = all.slice(-STDERR_TAIL_BYTES);
  }
}
