/**
 * What must differ between the forks of one process: random numbers and clocks.
 *
 * Deno's generator of random bytes is copied with the memory. Drawing as much as it gives before it seeds itself anew
 * makes it differ in each fork. `Math.random` and `randomUUID` have state of their own, so they are replaced by functions
 * that draw from that generator.
 *
 * V8's own generator is the same in all forks of a zygote. Deno draws from it for forms, which `form_bodies.ts` replaces, and
 * in `URLPattern`, to choose what it keeps: no answer depends on that. The matcher of globs marks escapes with numbers
 * that the zygote draws; a pattern with such a mark means no more than one with the escape.
 */
import { anonymous } from "../anonymous.ts";
import {
  apply,
  dataDescriptor,
  defineProperty,
  dictionary,
  getOwnPropertyDescriptor,
  ownKeys,
  plainDescriptor,
} from "../primordials.ts";
import { type AnyFunction, replacePart } from "./watch.ts";

/** The generator seeds itself anew from the system after 64 KiB. One more block of this size makes that sure. */
const RESEED_BLOCK_BYTES = 4096;
const RESEED_BLOCKS = 17;
/** Fills bytes from Deno's generator. Holds its object: the global is an accessor that user code can replace. */
export const drawBytes = anonymous(
  (
    apply: typeof Reflect.apply,
    getRandomValues: (this: Crypto, bytes: Uint8Array) => unknown,
    own: Crypto,
  ) =>
  (bytes: Uint8Array): unknown => apply(getRandomValues, own, [bytes]),
)(apply, crypto.getRandomValues as (this: Crypto, bytes: Uint8Array) => unknown, crypto);

/** Small, because each page that a fork writes to is copied. */
const block = new Uint8Array(RESEED_BLOCK_BYTES);

/** Seeds the generator of this fork from the system. */
export function reseed(): void {
  for (let n = 0; n < RESEED_BLOCKS; n++) drawBytes(block);
  resetRandom();
}

/** `Math.random` and `randomUUID` on the generator of bytes, and a function that drops what was drawn ahead. */
const makeSources = anonymous((draw: (bytes: Uint8Array) => unknown) => {
  const WORDS = 512;
  const words = new Uint32Array(WORDS);
  const bytes = new Uint8Array(words.buffer);
  let next = WORDS;
  const word = () => {
    if (next === WORDS) {
      draw(bytes);
      next = 0;
    }
    const value = words[next] as number;
    words[next++] = 0;
    return value;
  };
  const HEX = "0123456789abcdef";
  const hex = (value: number) => (HEX[value >>> 4] as string) + (HEX[value & 15] as string);
  return {
    reset: () => next = WORDS,
    sources: {
      // 53 bits, as V8 gives.
      random: () => ((word() >>> 5) * 67_108_864 + (word() >>> 6)) / 9_007_199_254_740_992,
      randomUUID: () => {
        let text = "";
        for (let at = 0; at < 16; at++) {
          let byte = word() & 255;
          // Version 4, variant 1; see RFC 9562.
          if (at === 6) byte = (byte & 15) | 64;
          if (at === 8) byte = (byte & 63) | 128;
          if (at === 4 || at === 6 || at === 8 || at === 10) text += "-";
          text += hex(byte);
        }
        return text;
      },
    },
  };
});
const { reset: resetRandom, sources } = makeSources(drawBytes);

/** Replaces the sources of random numbers that a fork would repeat. */
export function replaceRandom(nodeCrypto: object): void {
  const define = (target: object, key: "random" | "randomUUID") =>
    defineProperty(target, key, dataDescriptor(sources[key], true));
  define(Math, "random");
  define(Crypto.prototype, "randomUUID");
  define(nodeCrypto, "randomUUID");
}

const clockOf = anonymous((
  now: (this: Performance) => number,
  timeOrigin: (this: Performance) => number,
  apply: typeof Reflect.apply,
) => {
  let startMs = 0;
  let isPlain = false;
  /** Time of the process that forked this one, from its own start until it stopped its clock. */
  let beforeMs = 0;
  return {
    begin: (performance: Performance) =>
      startMs = (apply(now, performance, []) as number) - beforeMs,
    stop: (performance: Performance) =>
      beforeMs = (apply(now, performance, []) as number) - startMs,
    now(this: Performance) {
      return (apply(now, this, []) as number) - (isPlain ? 0 : startMs);
    },
    /** A function that Node derives from `now`, on the clock that continues in forks. */
    goingOn: (original: (...args: unknown[]) => unknown) =>
      ({
        wrapper(...args: unknown[]) {
          isPlain = true;
          try {
            return apply(original, this, args);
          } finally {
            isPlain = false;
          }
        },
      }).wrapper,
    timeOrigin(this: Performance) {
      return (apply(timeOrigin, this, []) as number) + startMs;
    },
  };
});

function withPropertiesOf(original: AnyFunction, wrapper: AnyFunction): AnyFunction {
  for (const key of ownKeys(original)) {
    defineProperty(wrapper, key, getOwnPropertyDescriptor(original, key) as PropertyDescriptor);
  }
  return wrapper;
}

/** The clock of {@link replaceClock}. */
export type Clock = ReturnType<typeof replaceClock>;

/**
 * Replaces the clock that counts from the start of a process, so that it can begin in a fork. `process.hrtime`, which
 * counts from any moment, goes on: a time of it that the script has kept with the `Date` of then must not age.
 */
export function replaceClock(process: object) {
  const { prototype } = Performance;
  // User code may replace the global before a template forks.
  const { performance: own } = globalThis;
  const timeOrigin = getOwnPropertyDescriptor(prototype, "timeOrigin")?.get as () => number;
  const clock = clockOf(prototype.now, timeOrigin, apply);
  defineProperty(prototype, "now", dataDescriptor(clock.now, true));
  defineProperty(
    prototype,
    "timeOrigin",
    dictionary<unknown>({ get: clock.timeOrigin, configurable: true, enumerable: true }),
  );
  replacePart(process, "hrtime", (hrtime) => {
    const goingOn = (original: AnyFunction) => withPropertiesOf(original, clock.goingOn(original));
    const { bigint } = hrtime as unknown as { readonly bigint: AnyFunction };
    const wrapper = goingOn(hrtime);
    defineProperty(wrapper, "bigint", plainDescriptor(goingOn(bigint)));
    return wrapper;
  });
  return {
    /** Begins it in a fork, at 0 or where the process that forked it has stopped it. */
    begin: () => void clock.begin(own),
    /**
     * Fixes where the clocks of forks begin: at the end of an evaluation, so that no duration since a time that the script
     * has kept is negative.
     */
    stop: () => void clock.stop(own),
  };
}
