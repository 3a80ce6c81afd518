/**
 * Masks texts and numbers of a recording, also the keys of its objects. A text always gets the same mask, so what belongs
 * together still does. A mask is replaced by its text on the way to the tenant: a function can ask for what a masked
 * answer named.
 */
import { ANYWHERE, type FieldKind, type MaskKind, type MaskRules } from "./mask_rules.ts";
import { fieldPath, isTime } from "./request_fields.ts";

/** What the mask of a kind looks like. */
const MASKS: Readonly<Record<MaskKind, (number: number) => string>> = {
  secret: (number) => `masked-secret-${number}`,
  url: (number) => `masked-url-${number}`,
  mail: (number) => `masked-${number}@example.com`,
  name: (number) => `Masked name ${number}`,
  text: (number) => `masked-text-${number}`,
  page: (number) => `page-${number}`,
};
/** Masks of numbers are numbers above it, with 13 digits. */
const NUMBER_MASKS = 9_000_000_000_000;
const ANY_MASK =
  /\b90\d{11}\b|\bmasked-(?:secret|url|text)-\d+\b|\bmasked-\d+@example\.com\b|\bMasked name \d+\b|\bpage-\d+\b/g;
/** A shorter name may be a word of other texts. */
const FULL_NAME = /\S\s+\S/;

/** What follows the host of a URL without a user, if anything does. */
const AFTER_HOST = /^(https?:\/\/[^\s/?#@]+(?:[/?#]|$))(.*)$/s;

const WORD = /[\p{L}\p{N}]+/gu;
/** Where a value is. */
interface FieldOfValue {
  /** The names of the fields down to it; those far above are missing. */
  readonly path: readonly string[];
  /** The object with the field. */
  readonly owner: object;
  /** What the fields above say that it is. */
  readonly above: FieldKind | undefined;
}

/** Names and their masks by the first word of the name. */
type FullNames = ReadonlyMap<string, readonly (readonly [name: string, mask: string])[]>;

/** The masks of one recording. */
export class Masker {
  readonly #masks = new Map<MaskKind, Map<string | number, string>>();
  /** Texts, also of numbers, by their mask. */
  readonly #texts = new Map<string, string>();
  #numbers = 0;

  constructor(private readonly rules: MaskRules) {}

  /** How many different texts of each kind were masked; without kinds of none. */
  get counts(): Readonly<Partial<Record<MaskKind, number>>> {
    return Object.fromEntries(Array.from(this.#masks, ([kind, masks]) => [kind, masks.size]));
  }

  /** A JSON value with its texts masked. */
  mask(value: unknown): unknown {
    return this.#mask(value, { path: [], owner: {}, above: undefined });
  }

  /** The text of one field, such as a parameter of a query. */
  maskField(name: string, text: string): string {
    return this.#maskText(text, { path: [name], owner: { [name]: text }, above: undefined });
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
    return mapJson(value, {
      text: (text) => this.unmask(text),
      number: (number) => Number(this.#texts.get(`${number}`) ?? number),
    });
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
      if (typeof name === "number") continue;
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

  #mask(value: unknown, field: FieldOfValue): unknown {
    if (typeof value === "string") return this.#maskText(value, field);
    if (typeof value === "number") return this.#maskNumber(value, field);
    if (Array.isArray(value)) return value.map((item) => this.#mask(item, field));
    if (typeof value !== "object" || value === null) return value;
    // The profile of a person is the person's, however deep it is.
    const isProfile = field.path.some((name) => /^profile$/i.test(name));
    const owner = isProfile ? field.owner : value;
    const kind = this.#kindOf(field, "object");
    const above = kind === "keep" || kind === "keepButSecrets" ? field.above : kind;
    return Object.fromEntries(
      Object.entries(value).map(([name, inner]) => {
        const path = fieldPath(field.path, name);
        return [this.#maskPatterns(name), this.#mask(inner, { path, owner, above })];
      }),
    );
  }

  /** All that a secret has is secret, however deep, unless a rule keeps the field. */
  #kindOf({ path, owner, above }: FieldOfValue, of: "object" | "text"): FieldKind | undefined {
    const kind = this.rules.kindOf(path, owner, of, above);
    return above === "secret" && kind !== "keep" ? "secret" : kind;
  }

  #maskText(text: string, field: FieldOfValue): string {
    const kind = this.#kindOf(field, "text");
    if (text === "" || kind === "keep") return text;
    if (kind === undefined || kind === "keepButSecrets") return this.#maskPatterns(text, kind);
    // The time at which a secret was made is not a secret. The SDK reads a date there, and a mask would be no date.
    if (this.rules.keeps(kind, text) || (kind === "secret" && isTime(text))) return text;
    return kind === "url" ? this.#maskUrl(text) : this.#maskOf(kind, text);
  }

  /** The host stays, so that the text still is a URL. */
  #maskUrl(text: string): string {
    if (!text.includes("/")) return this.#maskPatterns(text);
    const [, host = "", rest = text] = AFTER_HOST.exec(text) ?? [];
    return rest === "" ? text : `${host}${this.#maskOf("url", rest)}`;
  }

  /** A number says what it is by its field alone. */
  #maskNumber(number: number, field: FieldOfValue): number {
    const kind = this.#kindOf(field, "text");
    if (kind === undefined || kind === "keep" || kind === "keepButSecrets") return number;
    if (this.rules.keeps(kind, `${number}`)) return number;
    return Number(this.#maskOf(kind, number));
  }

  /** @param kept for a text in which mail addresses stay */
  #maskPatterns(text: string, kept?: "keepButSecrets"): string {
    return text.replace(ANYWHERE, (found, ...groups) => {
      const { mail } = groups.at(-1) as { readonly mail?: string };
      const kind = mail === undefined ? "secret" : "mail";
      if (kind === "mail" && kept !== undefined) return found;
      return this.rules.keeps(kind, found) ? found : this.#maskOf(kind, found);
    });
  }

  #maskOf(kind: MaskKind, value: string | number): string {
    // What is masked already, such as a name in a request, has its mask.
    if (this.#texts.has(`${value}`)) return `${value}`;
    const masks = this.#masks.get(kind) ?? new Map<string | number, string>();
    this.#masks.set(kind, masks);
    const known = masks.get(value);
    if (known !== undefined) return known;
    const mask = typeof value === "number"
      ? `${NUMBER_MASKS + ++this.#numbers}`
      : MASKS[kind](masks.size + 1);
    masks.set(value, mask);
    this.#texts.set(mask, `${value}`);
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

/** A JSON value with each text and key changed, and each number. */
export function mapJson(
  value: unknown,
  change: {
    readonly text: (text: string) => string;
    readonly number?: (number: number) => number;
  },
): unknown {
  if (typeof value === "string") return change.text(value);
  if (typeof value === "number") return change.number?.(value) ?? value;
  if (Array.isArray(value)) return value.map((item) => mapJson(item, change));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [change.text(name), mapJson(inner, change)]),
  );
}
