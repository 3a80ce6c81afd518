/**
 * Prelinks a program: gives it a fixed address and writes its relocations into the file. Deno has 159,000 of them on 620
 * pages. Without prelinking every process would copy these pages; with it all processes share them.
 *
 * A position-independent executable becomes an ordinary one (`man 5 elf`; System V ABI, AMD64 supplement).
 */
import { type Segment, segmentsIn, SegmentType } from "../../isolation/mod.ts";

/** The range from which Linux itself draws addresses: 2^28 pages. */
const LOWEST_BASE = 0x5500_0000_0000;
const PAGE_BYTES = 4096;
const BASES = 2 ** 28;

const ET_EXEC = 2;
const ET_DYN = 3;
const EM_X86_64 = 62;
const SYMBOL_BYTES = 24;
const RELOCATION_BYTES = 24;
const DYNAMIC_BYTES = 16;
const ADDRESS_BYTES = 8;
const R_RELATIVE = 8;
const R_IRELATIVE = 37;
const STT_TLS = 6;
const SHN_UNDEFINED = 0;
const SHN_ABSOLUTE = 0xfff1;
const DF_BIND_NOW = 8;
const DF_1_PIE = 0x0800_0000;

/** Entries of the dynamic section. */
const DT = {
  PLTRELSZ: 2,
  PLTGOT: 3,
  STRTAB: 5,
  SYMTAB: 6,
  RELA: 7,
  RELASZ: 8,
  INIT: 12,
  FINI: 13,
  JMPREL: 23,
  INIT_ARRAY: 25,
  FINI_ARRAY: 26,
  FLAGS: 30,
  GNU_HASH: 0x6ffffef5,
  VERSYM: 0x6ffffff0,
  RELACOUNT: 0x6ffffff9,
  FLAGS_1: 0x6ffffffb,
  VERNEED: 0x6ffffffe,
} as const;
/** Entries that hold an address. Relocations are handled separately. */
const ADDRESSES: ReadonlySet<number> = new Set([
  ...[DT.PLTGOT, DT.STRTAB, DT.SYMTAB, DT.INIT, DT.FINI, DT.JMPREL, DT.INIT_ARRAY, DT.FINI_ARRAY],
  ...[DT.GNU_HASH, DT.VERSYM, DT.VERNEED],
]);
/** All known entries. Those without a name neither hold an address nor depend on one. */
const KNOWN: ReadonlySet<number> = new Set([
  ...Object.values(DT),
  // NEEDED, STRSZ, SYMENT, RELAENT, PLTREL, BIND_NOW, INIT_ARRAYSZ, FINI_ARRAYSZ, DEBUG, VERNEEDNUM
  ...[1, 10, 11, 9, 20, 24, 27, 28, 21, 0x6fffffff],
]);

/** The program has a feature that this file does not support. It must run without prelinking. */
export class NotPrelinkable extends Error {
  override name = "NotPrelinkable";
}

/** A random address for a program. */
export function randomBase(): number {
  const [random = 0] = crypto.getRandomValues(new Uint32Array(1));
  return LOWEST_BASE + (random % BASES) * PAGE_BYTES;
}

/** Bytes of the file that are changed in memory. */
class Part {
  readonly view: DataView<ArrayBuffer>;

  constructor(readonly offset: number, readonly bytes: Uint8Array<ArrayBuffer>) {
    this.view = new DataView(bytes.buffer);
  }

  u16(at: number): number {
    return this.view.getUint16(at - this.offset, true);
  }

  u32(at: number): number {
    return this.view.getUint32(at - this.offset, true);
  }

  /** A number of 64 bits. Addresses and sizes use 53 of them. */
  u64(at: number): number {
    const value = this.u32(at) + this.u32(at + 4) * 2 ** 32;
    if (Number.isSafeInteger(value)) return value;
    throw new NotPrelinkable("it has a number that is not an address");
  }

  put16(at: number, value: number): void {
    this.view.setUint16(at - this.offset, value, true);
  }

  put64(at: number, value: number): void {
    this.view.setUint32(at - this.offset, value % 2 ** 32, true);
    this.view.setUint32(at - this.offset + 4, value / 2 ** 32, true);
  }
}

/** Prelinks the program in place. @throws {NotPrelinkable} with the file unchanged */
export async function prelink(file: Deno.FsFile, base: number): Promise<void> {
  const head = await readPart(file, 0, PAGE_BYTES);
  const segments = readSegments(head);
  const data: Data[] = [];
  for (const segment of segments) {
    if (segment.type !== SegmentType.LOAD || !segment.writable) continue;
    data.push({ segment, part: await readPart(file, segment.offset, segment.fileBytes) });
  }
  const dynamic = segments.find(({ type }) => type === SegmentType.DYNAMIC);
  const written = dynamic === undefined ? undefined : dataAt(data, dynamic.address)?.part;
  if (dynamic === undefined || written === undefined) throw new NotPrelinkable("it is static");
  const entries = readDynamic(written, dynamic);
  // With lazy binding the loader later moves addresses relative to the old base.
  if (((entries.get(DT.FLAGS)?.value ?? 0) & DF_BIND_NOW) === 0) {
    throw new NotPrelinkable("its functions are bound when they are first called");
  }
  const first = segments.find(({ type }) => type === SegmentType.LOAD);
  const end = Math.max(...tables(entries).map(({ address, bytes }) => address + bytes));
  // The tables must be in the first segment, in which offsets equal addresses.
  if (first?.offset !== 0 || first.address !== 0 || end > first.fileBytes) {
    throw new NotPrelinkable("its tables are not in the first segment");
  }
  const read = await readPart(file, 0, end);
  relocate(read, data, entries, base);
  moveSymbols(read, entries, base);
  moveDynamic(written, entries, base);
  moveHeaders(read, segments, base);
  for (const part of [read, ...data.map(({ part }) => part)]) await writePart(file, part);
}

function readSegments(head: Part): readonly Segment[] {
  const segments = segmentsIn(head.bytes);
  if (segments === undefined || head.u16(16) !== ET_DYN || head.u16(18) !== EM_X86_64) {
    throw new NotPrelinkable("it is not a position-independent program for x86-64");
  }
  return segments;
}

/** A writable segment. All relocations are in writable segments. */
interface Data {
  readonly segment: Segment;
  readonly part: Part;
}

/** The writable segment that can hold an address at this address. */
function dataAt(data: readonly Data[], target: number): Data | undefined {
  return data.find(({ segment: { address, fileBytes } }) =>
    target >= address && target + ADDRESS_BYTES <= address + fileBytes
  );
}

/** The offset and the value of each entry, by tag. */
type Dynamic = ReadonlyMap<number, { readonly at: number; readonly value: number }>;

function readDynamic(written: Part, { offset, fileBytes }: Segment): Dynamic {
  const entries = new Map<number, { at: number; value: number }>();
  for (let at = offset; at < offset + fileBytes; at += DYNAMIC_BYTES) {
    const tag = written.u64(at);
    if (tag === 0) break;
    if (!KNOWN.has(tag)) throw new NotPrelinkable(`its dynamic section has the entry ${tag}`);
    entries.set(tag, { at: at + 8, value: written.u64(at + 8) });
  }
  return entries;
}

function valueOf(entries: Dynamic, tag: number): number {
  const entry = entries.get(tag);
  if (entry === undefined) throw new NotPrelinkable(`its dynamic section lacks the entry ${tag}`);
  return entry.value;
}

/** The tables to change. The file does not state the number of symbols: they end where the next table begins. */
function tables(entries: Dynamic): { readonly address: number; readonly bytes: number }[] {
  const symbols = valueOf(entries, DT.SYMTAB);
  const following = [DT.STRTAB, DT.GNU_HASH, DT.VERSYM, DT.VERNEED]
    .map((tag) => valueOf(entries, tag)).filter((address) => address > symbols);
  return [
    { address: valueOf(entries, DT.RELA), bytes: valueOf(entries, DT.RELASZ) },
    { address: valueOf(entries, DT.JMPREL), bytes: valueOf(entries, DT.PLTRELSZ) },
    { address: symbols, bytes: Math.min(...following) - symbols },
  ];
}

/** Applies the relocations without a symbol. Moves the others, which the loader applies. */
function relocate(
  read: Part,
  data: readonly Data[],
  entries: Dynamic,
  base: number,
): void {
  const [general, jumps] = tables(entries);
  const relative = valueOf(entries, DT.RELACOUNT);
  if (general === undefined || jumps === undefined) return;
  const carried = relative * RELOCATION_BYTES;
  for (let at = general.address; at < general.address + carried; at += RELOCATION_BYTES) {
    const target = read.u64(at);
    const found = dataAt(data, target);
    if (found === undefined || read.u32(at + 8) !== R_RELATIVE) {
      throw new NotPrelinkable("it has a relocation of another kind");
    }
    const { part, segment: { address, offset } } = found;
    part.put64(target - address + offset, base + read.u64(at + 16));
  }
  const rest = { address: general.address + carried, bytes: general.bytes - carried };
  for (const { address: start, bytes } of [rest, jumps]) {
    for (let at = start; at < start + bytes; at += RELOCATION_BYTES) {
      const kind = read.u32(at + 8);
      read.put64(at, base + read.u64(at));
      if (kind === R_RELATIVE || kind === R_IRELATIVE) {
        read.put64(at + 16, base + read.u64(at + 16));
      }
    }
  }
}

function moveSymbols(read: Part, entries: Dynamic, base: number): void {
  const [, , symbols] = tables(entries);
  if (symbols === undefined) return;
  const end = symbols.address + symbols.bytes - SYMBOL_BYTES;
  for (let at = symbols.address; at <= end; at += SYMBOL_BYTES) {
    const type = read.u32(at + 4) & 0xf;
    const section = read.u16(at + 6);
    if (section === SHN_UNDEFINED || section === SHN_ABSOLUTE || type === STT_TLS) continue;
    read.put64(at + 8, base + read.u64(at + 8));
  }
}

function moveDynamic(written: Part, entries: Dynamic, base: number): void {
  const carried = valueOf(entries, DT.RELACOUNT) * RELOCATION_BYTES;
  for (const [tag, { at, value }] of entries) {
    if (ADDRESSES.has(tag)) written.put64(at, base + value);
    else if (tag === DT.RELA) written.put64(at, base + value + carried);
    else if (tag === DT.RELASZ) written.put64(at, value - carried);
    else if (tag === DT.RELACOUNT) written.put64(at, 0);
    // The flag is in the lower half.
    else if (tag === DT.FLAGS_1) written.put64(at, value - (value & DF_1_PIE));
  }
}

function moveHeaders(read: Part, segments: readonly Segment[], base: number): void {
  read.put16(16, ET_EXEC);
  read.put64(24, base + read.u64(24));
  // Drops the section headers, whose addresses are no longer right.
  read.put64(40, 0);
  for (const at of [60, 62]) read.put16(at, 0);
  for (const { type, address, headerAt } of segments) {
    // This segment has no address.
    if (type === SegmentType.GNU_STACK) continue;
    for (const at of [headerAt + 16, headerAt + 24]) read.put64(at, base + address);
  }
}

async function readPart(file: Deno.FsFile, offset: number, length: number): Promise<Part> {
  const bytes = new Uint8Array(length);
  await file.seek(offset, Deno.SeekMode.Start);
  for (let filled = 0; filled < length;) {
    const count = await file.read(bytes.subarray(filled));
    if (count === null) throw new NotPrelinkable("it ends early");
    filled += count;
  }
  return new Part(offset, bytes);
}

async function writePart(file: Deno.FsFile, { offset, bytes }: Part): Promise<void> {
  await file.seek(offset, Deno.SeekMode.Start);
  for (let written = 0; written < bytes.length;) {
    written += await file.write(bytes.subarray(written));
  }
}
