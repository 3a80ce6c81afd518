/**
 * Memory that all forks of a zygote share and hardly write to, in huge pages: a fork gets 512 pages by one entry of its
 * tables. Without it each fork maps the code that it runs anew, page by page.
 */
import type { Libc, Library } from "./libc.ts";

const HUGE_PAGE_BYTES = 2n * 1024n * 1024n;
/** The copy of the code takes 60 MiB: a smaller machine keeps it in the pages of the file. */
const MACHINE_MIN_BYTES = 2n * 1024n * 1024n * 1024n;

const SC_PAGE_SIZE = 30;
const SC_PHYSICAL_PAGES = 85;
const AT_PROGRAM_HEADERS = 3;
const AT_PROGRAM_HEADER_COUNT = 5;

/** `Elf64_Phdr`: its length, offsets in it, and types of segments. */
const HEADER_BYTES = 56;
const FLAGS_AT = 4;
const ADDRESS_AT = 16;
const MEMORY_BYTES_AT = 40;
const PT_LOAD = 1;
const PT_PHDR = 6;
const PF_EXECUTE = 1;

const PROT_READ_WRITE = 3;
const PROT_READ_EXECUTE = 5;
/** MAP_PRIVATE and MAP_ANONYMOUS. */
const NEW_MEMORY = 0x22;
const MADV_HUGEPAGE = 14;
/** Makes huge pages at once, from Linux 6.1 on. Fails if it cannot. */
const MADV_COLLAPSE = 25;
/** MREMAP_MAYMOVE and MREMAP_FIXED. */
const MOVE_OVER = 3;
const MMAP_FAILED = -1n;
const ENOMEM = 12;
/** The heap of a zygote has about ten. */
const HEAP_BLOCKS_MAX = 64;

/** Addresses, both multiples of the size of a huge page. */
interface Range {
  readonly from: bigint;
  readonly to: bigint;
}

/** Puts the code of this program into huge pages, as far as it fills them. Does nothing where the kernel has none. */
export function shareCode(libc: Libc): void {
  const machineBytes = BigInt(libc.sysconf(SC_PHYSICAL_PAGES)) * BigInt(libc.sysconf(SC_PAGE_SIZE));
  if (machineBytes < MACHINE_MIN_BYTES) return;
  for (const { from, to } of codeRanges(libc)) {
    const bytes = to - from;
    const reserved = BigInt(
      libc.mmap(0n, bytes + HUGE_PAGE_BYTES, PROT_READ_WRITE, NEW_MEMORY, -1, 0n),
    );
    if (reserved === MMAP_FAILED) return;
    const copy = roundUp(reserved);
    libc.madvise(copy, bytes, MADV_HUGEPAGE);
    libc.memcpy(copy, from, bytes);
    // A copy in small pages would cost each fork more than the pages of the file do.
    const isHuge = libc.madvise(copy, bytes, MADV_COLLAPSE) === 0;
    if (isHuge && libc.mprotect(copy, bytes, PROT_READ_EXECUTE) === 0) {
      // The kernel replaces the pages at once, so a thread that runs code there does not notice.
      libc.mremap(copy, bytes, bytes, MOVE_OVER, from);
    } else {
      libc.munmap(copy, bytes);
    }
    if (copy > reserved) libc.munmap(reserved, copy - reserved);
    libc.munmap(copy + bytes, reserved + HUGE_PAGE_BYTES - copy);
  }
}

/** Puts the heap of the C library into huge pages, from its end to its start. Blocks without any page stay so. */
export function joinHeap({ libc, errno }: Library): void {
  const last = roundDown(libc.sbrk(0n)) - HUGE_PAGE_BYTES;
  for (let block = 0; block < HEAP_BLOCKS_MAX; block++) {
    const at = last - BigInt(block) * HUGE_PAGE_BYTES;
    const hasFailed = libc.madvise(at, HUGE_PAGE_BYTES, MADV_COLLAPSE) !== 0;
    // Nothing is mapped before the heap. Kernels without huge pages say of every address that they cannot.
    if (hasFailed && errno[0] === ENOMEM) return;
  }
}

/** The executable segments of this program, from its headers in memory. */
function codeRanges(libc: Libc): readonly Range[] {
  const at = BigInt(libc.getauxval(AT_PROGRAM_HEADERS));
  const count = Number(libc.getauxval(AT_PROGRAM_HEADER_COUNT));
  const headers = Deno.UnsafePointer.create(at);
  if (headers === null) return [];
  const view = new DataView(Deno.UnsafePointerView.getArrayBuffer(headers, count * HEADER_BYTES));
  const ranges: Range[] = [];
  /** The distance from the addresses in the file. */
  let base = 0n;
  for (let head = 0; head < count * HEADER_BYTES; head += HEADER_BYTES) {
    const type = view.getUint32(head, true);
    const address = view.getBigUint64(head + ADDRESS_AT, true);
    if (type === PT_PHDR) base = at - address;
    const isCode = (view.getUint32(head + FLAGS_AT, true) & PF_EXECUTE) !== 0;
    if (type !== PT_LOAD || !isCode) continue;
    const from = roundUp(base + address);
    const to = roundDown(base + address + view.getBigUint64(head + MEMORY_BYTES_AT, true));
    if (from < to) ranges.push({ from, to });
  }
  return ranges;
}

function roundDown(address: bigint): bigint {
  return address / HUGE_PAGE_BYTES * HUGE_PAGE_BYTES;
}

function roundUp(address: bigint): bigint {
  return roundDown(address + HUGE_PAGE_BYTES - 1n);
}
