import { createHash, type Hash } from "node:crypto";
import { dirname } from "node:path";
import { Lifecycle } from "../../shared/lifecycle.ts";
import { readAt, syncFile, writeAll } from "../../shared/files.ts";
import type { StorageHealth } from "../storage_health.ts";
import type { Digest } from "./commit_blobs.ts";

/** Blobs up to this size are rows of the database: one durable write less, and no file. */
export const SMALL_BLOB_BYTES_MAX = 16 * 1024;
/** Bytes that are hashed in one step. */
const STEP_BYTES = 1024 * 1024;

/** Memory that several staged blobs share; what exceeds it goes to disk. */
export class MemoryBudget {
  #left: number;

  constructor(bytes: number) {
    this.#left = bytes;
  }

  /** False if fewer bytes are left; then nothing is reserved. */
  reserve(bytes: number): boolean {
    if (bytes > this.#left) return false;
    this.#left -= bytes;
    return true;
  }

  release(bytes: number): void {
    this.#left += bytes;
  }
}

/**
 * A blob that is being written and that no version references yet: in memory while it is small and the budget lasts,
 * then in a file of its own. Readable and writable at any offset, by one caller at a time.
 *
 * Modes: `open` takes writes; `sealed` has a digest and takes none; `closed` has neither memory nor a staged file.
 * Transitions: open → sealed → closed, open → closed.
 */
export class StagedBlob implements AsyncDisposable {
  readonly #lifecycle = new Lifecycle<"open" | "sealed" | "closed">("staged blob", "open", {
    open: ["sealed", "closed"],
    sealed: ["closed"],
    closed: [],
  });
  /** Undefined once the content has a file. */
  #memory: Uint8Array<ArrayBuffer> | undefined = new Uint8Array();
  /** Open between the first use after {@link closeFile} and the next. */
  #file: Deno.FsFile | undefined;
  #hasFile = false;
  #size = 0;
  /** The hash of the first `hashed` bytes, as long as writes only append. */
  #hash: Hash = createHash("sha256");
  #hashed = 0;
  #digest: Digest | undefined;

  /** @param path a file that does not exist yet */
  constructor(
    private readonly path: string,
    private readonly budget: MemoryBudget,
    private readonly health: StorageHealth,
  ) {}

  get size(): number {
    return this.#size;
  }

  /** The whole content; undefined if it is in a file. */
  get memory(): Uint8Array | undefined {
    return this.#memory?.subarray(0, this.#size);
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    const end = Math.min(offset + length, this.#size);
    if (offset >= end) return new Uint8Array();
    return this.#memory?.slice(offset, end) ??
      await readAt(await this.#opened(), offset, end - offset);
  }

  /**
   * Writes bytes; a gap between the end of the content and the offset is filled with zeros.
   * @throws StorageUnavailable; the size is then the same as before
   */
  async write(offset: number, bytes: Uint8Array): Promise<void> {
    this.#assertOpen();
    if (bytes.length === 0) return;
    if (offset > this.#size) await this.truncate(offset);
    const end = offset + bytes.length;
    if (offset < this.#hashed) this.#resetHash();
    if (this.#memory !== undefined && !this.#growMemory(end)) await this.#spill();
    if (this.#memory === undefined) await this.health.write(() => this.#writeFile(offset, bytes));
    else this.#memory.set(bytes, offset);
    if (offset === this.#hashed) {
      this.#hash.update(bytes);
      this.#hashed = end;
    }
    this.#size = Math.max(this.#size, end);
  }

  async truncate(size: number): Promise<void> {
    this.#assertOpen();
    if (this.#memory !== undefined && !this.#growMemory(size)) await this.#spill();
    if (this.#memory === undefined) {
      await this.health.write(async () => await (await this.#opened()).truncate(size));
    } else if (size < this.#size) this.#memory.fill(0, size, this.#size);
    if (size < this.#hashed) this.#resetHash();
    this.#size = size;
  }

  /** Ends writing and returns the digest. */
  async seal(): Promise<Digest> {
    if (this.#digest !== undefined) return this.#digest;
    this.#assertOpen();
    while (this.#hashed < this.#size) {
      const bytes = await this.read(this.#hashed, STEP_BYTES);
      if (bytes.length === 0) throw new Error("The file of a staged blob is too short");
      this.#hash.update(bytes);
      this.#hashed += bytes.length;
    }
    this.#lifecycle.set("sealed");
    return this.#digest = this.#hash.digest("hex");
  }

  /** Closes the file until its next use, so that many staged blobs do not hold as many descriptors. */
  closeFile(): void {
    this.#file?.close();
    this.#file = undefined;
  }

  /** Makes the content durable and moves its file to a path. Only for a sealed blob that is not in memory. */
  async moveTo(path: string): Promise<void> {
    if (!this.#lifecycle.is("sealed") || this.#memory !== undefined) {
      throw new Error("Only a sealed blob with a file can be moved");
    }
    await syncFile(await this.#opened(), this.path);
    this.closeFile();
    await Deno.rename(this.path, path);
    this.#lifecycle.set("closed");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#lifecycle.is("closed")) return;
    this.#lifecycle.set("closed");
    this.closeFile();
    if (this.#hasFile) await Deno.remove(this.path);
    if (this.#memory !== undefined) this.budget.release(this.#memory.length);
    this.#memory = undefined;
  }

  async #opened(): Promise<Deno.FsFile> {
    return this.#file ??= await Deno.open(this.path, { read: true, write: true });
  }

  /** Makes sure that memory holds a content of this size; false if it cannot. */
  #growMemory(size: number): boolean {
    const memory = this.#memory;
    if (memory === undefined || size > SMALL_BLOB_BYTES_MAX) return false;
    if (size <= memory.length) return true;
    const capacity = Math.min(Math.max(size, memory.length * 2), SMALL_BLOB_BYTES_MAX);
    if (!this.budget.reserve(capacity - memory.length)) return false;
    this.#memory = new Uint8Array(capacity);
    this.#memory.set(memory);
    return true;
  }

  /** Moves the content from memory to a file. */
  async #spill(): Promise<void> {
    const memory = this.#memory;
    if (memory === undefined) return;
    await this.health.write(async () => {
      // The file may exist: an earlier attempt may have found the disk full.
      const options = { read: true, write: true, create: true, mode: 0o600 };
      // Somebody may have removed the directory since the start.
      await Deno.mkdir(dirname(this.path), { recursive: true, mode: 0o700 });
      this.#file ??= await Deno.open(this.path, options);
      this.#hasFile = true;
      await this.#writeFile(0, memory.subarray(0, this.#size));
    });
    this.#memory = undefined;
    this.budget.release(memory.length);
  }

  /** Writes into the file, which a failure leaves no longer than the content is. */
  async #writeFile(offset: number, bytes: Uint8Array): Promise<void> {
    const file = await this.#opened();
    try {
      await file.seek(offset, Deno.SeekMode.Start);
      await writeAll(file, bytes);
    } catch (error) {
      await file.truncate(this.#memory === undefined ? this.#size : 0);
      throw error;
    }
  }

  #resetHash(): void {
    this.#hash = createHash("sha256");
    this.#hashed = 0;
  }

  #assertOpen(): void {
    if (this.#lifecycle.is("open")) return;
    throw new Error(`A staged blob was written to while it is ${this.#lifecycle.mode}`);
  }
}
