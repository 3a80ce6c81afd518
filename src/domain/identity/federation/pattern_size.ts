/**
 * At least the instructions that a regular expression compiles to, before it is compiled: a counted repetition copies what
 * it repeats, so `(a{30}){30}` has 900.
 *
 * RE2 bounds the counts of one nesting, not the size of the pattern. A count behind a single character adds copies of one
 * instruction; a count behind anything else multiplies everything, which overestimates patterns that repeat several groups.
 */
export function patternSize(pattern: string): number {
  let added = 0;
  let factor = 1;
  for (const { index, groups } of pattern.matchAll(REPETITION)) {
    const { least = "0", most = "" } = groups ?? {};
    const count = Math.max(Number(least), Number(most), 1);
    const isOfCharacter = index > 0 && !NOT_A_CHARACTER.has(pattern[index - 1] ?? "");
    if (isOfCharacter) added += count;
    else factor *= count;
  }
  return (INSTRUCTIONS_PER_CHARACTER * pattern.length + added) * factor;
}

const REPETITION = /\{(?<least>\d+)(?:,(?<most>\d*))?\}/g;
/** Ends of groups and of other repetitions. */
const NOT_A_CHARACTER = new Set([")", "}", "?", "*", "+"]);
/** Groups and alternatives have an instruction at each end. */
const INSTRUCTIONS_PER_CHARACTER = 2;
