/**
 * A string that is shown only to who asks for it by name: console, JSON and template output all
 * print {@link Secret.MASK} in its place.
 */
export class Secret {
  static readonly MASK = "********";
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The hidden value itself. */
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
