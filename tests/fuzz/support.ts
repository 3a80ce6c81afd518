/** Properties with the seed of the run. A failure reports the seed and the shrunk input: add the input to `kept`. */
import fc from "fast-check";
import { IS_LONG, SEED } from "../support/seed.ts";

/** How much more `scripts/test --long` tries. */
const LONG_FACTOR = 100;

export interface Tries {
  /** Inputs in the ordinary suite. */
  readonly runs: number;
}

/** Checks a property for the inputs that once failed, and for random ones. */
export async function check<T>(
  inputs: fc.Arbitrary<T>,
  kept: readonly T[],
  { runs }: Tries,
  holds: (input: T) => void | Promise<void>,
): Promise<void> {
  await fc.assert(
    fc.asyncProperty(inputs, async (input) => {
      await holds(input);
    }),
    {
      seed: SEED,
      numRuns: runs * (IS_LONG ? LONG_FACTOR : 1),
      examples: kept.map((input): [T] => [input]),
    },
  );
}

/** Bytes. */
export function bytes(maxLength: number): fc.Arbitrary<Uint8Array<ArrayBuffer>> {
  return fc.uint8Array({ maxLength }).map((array) => new Uint8Array(array));
}

/** A text or bytes with a few of them replaced, removed or repeated. */
export function mutated(
  original: fc.Arbitrary<Uint8Array<ArrayBuffer>>,
): fc.Arbitrary<Uint8Array<ArrayBuffer>> {
  const edit = fc.record({ at: fc.nat(), drop: fc.nat(8), insert: bytes(8) });
  return fc.tuple(original, fc.array(edit, { maxLength: 4 })).map(([start, edits]) =>
    edits.reduce((current, { at, drop, insert }) => {
      const from = at % (current.length + 1);
      return new Uint8Array([
        ...current.subarray(0, from),
        ...insert,
        ...current.subarray(from + drop),
      ]);
    }, start)
  );
}

/** The UTF-8 of a text. */
export function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}
