/** The slots of one process. */
export class Slots {
  #taken = 0;
  #isClosed = false;
  #changed = Promise.withResolvers<void>();

  constructor(readonly capacity: number, private readonly onChange: () => void = () => {}) {}

  get free(): number {
    return this.#isClosed ? 0 : Math.max(0, this.capacity - this.#taken);
  }

  get taken(): number {
    return this.#taken;
  }

  /** Resolves when a slot was taken or released. */
  get changed(): Promise<void> {
    return this.#changed.promise;
  }

  /** Takes a slot; undefined if none is free. Disposing it releases it. */
  take(): Disposable | undefined {
    return this.free > 0 ? this.#take() : undefined;
  }

  /** Takes a slot beyond the capacity, in that of a call that waits. */
  borrow(): Disposable | undefined {
    return this.#isClosed ? undefined : this.#take();
  }

  /** Nothing more is taken. */
  close(): void {
    this.#isClosed = true;
    this.#notify();
  }

  #take(): Disposable {
    this.#taken++;
    this.#notify();
    let isTaken = true;
    return {
      [Symbol.dispose]: () => {
        if (!isTaken) return;
        isTaken = false;
        this.#taken--;
        this.#notify();
      },
    };
  }

  #notify(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
    this.onChange();
  }
}
