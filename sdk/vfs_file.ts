/** An open file of a volume, with the API of `Deno.FsFile`. */
import { callVfs, denoError } from "./vfs_errors.ts";
import { CHUNK_BYTES, fileInfo, type HostFileInfo, type VfsFileInfo } from "./vfs_types.ts";

/** The origins of {@link VfsFile.seek}, with the numbers of `Deno.SeekMode`. */
const SEEK_START = 0;
const SEEK_CURRENT = 1;
const SEEK_END = 2;

/** An open file. Reads and writes move its position. Operations run one after another. */
export class VfsFile implements AsyncDisposable, Disposable {
  readonly #handle: number;
  #offset = 0;
  #closed = false;
  #last: Promise<unknown> = Promise.resolve();
  #readable: ReadableStream<Uint8Array<ArrayBuffer>> | undefined;
  #writable: WritableStream<Uint8Array> | undefined;

  constructor(handle: number) {
    this.#handle = handle;
  }

  /** Reads into the buffer. @returns the number of bytes, or null at the end of the file */
  read(buffer: Uint8Array): Promise<number | null> {
    return this.#next(async () => {
      if (buffer.length === 0) return 0;
      const bytes = await this.#readSome(buffer.length);
      buffer.set(bytes);
      return bytes.length === 0 ? null : bytes.length;
    });
  }

  /** Writes bytes. @returns the number of written bytes, which may be lower */
  write(bytes: Uint8Array): Promise<number> {
    return this.#next(async () => {
      const some = bytes.subarray(0, CHUNK_BYTES);
      const { value } = await callVfs("write", {
        handle: this.#handle,
        offset: this.#offset,
      }, some);
      this.#offset = value as number;
      return some.length;
    });
  }

  /** Sets the position, from the start (0), the position (1) or the end (2). @returns the new position */
  seek(offset: number | bigint, whence: number): Promise<number> {
    return this.#next(async () => {
      const base = whence === SEEK_START
        ? 0
        : whence === SEEK_CURRENT
        ? this.#offset
        : whence === SEEK_END
        ? (await this.#stat()).size
        : Number.NaN;
      const target = base + Number(offset);
      if (!Number.isSafeInteger(target) || target < 0) {
        throw new TypeError(`Invalid offset ${target}: it must be 0 or more`);
      }
      return this.#offset = target;
    });
  }

  /** Truncates the file, or extends it with zeros. */
  truncate(size = 0): Promise<void> {
    return this.#next(async () => void await callVfs("truncate", { handle: this.#handle, size }));
  }

  stat(): Promise<VfsFileInfo> {
    return this.#next(() => this.#stat());
  }

  /** Reads from the position to the end of the file; closes the file at its end or when it is cancelled. */
  get readable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#readable ??= new ReadableStream({
      pull: async (controller) => {
        const bytes = await this.#next(() => this.#readSome(CHUNK_BYTES));
        if (bytes.length > 0) return controller.enqueue(bytes);
        controller.close();
        this.close();
      },
      cancel: () => this.close(),
    }, { highWaterMark: 0 });
  }

  /** Writes from the position on; closes the file when it is closed or aborted. */
  get writable(): WritableStream<Uint8Array> {
    return this.#writable ??= new WritableStream({
      write: async (chunk) => {
        for (let at = 0; at < chunk.length;) at += await this.write(chunk.subarray(at));
      },
      close: () => this.#finish(),
      abort: () => this.close(),
    });
  }

  /** Closes the file after the operations before it. */
  close(): void {
    if (!this.#closed) this.#finish().catch(() => {});
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#closed) await this.#finish();
  }

  async #finish(): Promise<void> {
    const closing = this.#next(() => callVfs("close", { handle: this.#handle }));
    this.#closed = true;
    await closing;
  }

  async #readSome(length: number): Promise<Uint8Array<ArrayBuffer>> {
    const position = { handle: this.#handle, offset: this.#offset };
    const { bytes } = await callVfs("read", { ...position, length: Math.min(length, CHUNK_BYTES) });
    this.#offset += bytes.length;
    return bytes;
  }

  async #stat(): Promise<VfsFileInfo> {
    const { value } = await callVfs("statHandle", { handle: this.#handle });
    return fileInfo(value as HostFileInfo);
  }

  async #next<T>(operation: () => Promise<T>): Promise<T> {
    if (this.#closed) throw denoError("BadResource", "The file is closed");
    const result = this.#last.catch(() => {}).then(operation);
    this.#last = result;
    return await result;
  }
}
