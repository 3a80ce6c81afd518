/** Calls back for each item that is not deleted within a fixed time. One timer serves all items. */
export class Timeouts<Item> {
  readonly #afterMs: number;
  readonly #onTimeout: (item: Item) => void;
  /** Deadlines on the clock of `performance.now`, in the order of their addition and so of the deadlines. */
  readonly #deadlines = new Map<Item, number>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param onTimeout must not throw */
  constructor(afterMs: number, onTimeout: (item: Item) => void) {
    this.#afterMs = afterMs;
    this.#onTimeout = onTimeout;
  }

  /** Begins the time of an item, unless it has begun. */
  add(item: Item): void {
    if (this.#deadlines.has(item)) return;
    this.#deadlines.set(item, performance.now() + this.#afterMs);
    this.#timer ??= this.#wake(this.#afterMs);
  }

  delete(item: Item): void {
    this.#deadlines.delete(item);
  }

  /** The timer does not keep the process alive. */
  #wake(afterMs: number): ReturnType<typeof setTimeout> {
    const timer = setTimeout(() => this.#expire(), Math.ceil(afterMs));
    Deno.unrefTimer(timer);
    return timer;
  }

  #expire(): void {
    this.#timer = undefined;
    const now = performance.now();
    for (const [item, deadline] of this.#deadlines) {
      if (deadline > now) {
        this.#timer ??= this.#wake(deadline - now);
        return;
      }
      this.#deadlines.delete(item);
      this.#onTimeout(item);
    }
  }
}
