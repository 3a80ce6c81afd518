import type { Writers } from "../../store/mod.ts";

/** Entries of one query. */
const ENTRIES_PER_STEP = 1000;

/** Paths below a directory in the newest version, in order. */
export async function* subtree(
  tx: Writers,
  volumeId: string,
  directory: string,
): AsyncGenerator<string> {
  let after = "";
  for (;;) {
    const rows = await tx.volumes.entries({
      volumeId,
      version: Number.MAX_SAFE_INTEGER,
      directory,
      recursive: true,
      after,
      limit: ENTRIES_PER_STEP,
    });
    for (const { path } of rows) yield path;
    if (rows.length < ENTRIES_PER_STEP) return;
    after = rows.at(-1)?.path ?? "";
  }
}
