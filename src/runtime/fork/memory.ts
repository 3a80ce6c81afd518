/**
 * The memory of a root before it forks. Every page that it has costs each fork at its start and end, and every page that
 * a fork writes to is copied for it.
 */
import { remove } from "../harden.ts";
import type { Library } from "./libc.ts";

/** The second collection frees what the first one only found. */
const GARBAGE_ROUNDS = 2;
/** Blocks that fill the gaps in the C library's heap: from the largest size to the smallest, which is its step, too. */
const LARGEST_BLOCK_BYTES = 16 * 1024 * 1024;
const SMALL_BLOCKS_BYTES = 1040;
const BLOCK_STEP_BYTES = 16;
/** Most blocks of one size. */
const BLOCKS_MAX = 20_000;

/** Gives back what is not needed, and makes further allocations lie side by side. */
export function packMemory(library: Library): void {
  const { gc } = globalThis as { gc?: (options: object) => void };
  for (let round = 0; round < GARBAGE_ROUNDS; round++) {
    gc?.({ type: "major", flavor: "last-resort" });
  }
  remove(globalThis, "gc");
  library.libc.malloc_trim(0);
  fillGaps(library);
}

/**
 * Takes every free block between used ones, for good. A fork would take one after the other, each in another page. What
 * lies behind all gaps is given back: the limit of a fork's memory counts it.
 */
function fillGaps({ libc }: Library): void {
  const end = libc.malloc(LARGEST_BLOCK_BYTES);
  const fill = (bytes: number) => {
    for (let count = 0; count < BLOCKS_MAX; count++) {
      const block = libc.malloc(bytes);
      if (block < end) continue;
      return libc.free(block);
    }
  };
  for (let bytes = LARGEST_BLOCK_BYTES / 2; bytes > SMALL_BLOCKS_BYTES; bytes /= 2) fill(bytes);
  for (let bytes = SMALL_BLOCKS_BYTES; bytes > 0; bytes -= BLOCK_STEP_BYTES) fill(bytes);
  libc.free(end);
  libc.malloc_trim(0);
}
