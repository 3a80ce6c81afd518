/** Many waits with one timer, the time in which something was busy, and exact times. */

/** How far `Date.now`, which is rounded, may be from the same time on the clock of `performance`. */
const ROUNDING_MS = 2;

/**
 * The time of a moment on the clock of `performance`, in milliseconds since 1970: exact to a microsecond, so that spans of
 * several measurements lie within each other. Exact to a millisecond if the wall clock was set since the process started.
 */
export function wallTimeOf(momentMs: number): number {
  const nowMs = performance.now();
  const rounded = Date.now();
  const exact = performance.timeOrigin + nowMs;
  const now = Math.abs(exact - rounded) < ROUNDING_MS ? exact : rounded;
  return now - (nowMs - momentMs);
}

/** Calls back for each item that is not deleted within its own time. One timer serves all items. */
export class Deadlines<Item> {
  /** On the clock of `performance.now`. */
  readonly #deadlines = new Map<Item, number>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** When the timer ends. It outlives the items: for most invocations it then needs no change. */
  #wakesAt = Infinity;

  /** @param onTimeout must not throw */
  constructor(private readonly onTimeout: (item: Item) => void) {}

  /** Begins the time of an item, unless it has begun. */
  add(item: Item, afterMs: number): void {
    if (this.#deadlines.has(item)) return;
    const deadline = performance.now() + afterMs;
    this.#deadlines.set(item, deadline);
    if (deadline < this.#wakesAt) this.#wake(deadline);
  }

  delete(item: Item): void {
    this.#deadlines.delete(item);
  }

  /** The timer does not keep the process alive. */
  #wake(at: number): void {
    clearTimeout(this.#timer);
    this.#wakesAt = at;
    this.#timer = setTimeout(() => this.#expire(), Math.ceil(at - performance.now()));
    Deno.unrefTimer(this.#timer);
  }

  #expire(): void {
    this.#wakesAt = Infinity;
    const now = performance.now();
    let next = Infinity;
    for (const [item, deadline] of this.#deadlines) {
      if (deadline > now) {
        next = Math.min(next, deadline);
      } else {
        this.#deadlines.delete(item);
        this.onTimeout(item);
      }
    }
    if (next < this.#wakesAt) this.#wake(next);
  }
}

/** Numbers the turns of the event loop. In one turn the promises of everything settle that has happened before it. */
export class Turns {
  #number = 1;
  #isCounted = false;

  /** The number of this turn, never 0. Turns that nobody asks about have none. */
  get current(): number {
    if (!this.#isCounted) {
      this.#isCounted = true;
      setImmediate(() => {
        this.#isCounted = false;
        this.#number++;
      });
    }
    return this.#number;
  }
}

/** Adds up the time in which at least one of several things is under way. */
export class BusyTime {
  #open = 0;
  #sinceMs = 0;
  #ms = 0;

  /** Milliseconds so far. */
  get ms(): number {
    return this.#open === 0 ? this.#ms : this.#ms + performance.now() - this.#sinceMs;
  }

  begin(): void {
    if (this.#open++ === 0) this.#sinceMs = performance.now();
  }

  end(): void {
    if (--this.#open === 0) this.#ms += performance.now() - this.#sinceMs;
  }
}
