/** A timer that can be started anew. */
export class Timer {
  #timer: ReturnType<typeof setTimeout> | undefined;

  start(ms: number, done: () => void): void {
    this.stop();
    this.#timer = setTimeout(done, ms);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
