import { tooShort } from "./errors.ts";
import type { MemoryBudget, StagedBlob } from "../../store/blobs/staged_blob.ts";
import type { BlobReader, VolumeBlobs } from "../../store/blobs/volume_blobs.ts";
import type { Usage } from "./usage.ts";

/** Bytes that are copied in one step. */
const COPY_STEP_BYTES = 256 * 1024;

/** A stored blob. */
interface BlobRef {
  readonly digest: string;
  readonly size: number;
}

/** The context that the nodes of one session share. */
export interface NodeContext {
  readonly blobs: VolumeBlobs;
  readonly budget: MemoryBudget;
  readonly usage: Usage;
}

/**
 * A file as one invocation sees it: its stored blob or, from the first write on, a staged copy. It exists as long as a
 * path of the tree leads to it or a handle of it is open.
 */
export class FileNode {
  readonly #stored: BlobRef | undefined;
  #staged: StagedBlob | undefined;
  #reader: BlobReader | undefined;
  #handles = 0;
  /** Whether a path of the tree leads here: then its size counts for the volume. */
  #linked = false;
  modifiedAt: string;
  /** Its path, or the last one before its removal; for messages. */
  path: string;

  /** @param stored undefined for a new, empty file */
  constructor(
    private readonly context: NodeContext,
    path: string,
    stored: BlobRef | undefined,
    modifiedAt: string,
  ) {
    this.#stored = stored;
    this.path = path;
    this.modifiedAt = modifiedAt;
  }

  get size(): number {
    return this.#staged?.size ?? this.#stored?.size ?? 0;
  }

  /** The stored blob; undefined after the first write. */
  get stored(): BlobRef | undefined {
    return this.#staged === undefined ? this.#stored : undefined;
  }

  /** The blob to publish; undefined if the file was not written. A new file without a write has an empty one. */
  get staged(): StagedBlob | undefined {
    if (this.#staged === undefined && this.#stored === undefined) {
      this.#staged = this.context.blobs.stage(this.context.budget);
    }
    return this.#staged;
  }

  /** An independent file of the same content. */
  async copy(path: string, modifiedAt: string): Promise<FileNode> {
    const copy = new FileNode(this.context, path, this.stored, modifiedAt);
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
    this.#reader ??= await this.context.blobs.open(digest, size);
    try {
      return await this.#reader.read(offset, length);
    } finally {
      if (this.#handles === 0) this.#closeReader();
    }
  }

  /** Writes bytes; a gap between the end and the offset is filled with zeros. @throws FileError `QuotaExceeded` */
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

  /** From now on a path of the tree leads here; the tree has counted the size. */
  link(): void {
    this.#linked = true;
  }

  /** From now on no path of the tree leads here. */
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

  /** Disposes of the file, also if it is linked or open. Published blobs are not affected. */
  async dispose(): Promise<void> {
    this.#closeReader();
    await this.#staged?.[Symbol.asyncDispose]();
  }

  /**
   * Changes the staged blob to another size. The size is counted first: a write beyond a quota writes nothing.
   * @param keep bytes of the present content that the change needs
   */
  async #change(
    size: number,
    keep: number,
    change: (staged: StagedBlob) => Promise<void>,
  ): Promise<void> {
    const { usage } = this.context;
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

  /** The staged blob. The first call copies the first `keep` bytes of the stored one. */
  async #writable(keep: number): Promise<StagedBlob> {
    if (this.#staged !== undefined) return this.#staged;
    const { blobs, budget, usage } = this.context;
    usage.stage(keep);
    const staged = blobs.stage(budget);
    try {
      await copyStart(blobs, this.#stored, keep, staged);
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
    if (this.#staged !== undefined) this.context.usage.stage(-this.#staged.size);
    await this.dispose();
  }
}

async function copyStart(
  blobs: VolumeBlobs,
  stored: BlobRef | undefined,
  length: number,
  staged: StagedBlob,
): Promise<void> {
  if (stored === undefined || length === 0) return;
  using reader = await blobs.open(stored.digest, stored.size);
  for (let at = 0; at < length;) {
    const bytes = await reader.read(at, Math.min(COPY_STEP_BYTES, length - at));
    if (bytes.length === 0) throw tooShort(stored.digest);
    await staged.write(at, bytes);
    at += bytes.length;
  }
}
