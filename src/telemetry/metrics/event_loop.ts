/** How late a timer of this interval runs. */
const INTERVAL_MS = 100;

/** Measures the delay of the event loop until its disposal. */
export class EventLoopProbe implements Disposable {
  readonly #timer: ReturnType<typeof setInterval>;

  /** @param note gets each delay, in milliseconds */
  constructor(note: (delayMs: number) => void) {
    let dueMs = performance.now() + INTERVAL_MS;
    this.#timer = setInterval(() => {
      const now = performance.now();
      note(Math.max(0, now - dueMs));
      dueMs = now + INTERVAL_MS;
    }, INTERVAL_MS);
    Deno.unrefTimer(this.#timer);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
