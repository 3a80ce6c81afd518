/**
 * Masks texts of a recording. A text always gets the same mask, so what belongs together still does. A mask is replaced
 * by its text on the way to the tenant: a function can ask for what a masked answer named.
 */
import { MAIL_TEXTS, type MaskKind, type MaskRules, SECRET_TEXTS } from "./mask_rules.ts";

/** What the mask of a kind looks like. */
const MASKS: Readonly<Record<MaskKind, (number: number) => string>> = {
  secret: (number) => `masked-secret-${number}`,
  mail: (number) => `masked-${number}@example.com`,
  name: (number) => `Masked name ${number}`,
  text: (number) => `masked-text-${number}`,
  page: (number) => `page-${number}`,
};
const ANY_MASK =
  /\bmasked-(?:secret|text)-\d+\b|\bmasked-\d+@example\.com\b|\bMasked name \d+\b|\bpage-\d+\b/g;
/** A shorter name may be a word of other texts. */
const FULL_NAME = /\S\s+\S/;

const WORD = /[\p{L}\p{N}]+/gu;
/** Names and fields above a text that rules see; the length of a name that they see. */
const PATH_NAMES_MAX = 8;
const NAME_CHARS_MAX = 100;

/** Names and their masks by the first word of the name. */
type FullNames = ReadonlyMap<string, readonly (readonly [name: string, mask: string])[]>;

/** The masks of one recording. */
export class Masker {
  readonly #masks = new Map<MaskKind, Map<string, string>>();
  /** Texts by their mask. */
  readonly #texts = new Map<string, string>();

  constructor(private readonly rules: MaskRules) {}

  /** How many different texts of each kind were masked; without kinds of none. */
  get counts(): Readonly<Partial<Record<MaskKind, number>>> {
    return Object.fromEntries(Array.from(this.#masks, ([kind, masks]) => [kind, masks.size]));
  }

  /** A JSON value with its texts masked. */
  mask(value: unknown): unknown {
    return this.#mask(value, [], {});
  }

  /** The text of one field, such as a parameter of a query. */
  maskField(name: string, text: string): string {
    return this.#maskText(text, [name], { [name]: text });
  }

  /** A text without a field. */
  maskText(text: string): string {
    return this.#maskPatterns(text);
  }

  /** A text with the texts of its masks. */
  unmask(text: string): string {
    return text.replace(ANY_MASK, (mask) => this.#texts.get(mask) ?? mask);
  }

  /** A JSON value with the texts of its masks. */
  unmaskValue(value: unknown): unknown {
    return mapTexts(value, (text) => this.unmask(text));
  }

  /** Masks, in a text, the names that are known by now: an answer may have a name before its person. */
  nameMasker(): (text: string) => string {
    const names = this.#fullNames();
    return (text) => maskNames(text, names);
  }

  /** The masked names by their first word, the longest first. */
  #fullNames(): FullNames {
    const names = new Map<string, (readonly [name: string, mask: string])[]>();
    for (const [name, mask] of this.#masks.get("name") ?? []) {
      const [first] = name.match(WORD) ?? [];
      if (first === undefined || !name.startsWith(first) || !FULL_NAME.test(name)) continue;
      const others = names.get(first) ?? [];
      names.set(
        first,
        [...others, [name, mask] as const].toSorted(([a], [b]) => b.length - a.length),
      );
    }
    return names;
  }

  #mask(value: unknown, path: readonly string[], owner: object): unknown {
    if (typeof value === "string") return this.#maskText(value, path, owner);
    if (Array.isArray(value)) return value.map((item) => this.#mask(item, path, owner));
    if (typeof value !== "object" || value === null) return value;
    // The profile of a person is the person's, however deep it is.
    const isProfile = path.some((name) => /^profile$/i.test(name));
    return Object.fromEntries(
      Object.entries(value).map(([name, inner]) => [
        name,
        this.#mask(
          inner,
          [...path, name.slice(0, NAME_CHARS_MAX)].slice(-PATH_NAMES_MAX),
          isProfile ? owner : value,
        ),
      ]),
    );
  }

  #maskText(text: string, path: readonly string[], owner: object): string {
    const kind = this.rules.kindOf(path, owner);
    if (text === "" || kind === "keep") return text;
    if (kind === undefined) return this.#maskPatterns(text);
    if (this.rules.keeps(text)) return text;
    return this.#maskOf(kind, text);
  }

  #maskPatterns(text: string): string {
    const replace = (kind: MaskKind) => (found: string) =>
      this.rules.keeps(found) ? found : this.#maskOf(kind, found);
    return text.replace(SECRET_TEXTS, replace("secret")).replace(MAIL_TEXTS, replace("mail"));
  }

  #maskOf(kind: MaskKind, text: string): string {
    // What is masked already, such as a name in a request, has its mask.
    if (this.#texts.has(text)) return text;
    const masks = this.#masks.get(kind) ?? new Map<string, string>();
    this.#masks.set(kind, masks);
    const known = masks.get(text);
    if (known !== undefined) return known;
    const mask = MASKS[kind](masks.size + 1);
    masks.set(text, mask);
    this.#texts.set(mask, text);
    return mask;
  }
}

/** A text without the names. Each word is looked up once, however many names there are. */
function maskNames(text: string, names: FullNames): string {
  let masked = "";
  let end = 0;
  if (names.size === 0) return text;
  for (const { 0: word, index } of text.matchAll(WORD)) {
    const found = index < end
      ? undefined
      : names.get(word)?.find(([name]) => text.startsWith(name, index));
    if (found === undefined) continue;
    masked += text.slice(end, index) + found[1];
    end = index + found[0].length;
  }
  return masked + text.slice(end);
}

/** A JSON value with each text changed. */
export function mapTexts(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === "string") return change(value);
  if (Array.isArray(value)) return value.map((item) => mapTexts(item, change));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, mapTexts(inner, change)]),
  );
}
