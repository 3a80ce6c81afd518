/** Most units of a text that one step of a search reads. */
export const SEARCH_STEP_UNITS = 1024 * 1024;
/** Units of a needle that the engine searches, which takes as many comparisons for each unit of a text. */
const HEAD_UNITS = 32;

/**
 * Finds a text in others, in time linear in both (Knuth, Morris and Pratt). The search of the engine takes as many
 * comparisons as their lengths multiplied, if somebody chose both to make it slow.
 */
export class TextSearch {
  readonly #head: string;
  /** For each beginning of the needle: the length of the longest shorter beginning that it ends with. */
  readonly #borders: Uint32Array;

  /** @param needle not empty */
  constructor(readonly needle: string) {
    this.#head = needle.slice(0, HEAD_UNITS);
    this.#borders = new Uint32Array(needle.length);
    for (let at = 1; at < needle.length; at++) {
      this.#borders[at] = this.#matched(this.#border(at), needle.charCodeAt(at));
    }
  }

  /** Where the needle occurs, without overlaps: the offsets in each step of {@link SEARCH_STEP_UNITS}. */
  *offsetsIn(text: string): Generator<readonly number[]> {
    const { length } = this.needle;
    let matched = 0;
    for (let start = 0; start < text.length; start += SEARCH_STEP_UNITS) {
      const offsets: number[] = [];
      const end = Math.min(start + SEARCH_STEP_UNITS, text.length);
      const part = text.slice(start, end + this.#head.length - 1);
      for (let at = start; at < end; at++) {
        if (matched === 0) {
          const found = part.indexOf(this.#head, at - start);
          if (found < 0) break;
          at = start + found;
        }
        matched = this.#matched(matched, text.charCodeAt(at));
        if (matched < length) continue;
        offsets.push(at + 1 - length);
        matched = 0;
      }
      yield offsets;
    }
  }

  /** How many units of the needle match with a further unit of the text. */
  #matched(before: number, unit: number): number {
    let matched = before;
    while (matched > 0 && this.needle.charCodeAt(matched) !== unit) matched = this.#border(matched);
    return this.needle.charCodeAt(matched) === unit ? matched + 1 : 0;
  }

  /** The next shorter match that so many matched units end with. */
  #border(matched: number): number {
    return this.#borders[matched - 1] ?? 0;
  }
}
