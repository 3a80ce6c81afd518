/**
 * Removes secrets, paths of the server and addresses of memory from the output of a function.
 *
 * All forks of a zygote share one address layout, and V8 prints parts of it when memory runs out; so do aborts of V8,
 * Rust and the C library. Authors may read the log, so the next invocation would know the layout. Process ids stay:
 * nothing follows from them.
 */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { LRUCache } from "lru-cache";

/** Shorter values are not masked: they would mask ordinary words. */
const REDACTED_MIN_UNITS = 6;
/** Longer values are masked as a whole and by lines, but not in their escaped and encoded forms. */
export const ENCODED_SECRET_MAX_UNITS = 4096;
/** Most lines of one value that are masked line by line. */
const LINES_MAX = 1024;
/** Replaces a secret. */
export const MASK = "***";

/** One text to remove, and its replacement. */
interface Needle {
  readonly text: string;
  readonly replacement: string;
}

const FILTER_BITS = 16;
const FILTER_MASK = (1 << FILTER_BITS) - 1;

/** Most functions whose prepared secrets are kept. */
const MADE_MAX = 64;

/** Work budget of an invocation in comparisons of units: a fixed part, and a part for each unit of text. */
const WORK_UNITS = 1_000_000;
const WORK_UNITS_PER_UNIT = 32;

/** The texts that a {@link Redactor} removes, prepared once for any number of invocations. */
export class Redactions {
  /** By their first units, longest first. */
  readonly needles: ReadonlyMap<string, readonly Needle[]>;
  /** 1 for each hash of first units that occurs. */
  readonly filter = new Uint8Array(FILTER_MASK + 1);
  readonly longestUnits: number;
  /** For the secrets of functions that were invoked last. */
  #made: LRUCache<string, Redactions> | undefined;

  /**
   * @param hidden texts that are removed
   * @param secrets values that are masked, also in the escaped and encoded forms that programs print
   */
  constructor(private readonly hidden: readonly string[], secrets: readonly string[] = []) {
    const needles = [
      ...hidden.map((text) => ({ text, replacement: "" })),
      ...[...new Set(secrets.flatMap(formsOf))].map((text) => ({ text, replacement: MASK })),
    ].filter(({ text }) => text.length >= REDACTED_MIN_UNITS)
      .sort((a, b) => b.text.length - a.text.length);
    this.longestUnits = needles[0]?.text.length ?? 0;
    this.needles = Map.groupBy(needles, ({ text }) => text.slice(0, REDACTED_MIN_UNITS));
    for (const head of this.needles.keys()) this.filter[hashAt(head, 0)] = 1;
  }

  /** These redactions, for invocations with secrets. */
  withSecrets(secrets: readonly string[]): Redactions {
    this.#made ??= new LRUCache({ max: MADE_MAX });
    const key = createHash("sha256").update(JSON.stringify(secrets)).digest("base64");
    let made = this.#made.get(key);
    if (made === undefined) this.#made.set(key, made = new Redactions(this.hidden, secrets));
    return made;
  }
}

/**
 * Finds any number of texts in one pass: it looks up the first {@link REDACTED_MIN_UNITS} units at each position and
 * compares only the texts that begin with them. Serves one invocation. Values and messages that were chosen to make
 * this slow use up the work budget of the invocation, and from then on whole messages are masked.
 */
export class Redactor {
  #workUnits = WORK_UNITS;

  constructor(private readonly redactions: Redactions) {}

  /**
   * The text without secrets and hidden texts.
   * @param isCut whether the text was cut: then the beginning of a needle at its end is removed, too
   */
  redact(text: string, isCut = false): string {
    const { filter } = this.redactions;
    this.#workUnits += WORK_UNITS_PER_UNIT * text.length;
    let clean = "";
    let from = 0;
    for (let at = 0; at <= text.length - REDACTED_MIN_UNITS; at++) {
      if (filter[hashAt(text, at)] === 0) continue;
      const found = this.#needleAt(text, at, isCut);
      if (this.#workUnits < 0) return MASK;
      if (found === undefined) continue;
      clean += text.slice(from, at) + found.replacement;
      from = at + found.text.length;
      at = from - 1;
    }
    return from === 0 ? text : clean + text.slice(from);
  }

  /**
   * The index, near the end of the text, of a needle that the next text may complete; the length of the text without
   * one. Looks back {@link ENCODED_SECRET_MAX_UNITS} at most.
   */
  unfinishedAt(text: string): number {
    const window = Math.min(
      this.redactions.longestUnits - 1,
      ENCODED_SECRET_MAX_UNITS,
      text.length,
    );
    for (let at = text.length - window; at < text.length && this.#workUnits > 0; at++) {
      const rest = text.length - at;
      const begins = rest < REDACTED_MIN_UNITS
        ? this.redactions.needles.keys().some((head) => head.startsWith(text.slice(at)))
        : this.#needleAt(text, at, true) !== undefined;
      if (begins) return at;
    }
    return text.length;
  }

  #needleAt(text: string, at: number, isCut: boolean): Needle | undefined {
    const needles = this.redactions.needles.get(text.slice(at, at + REDACTED_MIN_UNITS));
    return needles?.find((needle) => this.#matches(needle.text, text, at, isCut));
  }

  #matches(needle: string, text: string, at: number, isCut: boolean): boolean {
    const length = Math.min(needle.length, text.length - at);
    if (length < needle.length && !isCut) return false;
    if (--this.#workUnits < 0) return false;
    // The last unit differs between most needles.
    if (needle.charCodeAt(length - 1) !== text.charCodeAt(at + length - 1)) return false;
    this.#workUnits -= length;
    return text.startsWith(needle.slice(0, length), at);
  }
}

/** A hash of the units at a position, of {@link FILTER_BITS} bits. */
function hashAt(text: string, at: number): number {
  let hash = 0;
  for (let index = 0; index < REDACTED_MIN_UNITS; index++) {
    hash = (Math.imul(hash, 31) + text.charCodeAt(at + index)) | 0;
  }
  return (hash ^ (hash >>> FILTER_BITS)) & FILTER_MASK;
}

/** The value, each of its lines, and the value escaped for JSON, for inspection, for URLs and inside base64. */
function formsOf(value: string): string[] {
  if (value.length < REDACTED_MIN_UNITS) return [];
  const plain = [value, ...value.split(/\r\n|\r|\n/, LINES_MAX)];
  if (value.length > ENCODED_SECRET_MAX_UNITS) return plain;
  const json = JSON.stringify(value).slice(1, -1);
  const escaped = [json, ...inspectedForms(json), encodeURIComponent(value.toWellFormed())];
  return [...plain, ...escaped, ...base64Forms(value)];
}

/**
 * The value as `console.log({ value })` prints it. The outer quotes are chosen so that inner ones need no escape. If the
 * value has quotes of each kind, `node:util` uses single ones and escapes these.
 */
function inspectedForms(json: string): string[] {
  const unquoted = json.replace(/\\(.)/g, (escape, unit) => unit === '"' ? unit : escape);
  return [unquoted, unquoted.replaceAll("'", "\\'")];
}

/** The value inside the base64 of a longer text, for each of its three alignments. */
function base64Forms(text: string): string[] {
  const bytes = Buffer.from(text);
  return [0, 1, 2].flatMap((before) => {
    const shifted = Buffer.concat([Buffer.alloc(before), bytes]);
    // Leaves out characters that also hold bits of the neighbours.
    const first = Math.ceil(before * 8 / 6);
    const end = Math.floor(shifted.length * 8 / 6);
    const standard = shifted.toString("base64").slice(first, end);
    return [standard, standard.replaceAll("+", "-").replaceAll("/", "_")];
  });
}

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
