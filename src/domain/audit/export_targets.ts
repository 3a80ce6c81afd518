/** Where exports of the audit log go: files in one directory, and URLs. */
import { constants, type FileHandle, lstat, open } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import { constants as zlib, gunzip, gzip, zstdCompress, zstdDecompress } from "node:zlib";
import { getLogger } from "@logtape/logtape";
import { isAllowed, type PublicPost } from "../../sandbox/mod.ts";
import { isUrl } from "../../shared/urls.ts";
import type { AuditExportRow } from "../../store/audit_exports.ts";

const logger = getLogger(["invoked", "audit"]);

const encode = { gzip: promisify(gzip), zstd: promisify(zstdCompress) };

/** Only the server's own user reads an export. */
const FILE_MODE = 0o600;
const FILE_NAME_BYTES_MAX = 255;
const URL_CHARS_MAX = 2_048;

/** What names the destination of an export. */
export type ExportTarget = Pick<AuditExportRow, "datasourceId" | "prefix" | "format">;

/** Events in the order of the chain, one JSON text on each line. */
interface Batch {
  readonly lines: string;
  /** Of the last event. */
  readonly uid: string;
}

/** Thrown for an attempt that failed; the message is for people. */
export class ExportError extends Error {
  override name = "ExportError";
}

/** Writes batches to files below one directory, and posts them to URLs under the rules of egress. */
export class ExportTargets {
  constructor(
    /** Undefined if no export may write a file. */
    private readonly directory: string | undefined,
    private readonly post: PublicPost,
  ) {}

  /** What is wrong with a destination, by its field; undefined for a valid one. */
  violationOf({ datasourceId, prefix }: ExportTarget): readonly [string, string] | undefined {
    if (datasourceId === "") return ["datasourceId", "must be a URL, or the name of a file"];
    if (isUrl(datasourceId)) {
      if (datasourceId.length > URL_CHARS_MAX || isAllowed(datasourceId, []) === "no-url") {
        return [
          "datasourceId",
          `must be an http or https URL without a user, of at most ${URL_CHARS_MAX} characters`,
        ];
      }
      return prefix === "" ? undefined : ["prefix", "must be empty for a URL"];
    }
    if (this.directory === undefined) {
      return [
        "datasourceId",
        "must be a URL: this server exports to no files (--audit-export-dir)",
      ];
    }
    const name = nameIn(datasourceId, this.directory);
    if (name === undefined || !isFileName(name)) {
      return [
        "datasourceId",
        `must be the name of a file in ${this.directory} (--audit-export-dir), without a slash`,
      ];
    }
    return isFileName(prefix + name) && !prefix.includes("/") ? undefined : [
      "prefix",
      `must be the start of the name of a file, of at most ${FILE_NAME_BYTES_MAX} bytes with the name`,
    ];
  }

  /** What two exports must not share. */
  keyOf({ datasourceId, prefix }: ExportTarget): string {
    return isUrl(datasourceId) ? datasourceId : `file ${prefix}${basename(datasourceId)}`;
  }

  /**
   * Writes a batch.
   * @returns the size of the file afterwards; null for a URL
   * @throws ExportError
   */
  async send(target: AuditExportRow, batch: Batch): Promise<number | null> {
    try {
      const text = new TextEncoder().encode(batch.lines);
      const body = target.format === "none" ? text : await encode[target.format](text);
      return isUrl(target.datasourceId)
        ? await this.#post(target, batch, body)
        : await append(this.#pathOf(target.datasourceId, target.prefix), body, { target, text });
    } catch (error) {
      throw error instanceof ExportError ? error : new ExportError(reasonOf(error));
    }
  }

  #pathOf(datasourceId: string, prefix: string): string {
    if (this.directory === undefined) {
      throw new ExportError("this server exports to no files (--audit-export-dir)");
    }
    return join(this.directory, prefix + basename(datasourceId));
  }

  async #post({ datasourceId, format }: ExportTarget, batch: Batch, body: Uint8Array) {
    const status = await this.post({
      url: datasourceId,
      allowlist: undefined,
      headers: {
        "Content-Type": "application/x-ndjson",
        ...format === "none" ? {} : { "Content-Encoding": format },
        // A batch that is sent again ends with the same event.
        "Idempotency-Key": batch.uid,
      },
      body,
    });
    if (status >= 200 && status < 300) return null;
    throw new ExportError(`the host answered ${status}`);
  }
}

/** A destination as those see it who may not change exports: path and query of a URL may hold the token of a collector. */
export function withoutSecrets(datasourceId: string): string {
  if (!isUrl(datasourceId)) return datasourceId;
  const { origin, pathname, search, hash } = new URL(datasourceId);
  return pathname + search + hash === "/" ? datasourceId : `${origin}/…`;
}

/** The name of a file, given by its name or by its path in the directory. */
function nameIn(datasourceId: string, directory: string): string | undefined {
  if (!datasourceId.includes("/")) return datasourceId;
  return dirname(datasourceId) === directory ? basename(datasourceId) : undefined;
}

function isFileName(name: string): boolean {
  // deno-lint-ignore no-control-regex -- no name that a terminal cannot show
  return /^[^/\u0000-\u001f\u007f]+$/.test(name) && name !== "." && name !== ".." &&
    Buffer.byteLength(name) <= FILE_NAME_BYTES_MAX;
}

/**
 * Appends to a file, durably. What an attempt that was cut off has left is written again: nothing is there twice, and no
 * line is torn. Everything else stays in the file, whatever the database says of its size: a file is evidence against
 * whoever changes the database.
 */
async function append(path: string, bytes: Uint8Array, batch: FileBatch): Promise<number> {
  const { O_RDWR, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants;
  await assertFile(path);
  // Waits for no reader of a pipe.
  const file = await open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, FILE_MODE);
  try {
    const stat = await file.stat();
    const entry = await assertFile(path);
    // With its own checks of paths, Deno resolves links before it opens them, so O_NOFOLLOW alone stops none.
    if (entry?.ino !== stat.ino || entry.dev !== stat.dev) {
      throw new ExportError(`${path} was replaced while it was opened`);
    }
    const at = await startOf(file, stat.size, path, batch);
    if (at < stat.size) await file.truncate(at);
    const begun = await endsInLine(file, at, batch) ? Buffer.concat([NEWLINE, bytes]) : bytes;
    await writeAll(file, begun, at);
    await file.sync();
    if (at === 0) await syncDirectory(dirname(path));
    return at + begun.length;
  } finally {
    await file.close();
  }
}

/** A batch for a file. */
interface FileBatch {
  readonly target: AuditExportRow;
  /** What the batch is before it is compressed. */
  readonly text: Uint8Array;
}

const NEWLINE = Buffer.from("\n");

/** Where a batch begins in a file: behind everything but the beginning of the same batch. */
async function startOf(
  file: FileHandle,
  size: number,
  path: string,
  { target: { id, format, fileBytes }, text }: FileBatch,
): Promise<number> {
  const length = size - (fileBytes ?? size);
  if (length <= 0) return size;
  const isShort = length <= tailBytesMax(text.length);
  const isOurs = isShort && fileBytes !== null &&
    await isBeginningOf(await readAt(file, fileBytes, length), text, format);
  if (isOurs) return size - length;
  logger.warn(
    "Export {id} of the audit log: {path} has {length} bytes behind the last batch that are not of the next one; they " +
      "are kept. Check whether the database was changed or restored",
    { id, path, length },
  );
  return size;
}

/** Whether a text file ends within a line. */
async function endsInLine(
  file: FileHandle,
  size: number,
  { target }: FileBatch,
): Promise<boolean> {
  return target.format === "none" && size > 0 && !(await readAt(file, size - 1, 1)).equals(NEWLINE);
}

async function readAt(file: FileHandle, at: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await file.read(bytes, done, length - done, at + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return bytes.subarray(0, done);
}

/** The entry of a file; undefined if it does not exist. @throws ExportError for a link, and for what is no file */
async function assertFile(path: string) {
  const entry = await lstat(path).catch((error) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  });
  if (entry === undefined) return undefined;
  if (!entry.isFile()) throw new ExportError(`${path} is not a file: links are not followed`);
  // Another name of it would be a file elsewhere.
  if (entry.nlink > 1) throw new ExportError(`${path} has a second name: it is a hard link`);
  return entry;
}

async function writeAll(file: FileHandle, bytes: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, at + done);
    done += bytesWritten;
  }
}

/** The entry of a new file survives a crash only with its directory. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, constants.O_RDONLY);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** What compression can add to a batch, of which an interrupted write leaves the beginning at the end of a file. */
const OVERHEAD_BYTES = 1_024;
/** The first bytes of a member. */
const MAGIC = {
  gzip: Buffer.from([0x1f, 0x8b]),
  zstd: Buffer.from([0x28, 0xb5, 0x2f, 0xfd]),
} as const;
const DECODERS = {
  gzip: (bytes: Uint8Array, maxOutputLength: number) =>
    promisify(gunzip)(bytes, { finishFlush: zlib.Z_SYNC_FLUSH, maxOutputLength }),
  zstd: (bytes: Uint8Array, maxOutputLength: number) =>
    promisify(zstdDecompress)(bytes, { finishFlush: zlib.ZSTD_e_flush, maxOutputLength }),
} as const;

/** The longest that the beginning of a batch can be in a file. @param length of the batch before it is compressed */
function tailBytesMax(length: number): number {
  return length + OVERHEAD_BYTES;
}

/**
 * Whether bytes hold the beginning of a batch, torn or whole, and nothing else. The batch that was interrupted may have
 * been shorter than the next one, which begins with the same events.
 * @param text the batch before it is compressed
 */
async function isBeginningOf(
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
