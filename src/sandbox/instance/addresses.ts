/**
 * Masks addresses of memory in what a process prints on stderr. All forks of a zygote share one address layout, and V8
 * prints parts of it when memory runs out; so do aborts of V8, Rust and the C library. Authors may read the log, so the
 * next call would know the layout. Ids of processes stay: nothing follows from them.
 */

/** What a line has instead of an address. */
const ADDRESS_MASK = "<address>";

/**
 * With `0x`: at least 6 digits, as smaller numbers are sizes and codes. An offset in a file (`deno(+0x3cbe83)`) is not
 * part of the layout. Without: 12 digits of which one is a letter, or 16 that begin with 0000; also after another address
 * in a range (`7f12345a6000-7f12345b7000`), but not at the end of a UUID.
 */
const ADDRESS =
  /(?<!\+)0x[0-9a-f]{6,}|(?<![0-9a-z_]|(?<![0-9a-z]{12})-)(?:0{4}|(?=[0-9]*[a-f]))[0-9a-f]{12}(?![0-9a-z_])/gi;
/** The longest address: `0x` and 16 digits. */
const ADDRESS_MAX_UNITS = 18;
/** What may be the beginning of an address. */
const BEGUN = /(?:0x?[0-9a-f]*|[0-9a-f]+)$/i;

/** The text of stderr without addresses. */
export function maskAddresses(text: string): string {
  return text.replace(ADDRESS, ADDRESS_MASK);
}

/** The index, near the end of a text, of what the next text may complete to an address; the length without it. */
export function unfinishedAddressAt(text: string): number {
  const [begun = ""] = BEGUN.exec(text.slice(-ADDRESS_MAX_UNITS)) ?? [];
  return text.length - begun.length;
}
