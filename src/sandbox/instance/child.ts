/** The child process of an instance: its pipes, its process group and its end. */
import { killGroup } from "../../isolation/mod.ts";
import { discardOutput, type Input, type OutputReader } from "./pipes.ts";

/** Bytes of stderr that are kept to explain the end of the process. */
const STDERR_TAIL_BYTES = 16_384;
/** Longest wait for the pipes of a dead process to end. */
const DRAIN_TIMEOUT_MS = 1000;

export class Child {
  readonly pid: number;
  /** Settles once the process is reaped. */
  readonly ended: Promise<Deno.CommandStatus>;
  readonly input: Input;
  /** Receives stdout and stderr. */
  reader: OutputReader = discardOutput;
  readonly #stderr = new Tail();
  readonly #output: Promise<unknown>;

  constructor(process: Deno.ChildProcess) {
    this.pid = process.pid;
    this.ended = process.status;
    this.input = process.stdin.getWriter();
    this.#output = Promise.all([
      pump(process.stdout, (chunk) => this.reader.stdout(chunk)),
      pump(process.stderr, (chunk) => {
        this.#stderr.push(chunk);
        return this.reader.stderr(chunk);
      }),
    ]);
  }

  /** The last bytes of stderr since {@link clearStderr}. */
  get stderr(): Uint8Array {
    return this.#stderr.bytes;
  }

  clearStderr(): void {
    this.#stderr.clear();
  }

  /** The process may end at any time: a broken pipe is not an error. */
  write(bytes: Uint8Array<ArrayBuffer>): void {
    this.input.write(bytes).catch(() => {});
  }

  closeInput(): void {
    this.input.close().catch(() => {});
  }

  /** Sends SIGKILL to the process group. */
  kill(): void {
    killGroup(this.pid);
  }

  /** Waits until both pipes are read to their ends, for {@link DRAIN_TIMEOUT_MS} at most. */
  async drain(): Promise<void> {
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, DRAIN_TIMEOUT_MS);
    await Promise.race([this.#output, late]);
    clearTimeout(timer);
  }
}

/** Keeps the last bytes of a stream. */
class Tail {
  #bytes = new Uint8Array(0);

  push(chunk: Uint8Array): void {
    const all = new Uint8Array(this.#bytes.length + chunk.length);
    all.set(this.#bytes);
    all.set(chunk, this.#bytes.length);
    this.#bytes = all.slice(-STDERR_TAIL_BYTES);
  }

  get bytes(): Uint8Array {
    return this.#bytes;
  }

  clear(): void {
    this.#bytes = new Uint8Array(0);
  }
}

async function pump(
  stream: ReadableStream<Uint8Array>,
  onChunk: (chunk: Uint8Array) => Promise<void> | void,
): Promise<void> {
  for await (const chunk of stream) {
    const pause = onChunk(chunk);
    if (pause !== undefined) await pause;
  }
}
