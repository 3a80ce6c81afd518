import { Deadlines } from "./deadlines.ts";

/** Calls back for each item that is not deleted within a fixed time. One timer serves all items. */
export class Timeouts<Item> {
  readonly #afterMs: number;
  readonly #deadlines: Deadlines<Item>;

  /** @param onTimeout must not throw */
  constructor(afterMs: number, onTimeout: (item: Item) => void) {
    this.#afterMs = afterMs;
    this.#deadlines = new Deadlines(onTimeout);
  }

  /** Begins the time of an item, unless it has begun. */
  add(item: Item): void {
    if (!this.#deadlines.has(item)) this.#deadlines.add(item, this.#afterMs);
  }

  delete(item: Item): void {
    this.#deadlines.delete(item);
  }
}
