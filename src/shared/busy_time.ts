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
