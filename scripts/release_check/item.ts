/** One item of the release checklist. */

/** What was found of an item. */
export type Found =
  /** @property note what a reader may want to know, such as a size */
  | { readonly isDone: true; readonly note?: string }
  /** @property reason what is missing; @property next what to do */
  | { readonly isDone: false; readonly reason: string; readonly next: string };

/** What is checked. */
export interface Item {
  /** What holds when the item is done. */
  readonly title: string;
  check(): Promise<Found>;
}

/** An item that is done. */
export function done(note?: string): Found {
  return note === undefined ? { isDone: true } : { isDone: true, note };
}

/** An item that is not done. */
export function missing(reason: string, next: string): Found {
  return { isDone: false, reason, next };
}
