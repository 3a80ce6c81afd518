import { AsyncSlots, asyncSlotsOf } from "../../engine/admission/usage.ts";

/** The slots of one process. */
export class Slots {
  readonly #async: AsyncSlots;
  #taken = 0;
  #isClosed = false;
  #isSuspended = false;
  #changed = Promise.withResolvers<void>();

  /** @param asyncSlots slots that asynchronous invocations may take; half of the capacity if undefined */
  constructor(
    readonly capacity: number,
    asyncSlots: number | undefined,
    private readonly onChange: () => void = () => {},
  ) {
    const max = () => asyncSlots ?? asyncSlotsOf(capacity);
    this.#async = new AsyncSlots(max, () => this.#wake());
  }

  get free(): number {
    return this.#isClosed || this.#isSuspended ? 0 : Math.max(0, this.capacity - this.#taken);
  }

  /** Whether no slot is given for now. */
  get isSuspended(): boolean {
    return this.#isSuspended;
  }

  /** Slots for asynchronous invocations that may start now. */
  get freeForAsync(): number {
    return Math.min(this.free, this.#async.free);
  }

  get taken(): number {
    return this.#taken;
  }

  /** Resolves when a slot was taken or released, or another asynchronous invocation may start. */
  get changed(): Promise<void> {
    return this.#changed.promise;
  }

  /** Takes a slot for a synchronous invocation; undefined if none is free. Disposing the slot releases it. */
  take(): Disposable | undefined {
    this.#async.lastSyncMs = performance.now();
    return this.free > 0 ? this.#take() : undefined;
  }

  /**
   * The same for a pulled asynchronous invocation, which starts even if other invocations are to start first by now.
   */
  takeForAsync(): Disposable | undefined {
    return this.free > 0 && !this.#async.isFull ? this.#take(this.#async.take()) : undefined;
  }

  /** Takes a slot beyond the capacity, in the slot of an invocation that waits. */
  borrow(): Disposable | undefined {
    return this.#isClosed || this.#isSuspended ? undefined : this.#take();
  }

  /** Gives no slot while no instance can be started. */
  suspend(isSuspended: boolean): void {
    this.#isSuspended = isSuspended;
    this.#notify();
  }

  /** Nothing more is taken. */
  close(): void {
    this.#isClosed = true;
    this.#notify();
  }

  /** @param asyncSlot is released with it */
  #take(asyncSlot?: Disposable): Disposable {
    this.#taken++;
    this.#notify();
    const taken = new DisposableStack();
    taken.defer(() => {
      this.#taken--;
      asyncSlot?.[Symbol.dispose]();
      this.#notify();
    });
    return taken;
  }

  #notify(): void {
    this.#wake();
    this.onChange();
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}
