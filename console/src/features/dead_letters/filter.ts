/** Which dead letters are listed; absent members filter nothing. */
export interface LetterFilter {
  /** The id of a function. */
  readonly function?: string;
  readonly word?: string;
  readonly q?: string;
}

export interface LetterSearch extends LetterFilter {
  /** The id of the open one. */
  readonly letter?: string;
}
