import { createHash, type Hash } from "node:crypto";
import type { Digest } from "./commit_blobs.ts";
import { readAt, writeAll } from "../files.ts";

/** Contents up to this size are rows of the database: one durable write less, and no file of their own. */
export const SMALL_BLOB_BYTES_MAX = 16 * 1024;
/** Bytes that are hashed or copied in one step. */
const STEP_BYTES = 1024 * 1024;

/** Memory that several staged contents share; what does not fit goes to disk. */
export class MemoryBudget {
  #left: number;

  constructor(bytes: number) {
    this.#left = bytes;
  }

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
 * A content that is being written and that no version has yet: in memory while it is small and the
 * budget lasts, then in a file of its own. Read and written at any place, by one caller at a time.
 * Modes: `open` takes writes, `sealed` has a digest and takes none, `gone` was disposed of.
 */
export class StagedBlob implements AsyncDisposable {
  readonly #path: string;
  readonly #budget: MemoryBudget;
  #mode: "open" | "sealed" | "gone" = "open";
  /** Undefined once the content has a file. */
  #memory: Uint8Array<ArrayBuffer> | undefined = new Uint8Array();
  /** Open between the first use after {@link closeFile} and the next. */
  #file: Deno.FsFile | undefined;
  #size = 0;
  /** The hash of the first `hashed` bytes, as long as writes only append. */
  #hash: Hash = createHash("sha256");
  #hashed = 0;
  #digest: Digest | undefined;

  /** @param path a file that does not exist yet */
  constructor(path: string, budget: MemoryBudget) {
    this.#path = path;
    this.#budget = budget;
  }

  get size(): number {
    return this.#size;
  }

  /** The whole content, where it is in memory. */
  get memory(): Uint8Array | undefined {
    return this.#memory?.subarray(0, this.#size);
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    const end = Math.min(offset + length, this.#size);
    if (offset >= end) return new Uint8Array();
    return this.#memory?.slice(offset, end) ??
      await readAt(await this.#opened(), offset, end - offset);
  }

  /** Bytes between the end of the content and the offset become zeros. */
  async write(offset: number, bytes: Uint8Array): Promise<void> {
    this.#assertOpen();
    if (bytes.length === 0) return;
    if (offset > this.#size) await this.truncate(offset);
    const end = offset + bytes.length;
    if (this.#memory !== undefined && !this.#fits(end)) await this.#spill();
    if (offset === this.#hashed) {
      this.#hash.update(bytes);
      this.#hashed = end;
    } else if (offset < this.#hashed) this.#forgetHash();
    if (this.#memory === undefined) {
      const file = await this.#opened();
      await file.seek(offset, Deno.SeekMode.Start);
      await writeAll(file, bytes);
    } else this.#memory.set(bytes, offset);
    this.#size = Math.max(this.#size, end);
  }

  async truncate(size: number): Promise<void> {
    this.#assertOpen();
    if (this.#memory !== undefined && !this.#fits(size)) await this.#spill();
    if (this.#memory === undefined) await (await this.#opened()).truncate(size);
    else if (size < this.#size) this.#memory.fill(0, size, this.#size);
    if (size < this.#hashed) this.#forgetHash();
    this.#size = size;
  }

  /** Ends writing, and answers the digest. */
  async seal(): Promise<Digest> {
    if (this.#digest !== undefined) return this.#digest;
    this.#assertOpen();
    while (this.#hashed < this.#size) {
      const bytes = await this.read(this.#hashed, STEP_BYTES);
      if (bytes.length === 0) throw new Error("a staged content is shorter than what was written");
      this.#hash.update(bytes);
      this.#hashed += bytes.length;
    }
    this.#mode = "sealed";
    return this.#digest = this.#hash.digest("hex");
  }

  /** Closes the file until it is needed again: many staged contents do not hold as many descriptors. */
  closeFile(): void {
    this.#file?.close();
    this.#file = undefined;
  }

  /** Gives the file away, durable and closed. Only for a sealed content that is not in memory. */
  async detach(): Promise<string> {
    if (this.#mode !== "sealed" || this.#memory !== undefined) {
      throw new Error("only a sealed content with a file can be released");
    }
    await (await this.#opened()).syncData();
    this.closeFile();
    this.#mode = "gone";
    return this.#path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#mode === "gone") return;
    this.#mode = "gone";
    this.closeFile();
    if (this.#memory === undefined) await Deno.remove(this.#path);
    else this.#budget.release(this.#memory.length);
    this.#memory = undefined;
  }

  async #opened(): Promise<Deno.FsFile> {
    return this.#file ??= await Deno.open(this.#path, { read: true, write: true });
  }

  /** Whether the content can grow to this size in memory; grows it. */
  #fits(size: number): boolean {
    const memory = this.#memory;
    if (memory === undefined || size > SMALL_BLOB_BYTES_MAX) return false;
    if (size <= memory.length) return true;
    const capacity = Math.min(Math.max(size, memory.length * 2), SMALL_BLOB_BYTES_MAX);
    if (!this.#budget.reserve(capacity - memory.length)) return false;
    this.#memory = new Uint8Array(capacity);
    this.#memory.set(memory);
    return true;
  }

  async #spill(): Promise<void> {
    const memory = this.#memory;
    if (memory === undefined) return;
    const file = await Deno.open(this.#path, {
      read: true,
      write: true,
      createNew: true,
      mode: 0o600,
    });
    this.#file = file;
    await writeAll(file, memory.subarray(0, this.#size));
    this.#memory = undefined;
    this.#budget.release(memory.length);
  }

  #forgetHash(): void {
    this.#hash = createHash("sha256");
    this.#hashed = 0;
  }

  #assertOpen(): void {
    if (this.#mode !== "open") throw new Error(`a staged content is written that is ${this.#mode}`);
  }
}
