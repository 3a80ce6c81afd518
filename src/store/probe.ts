import { join } from "node:path";
import { syncFile, writeAll } from "../shared/files.ts";

/** Free space that a disk must have before the store accepts writes again. */
const PROBE_BYTES = 1024 * 1024;

/** Writes a file of {@link PROBE_BYTES} into the directory, durably, and removes it. */
export async function probeDirectory(directory: string): Promise<void> {
  const path = join(directory, ".probe");
  try {
    using file = await Deno.open(path, { create: true, write: true, mode: 0o600 });
    await writeAll(file, new Uint8Array(PROBE_BYTES));
    await syncFile(file, path);
  } finally {
    await Deno.remove(path).catch(() => {});
  }
}
