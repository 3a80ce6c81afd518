/**
 * The memory of a zygote before it forks. Every page that it has costs each fork at its start and end, and every page that
 * a fork writes to is copied for it.
 */
import { joinHeap } from "./huge_pages.ts";
import type { Library } from "./libc.ts";

/** The addresses from which V8 draws one for each piece of its heap. */
const DRAWN_ADDRESSES = 2n ** 46n;
/** The first and the smallest range of them that is worth a reservation. */
const RESERVED_MIN_BYTES = 2n ** 30n;
const PROT_NONE = 0;
/** MAP_PRIVATE, MAP_ANONYMOUS, MAP_NORESERVE and MAP_FIXED_NOREPLACE. */
const RESERVE_FREE = 0x104022;

/**
 * Makes V8's further memory lie side by side: it reserves the addresses that V8 asks for at random, so that the kernel
 * chooses others. Each piece elsewhere would cost a fork page tables of its own.
 */
export function gatherMemory({ libc }: Library): void {
  const reserve = (from: bigint, bytes: bigint): void => {
    if (libc.mmap(from, bytes, PROT_NONE, RESERVE_FREE, -1, 0n) === from) return;
    if (bytes === RESERVED_MIN_BYTES) return;
    // Something lies in it.
    reserve(from, bytes / 2n);
    reserve(from + bytes / 2n, bytes / 2n);
  };
  for (let from = RESERVED_MIN_BYTES; from < DRAWN_ADDRESSES; from *= 2n) reserve(from, from);
}

/** Blocks that fill the gaps in the C library's heap: from the largest size to the smallest, which is its step, too. */
const LARGEST_BLOCK_BYTES = 16 * 1024 * 1024;
const SMALL_BLOCKS_BYTES = 1040;
const BLOCK_STEP_BYTES = 16;
/** Most blocks of one size. */
const BLOCKS_MAX = 20_000;

/** What reaches the garbage collector of the engine: parts of `node:v8` and `node:vm`. */
export interface Engine {
  setFlagsFromString(flag: string): void;
  runInNewContext(code: string): unknown;
}

/** Collects again and again until nothing more is found. */
function collectGarbage({ setFlagsFromString, runInNewContext }: Engine): void {
  // Each realm that is made while the flag is set has the function, and the function writes files past all permissions.
  // The flag cannot be unset in a process that starts with it.
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as (options: object) => void;
  setFlagsFromString("--no-expose-gc");
  gc({ type: "major", flavor: "last-resort" });
}

/** Gives back what is not needed, and makes further allocations lie side by side. */
export function packMemory(library: Library, engine: Engine): void {
  collectGarbage(engine);
  library.libc.malloc_trim(0);
  fillGaps(library);
  joinHeap(library);
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
