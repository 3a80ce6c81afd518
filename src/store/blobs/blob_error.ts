import { basename } from "node:path";
import { countOf, formatCount } from "../../config/mod.ts";

/** The content of a blob is missing or damaged. The message names its file in the data directory. */
export class BlobError extends Error {
  override name = "BlobError";

  /** @param root the directory of the blobs */
  constructor(root: string, readonly digest: string, damage: string) {
    super(`blob ${basename(root)}/${digest.slice(0, 2)}/${digest.slice(2)} ${damage}`);
  }

  /** @param found bytes @param size bytes that its rows say */
  static ofSize(root: string, digest: string, found: number, size: number): BlobError {
    return new BlobError(
      root,
      digest,
      `has ${countOf(found, "byte")} instead of ${formatCount(size)}`,
    );
  }
}
