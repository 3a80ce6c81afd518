import { formatCount } from "../../config/mod.ts";
import type { VolumeRow } from "../../store/volumes.ts";
import { FileError } from "./errors.ts";
import { fileTooLargeMessage, quotaMessage, type VolumeLimits } from "./write_set.ts";

/**
 * Counts the bytes that the volume would hold if the changes of an invocation committed now, and the bytes that are
 * staged: so a function learns of a quota when it writes. The commit counts again, and decides.
 */
export class Usage {
  #bytes: number;
  #staged = 0;

  constructor(private readonly volume: VolumeRow, private readonly limits: VolumeLimits) {
    this.#bytes = volume.usedBytes;
  }

  /** Counts the growth of a file of the tree, in bytes. @throws FileError `QuotaExceeded` */
  grow(bytes: number): void {
    const { quotaBytes } = this.volume;
    if (bytes > 0 && this.#bytes + bytes > quotaBytes) {
      throw new FileError("QuotaExceeded", quotaMessage(this.volume, this.#bytes + bytes));
    }
    this.#bytes += bytes;
  }

  /** Counts staged bytes, also of removed files that are still open. @throws FileError `QuotaExceeded` */
  stage(bytes: number): void {
    const { quotaBytes } = this.volume;
    if (bytes > 0 && this.#staged + bytes > quotaBytes) {
      throw new FileError(
        "QuotaExceeded",
        `Volume ${this.volume.id} is full: the files that this invocation wrote, and removed ` +
          `files that are still open, would have ${formatCount(this.#staged + bytes)} B, and the ` +
          `quota is ${formatCount(quotaBytes)} B`,
      );
    }
    this.#staged += bytes;
  }

  /** @throws FileError `QuotaExceeded` for a file over the limit */
  checkSize(path: string, size: number): void {
    if (size <= this.limits.maxFileBytes) return;
    throw new FileError("QuotaExceeded", fileTooLargeMessage(path, this.limits));
  }
}
