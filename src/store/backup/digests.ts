/** Digests of the files that a backup is made of. */
import { createHash } from "node:crypto";
import { readAt } from "../../shared/files.ts";
import type { Pace } from "../../shared/pace.ts";
import { BackupError } from "./backup_error.ts";

const STEP_BYTES = 256 * 1024;

/** SHA-256 of a file in hexadecimal. */
export async function digestOfFile(path: string, pace?: Pace): Promise<string> {
  const hash = createHash("sha256");
  for await (const bytes of bytesOfFile(path)) {
    hash.update(bytes);
    await pace?.rest();
  }
  return hash.digest("hex");
}

/** SHA-256 in hexadecimal. */
export function digestOfBytes(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** The bytes of a file in steps. @throws BackupError if the file becomes shorter meanwhile */
export async function* bytesOfFile(path: string): AsyncGenerator<Uint8Array> {
  using file = await Deno.open(path);
  const { size } = await file.stat();
  for (let at = 0; at < size;) {
    const bytes = await readAt(file, at, Math.min(STEP_BYTES, size - at));
    if (bytes.length === 0) throw new BackupError(`${path} became shorter meanwhile`, "try again");
    yield bytes;
    at += bytes.length;
  }
}
