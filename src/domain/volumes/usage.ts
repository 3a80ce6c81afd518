import type { VolumeRow } from "../../store/volumes.ts";
import { FileError } from "./file_error.ts";
import { fileTooLargeMessage, quotaMessage, type VolumeLimits } from "./write_set.ts";

/**
 * Counts what the volume would hold if an invocation's changes were committed now, and what is staged for it, so
 * that a function learns of a quota when it writes. What counts in the end is the commit, which counts again.
 */
export class Usage {
  #bytes: number;
  #staged = 0;

  constructor(private readonly volume: VolumeRow, private readonly limits: VolumeLimits) {
    this.#bytes = volume.usedBytes;
  }

  /** A file of the tree becomes larger by so much. @throws FileError `QuotaExceeded` */
  grow(bytes: number): void {
    const { quotaBytes } = this.volume;
    if (bytes > 0 && this.#bytes + bytes > quotaBytes) {
      throw new FileError("QuotaExceeded", quotaMessage(this.volume, this.#bytes + bytes));
    }
    this.#bytes += bytes;
  }

  /** As {@link grow}, for what takes room on disk, whether the tree has it or not any more. */
  stage(bytes: number): void {
    const { quotaBytes } = this.volume;
    if (bytes > 0 && this.#staged + bytes > quotaBytes) {
      throw new FileError(
        "QuotaExceeded",
        `This invocation has ${
          this.#staged + bytes
        } bytes in files that it wrote and in removed ones that are ` +
          `still open: the limit is the quota of volume ${this.volume.id}, ${quotaBytes} bytes`,
      );
    }
    this.#staged += bytes;
  }

  /** @throws FileError `QuotaExceeded` for a file that would be larger than any may be */
  checkSize(path: string, size: number): void {
    if (size <= this.limits.maxFileBytes) return;
    throw new FileError("QuotaExceeded", fileTooLargeMessage(path, this.limits));
  }
}
