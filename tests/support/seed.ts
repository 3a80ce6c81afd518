/** Seeded random values: a failure repeats with the seed that `scripts/test` reports. */

/** Fixed unless `scripts/test --seed` names another one. */
export const SEED = Number(Deno.env.get("TEST_SEED") ?? 1);

/** Whether long-running tests run at full size (`scripts/test --long`). */
export const IS_LONG = Deno.env.get("TEST_LONG") === "true";

/** A generator of pseudo-random integers below a bound, the same for the same seed (mulberry32). */
export function random(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296) * below);
  };
}
