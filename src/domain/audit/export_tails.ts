/** What an interrupted batch leaves at the end of an export file. */
import { promisify } from "node:util";
import { constants, gunzip, zstdDecompress } from "node:zlib";
import type { AuditExportRow } from "../../store/audit_exports.ts";

/** What compression can add to a batch. */
const OVERHEAD_BYTES = 1_024;
/** The first bytes of a member. */
const MAGIC = {
  gzip: Buffer.from([0x1f, 0x8b]),
  zstd: Buffer.from([0x28, 0xb5, 0x2f, 0xfd]),
} as const;
const DECODERS = {
  gzip: (bytes: Uint8Array, maxOutputLength: number) =>
    promisify(gunzip)(bytes, { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength }),
  zstd: (bytes: Uint8Array, maxOutputLength: number) =>
    promisify(zstdDecompress)(bytes, { finishFlush: constants.ZSTD_e_flush, maxOutputLength }),
} as const;

/** The longest that the beginning of a batch can be in a file. @param length of the batch before it is compressed */
export function tailBytesMax(length: number): number {
  return length + OVERHEAD_BYTES;
}

/**
 * Whether bytes hold the beginning of a batch, torn or whole, and nothing else. The batch that was interrupted may have
 * been shorter than the next one, which begins with the same events.
 * @param text the batch before it is compressed
 */
export async function isBeginningOf(
  bytes: Buffer,
  text: Uint8Array,
  format: AuditExportRow["format"],
): Promise<boolean> {
  if (format === "none") return bytes.equals(text.subarray(0, bytes.length));
  const magic = MAGIC[format];
  if (!bytes.subarray(0, magic.length).equals(magic.subarray(0, bytes.length))) return false;
  // One batch is one member, and the decoder reads no second one.
  if (format === "zstd" && bytes.includes(magic, magic.length)) return false;
  try {
    const found = await DECODERS[format](bytes, text.length + 1);
    return found.equals(text.subarray(0, found.length));
  } catch {
    return false;
  }
}
