import type { VolumeBlobs } from "../../store/blobs/volume_blobs.ts";
import type { BlobReader } from "../../store/blobs/stored_blob.ts";
import type { MemoryBudget, StagedBlob } from "../../store/blobs/staged_blob.ts";
import type { Usage } from "./usage.ts";

/** Bytes that are copied in one step. */
const COPY_STEP_BYTES = 256 * 1024;

/** A content that is stored under its digest. */
export interface BlobRef {
  readonly digest: string;
  readonly size: number;
}

/** What the nodes of one session share. */
export interface NodeContext {
  readonly blobs: VolumeBlobs;
  readonly budget: MemoryBudget;
  readonly usage: Usage;
}

/**
 * A file as one invocation sees it: its stored content, or, from the first write on, a staged copy. It lives as long
 * as the tree or an open handle has it.
 */
export class FileNode {
  readonly #around: NodeContext;
  readonly #stored: BlobRef | undefined;
  #staged: StagedBlob | undefined;
  #reader: BlobReader | undefined;
  #handles = 0;
  /** Whether a path of the tree leads here: then its size counts for the volume. */
  #linked = false;
  modifiedAt: string;
  /** Its path, or what that was; for messages. */
  path: string;

  /** @param stored undefined for a new, empty file */
  constructor(
    around: NodeContext,
    path: string,
    stored: BlobRef | undefined,
    modifiedAt: string,
  ) {
    this.#around = around;
    this.#stored = stored;
    this.path = path;
    this.modifiedAt = modifiedAt;
  }

  get size(): number {
    return this.#staged?.size ?? this.#stored?.size ?? 0;
  }

  /** The stored content, while nothing was written over it. */
  get stored(): BlobRef | undefined {
    return this.#staged === undefined ? this.#stored : undefined;
  }

  /** The content to publish, where something was written. A new file that nobody wrote to has an empty one. */
  get staged(): StagedBlob | undefined {
    if (this.#staged === undefined && this.#stored === undefined) {
      this.#staged = this.#around.blobs.stage(this.#around.budget);
    }
    return this.#staged;
  }

  /** A file of the same content that goes its own way. */
  async copy(path: string, modifiedAt: string): Promise<FileNode> {
    const copy = new FileNode(this.#around, path, this.stored, modifiedAt);
    if (this.#staged === undefined) return copy;
    try {
      for (let at = 0; at < this.size;) {
        const bytes = await this.#staged.read(at, COPY_STEP_BYTES);
        await copy.write(at, bytes, modifiedAt);
        at += bytes.length;
      }
    } catch (error) {
      await copy.#disposeIfUnused();
      throw error;
    }
    return copy;
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    if (this.#staged !== undefined) return await this.#staged.read(offset, length);
    if (this.#stored === undefined || offset >= this.#stored.size) return new Uint8Array();
    const { digest, size } = this.#stored;
    this.#reader ??= await this.#around.blobs.open(digest, size);
    try {
      return await this.#reader.read(offset, length);
    } finally {
      if (this.#handles === 0) this.#closeReader();
    }
  }

  /** Bytes between the end and the offset become zeros. @throws FileError `QuotaExceeded` */
  async write(offset: number, bytes: Uint8Array, modifiedAt: string): Promise<void> {
    const size = bytes.length === 0 ? this.size : Math.max(this.size, offset + bytes.length);
    await this.#change(size, this.size, (staged) => staged.write(offset, bytes));
    this.modifiedAt = modifiedAt;
  }

  /** @throws FileError `QuotaExceeded` */
  async truncate(size: number, modifiedAt: string): Promise<void> {
    await this.#change(size, Math.min(size, this.size), (staged) => staged.truncate(size));
    this.modifiedAt = modifiedAt;
  }

  get isOpen(): boolean {
    return this.#handles > 0;
  }

  /** A path of the tree leads here from now on, and the tree has counted the size. */
  link(): void {
    this.#linked = true;
  }

  /** No path of the tree leads here any more. */
  async unlink(): Promise<void> {
    this.#linked = false;
    await this.#disposeIfUnused();
  }

  addHandle(): void {
    this.#handles++;
  }

  async dropHandle(): Promise<void> {
    this.#handles--;
    if (this.#handles > 0) return;
    this.#closeReader();
    this.#staged?.closeFile();
    await this.#disposeIfUnused();
  }

  /** Lets go of everything, whoever still has the file. What was published is not touched. */
  async dispose(): Promise<void> {
    this.#closeReader();
    await this.#staged?.[Symbol.asyncDispose]();
  }

  /**
   * Changes the staged content to another size, which is counted first: what does not fit is not written at all.
   * @param keep how many bytes of what is there the change needs
   */
  async #change(
    size: number,
    keep: number,
    change: (staged: StagedBlob) => Promise<void>,
  ): Promise<void> {
    const { usage } = this.#around;
    usage.checkSize(this.path, size);
    const growth = this.#linked ? size - this.size : 0;
    usage.grow(growth);
    let staged: StagedBlob;
    try {
      staged = await this.#writable(keep);
      usage.stage(size - staged.size);
    } catch (error) {
      usage.grow(-growth);
      throw error;
    }
    await change(staged);
  }

  /** The staged content: a copy of the first `keep` bytes of the stored one, where nothing was staged yet. */
  async #writable(keep: number): Promise<StagedBlob> {
    if (this.#staged !== undefined) return this.#staged;
    const { blobs: contents, budget, usage } = this.#around;
    usage.stage(keep);
    const staged = contents.stage(budget);
    try {
      await copyStart(contents, this.#stored, keep, staged);
    } catch (error) {
      usage.stage(-keep);
      await staged[Symbol.asyncDispose]();
      throw error;
    }
    this.#closeReader();
    return this.#staged = staged;
  }

  #closeReader(): void {
    this.#reader?.[Symbol.dispose]();
    this.#reader = undefined;
  }

  async #disposeIfUnused(): Promise<void> {
    if (this.#linked || this.#handles > 0) return;
    if (this.#staged !== undefined) this.#around.usage.stage(-this.#staged.size);
    await this.dispose();
  }
}

async function copyStart(
  contents: VolumeBlobs,
  stored: BlobRef | undefined,
  length: number,
  staged: StagedBlob,
): Promise<void> {
  if (stored === undefined || length === 0) return;
  using reader = await contents.open(stored.digest, stored.size);
  for (let at = 0; at < length;) {
    const bytes = await reader.read(at, Math.min(COPY_STEP_BYTES, length - at));
    if (bytes.length === 0) throw new Error(`content ${stored.digest} is too short`);
    await staged.write(at, bytes);
    at += bytes.length;
  }
}
