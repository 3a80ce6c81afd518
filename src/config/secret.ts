/**
 * A string that only {@link Secret.reveal} returns. Console, JSON and template output print
 * {@link Secret.MASK} instead.
 */
export class Secret {
  static readonly MASK = "********";
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The value itself. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return Secret.MASK;
  }

  toJSON(): string {
    return Secret.MASK;
  }

  [Symbol.toPrimitive](): string {
    return Secret.MASK;
  }

  [Symbol.for("Deno.customInspect")](): string {
    return Secret.MASK;
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return Secret.MASK;
  }
}
