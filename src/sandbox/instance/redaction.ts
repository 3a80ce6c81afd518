/** Takes secrets and paths of the server out of what a function prints or fails with. */
import { Buffer } from "node:buffer";

/** Shorter values are not masked: they would blot out ordinary words. */
export const REDACTED_MIN_UNITS = 6;
/** Values longer than this are masked as they are and by lines; escaped and encoded forms are not looked for. */
const ENCODED_MAX_UNITS = 4096;
/** Lines of one value that are masked each by itself. */
const LINES_MAX = 1024;
/** What stands in the place of a secret. */
export const MASK = "***";

/** One text to take out. */
interface Needle {
  readonly text: string;
  readonly by: string;
}

const FILTER_BITS = 16;
const FILTER_MASK = (1 << FILTER_BITS) - 1;

/** Comparisons of units that a call may cost, at once and for each unit of text. */
const WORK_UNITS = 1_000_000;
const WORK_UNITS_PER_UNIT = 32;

/** The texts that a {@link Redactor} takes out, prepared once for any number of calls. */
export class Redactions {
  /** By their first units, longest first. */
  readonly needles: ReadonlyMap<string, readonly Needle[]>;
  /** Which hashes of first units occur. */
  readonly filter: Uint8Array;
  readonly longestUnits: number;

  /**
   * @param hidden texts that vanish
   * @param secrets values that are masked, each also in the forms in which programs tend to print it
   */
  constructor(hidden: readonly string[], secrets: readonly string[]) {
    const needles = [
      ...hidden.map((text) => ({ text, by: "" })),
      ...[...new Set(secrets.flatMap(formsOf))].map((text) => ({ text, by: MASK })),
    ].filter(({ text }) => text.length >= REDACTED_MIN_UNITS)
      .sort((a, b) => b.text.length - a.text.length);
    this.longestUnits = needles[0]?.text.length ?? 0;
    const byHead = new Map<string, Needle[]>();
    const filter = new Uint8Array(FILTER_MASK + 1);
    for (const needle of needles) {
      const head = needle.text.slice(0, REDACTED_MIN_UNITS);
      const others = byHead.get(head);
      if (others === undefined) byHead.set(head, [needle]);
      else others.push(needle);
      filter[hashAt(head, 0)] = 1;
    }
    this.needles = byHead;
    this.filter = filter;
  }
}

/**
 * Finds any number of texts in one pass: the first {@link REDACTED_MIN_UNITS} units at each position are
 * looked up, and only where they begin a known text it is compared. Made for one call: values and messages
 * that were chosen to make that slow use up the call's work, and from then on it hides whole messages.
 */
export class Redactor {
  readonly #redactions: Redactions;
  #workUnits = WORK_UNITS;

  constructor(redactions: Redactions) {
    this.#redactions = redactions;
  }

  /**
   * The text without what must not be shown.
   * @param isCut whether the text goes on elsewhere: then the beginning of a needle at its end is taken out too
   */
  redact(text: string, isCut = false): string {
    const { filter } = this.#redactions;
    this.#workUnits += WORK_UNITS_PER_UNIT * text.length;
    let clean = "";
    let from = 0;
    for (let at = 0; at <= text.length - REDACTED_MIN_UNITS; at++) {
      if (filter[hashAt(text, at)] === 0) continue;
      const found = this.#needleAt(text, at, isCut);
      if (this.#workUnits < 0) return MASK;
      if (found === undefined) continue;
      clean += text.slice(from, at) + found.by;
      from = at + found.text.length;
      at = from - 1;
    }
    return from === 0 ? text : clean + text.slice(from);
  }

  /**
   * Where, at the end of the text, something begins that what follows may complete; the length of the text
   * where nothing does. Looks back {@link ENCODED_MAX_UNITS} at most.
   */
  unfinishedAt(text: string): number {
    const window = Math.min(this.#redactions.longestUnits - 1, ENCODED_MAX_UNITS, text.length);
    for (let at = text.length - window; at < text.length && this.#workUnits > 0; at++) {
      const rest = text.length - at;
      const begins = rest < REDACTED_MIN_UNITS
        ? this.#redactions.needles.keys().some((head) => head.startsWith(text.slice(at)))
        : this.#needleAt(text, at, true) !== undefined;
      if (begins) return at;
    }
    return text.length;
  }

  #needleAt(text: string, at: number, isCut: boolean): Needle | undefined {
    const needles = this.#redactions.needles.get(text.slice(at, at + REDACTED_MIN_UNITS));
    return needles?.find((needle) => this.#matches(needle.text, text, at, isCut));
  }

  #matches(needle: string, text: string, at: number, isCut: boolean): boolean {
    const length = Math.min(needle.length, text.length - at);
    if (length < needle.length && !isCut) return false;
    if (--this.#workUnits < 0) return false;
    // The last unit tells most of them apart.
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
  if (value.length > ENCODED_MAX_UNITS) return plain;
  const json = JSON.stringify(value).slice(1, -1);
  const escaped = [json, ...inspectedForms(json), encodeURIComponent(value.toWellFormed())];
  return [...plain, ...escaped, ...base64Forms(value)];
}

/**
 * What `console.log({ value })` shows of a value with quotes in it: the quotes around it are chosen so that
 * those inside need no escape; where each kind occurs, `node:util` takes single ones and escapes these.
 */
function inspectedForms(json: string): string[] {
  const unquoted = json.replace(/\\(.)/g, (escape, unit) => unit === '"' ? unit : escape);
  return [unquoted, unquoted.replaceAll("'", "\\'")];
}

/** What the base64 of any text shows of a value in it, at each of the three ways it can be aligned. */
function base64Forms(text: string): string[] {
  const bytes = Buffer.from(text);
  return [0, 1, 2].flatMap((before) => {
    const shifted = Buffer.concat([Buffer.alloc(before), bytes]);
    // Characters that hold bits of the neighbours as well are left out.
    const first = Math.ceil(before * 8 / 6);
    const end = Math.floor(shifted.length * 8 / 6);
    const standard = shifted.toString("base64").slice(first, end);
    return [standard, standard.replaceAll("+", "-").replaceAll("/", "_")];
  });
}
