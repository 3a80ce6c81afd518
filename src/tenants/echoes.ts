/** Removes what authenticates the server from the answers of a tenant, which may echo the headers of a request. */
import { MASK, Redactions } from "../sandbox/instance/redaction.ts";
import { otherWork } from "../shared/pause.ts";
import { SEARCH_STEP_UNITS, TextSearch } from "../shared/text_search.ts";

/** Most copies of a secret, in one form, that are removed from a JSON text. */
export const ECHOES_MAX = 1_000;

/** The secrets that no answer may show, prepared once for any number of answers. */
export class Echoes {
  /** The secrets as they are, escaped, in base64 and encoded for URLs; longest first, as one may contain another. */
  readonly #forms: readonly TextSearch[];

  constructor(secrets: readonly string[]) {
    this.#forms = new Redactions([], secrets).needles.values().toArray().flat()
      .map(({ text }) => new TextSearch(text))
      .sort((a, b) => b.needle.length - a.needle.length);
  }

  /** A header or a message without the secrets, in any of their forms. */
  removedFrom(text: string): string {
    return this.#forms.reduce(
      (clean, form) => masked(clean, form, form.offsetsIn(clean).toArray().flat()),
      text,
    );
  }

  /**
   * A JSON text without the secrets. The server does other work between the steps of the search.
   * @param text without escapes that JSON does not need, which may hide a secret
   * @returns undefined for more than {@link ECHOES_MAX} copies
   */
  async removedFromJson(text: string): Promise<string | undefined> {
    let clean = text;
    let units = 0;
    for (const form of this.#forms) {
      const offsets: number[] = [];
      for (const found of form.offsetsIn(clean)) {
        for (const offset of found) offsets.push(offset);
        if (offsets.length > ECHOES_MAX) return undefined;
        units += Math.min(clean.length, SEARCH_STEP_UNITS);
        if (units < SEARCH_STEP_UNITS) continue;
        units = 0;
        await otherWork();
      }
      clean = masked(clean, form, offsets);
    }
    return clean;
  }
}

/** The text with a mask in place of the needle at each offset. */
function masked(text: string, { needle }: TextSearch, offsets: readonly number[]): string {
  if (offsets.length === 0) return text;
  const kept = [0, ...offsets.map((offset) => offset + needle.length)]
    .map((start, at) => text.slice(start, offsets[at]));
  return kept.join(MASK);
}
