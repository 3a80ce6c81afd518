/** Words that the glossary of ARCHITECTURE.md replaced, and phrases that make prose hard to read. */
const BANNED = [
  /\b(?:told|tells?)\b/i,
  /\b(?:stands?|standing|stood)\b/i,
  /\bwhere there (?:is|are) no(?:ne)?\b/i,
  /\b(?:is|are) none\b/i,
  /\bnothing of it\b/i,
  /\bnobody's\b/i,
  /\brefus(?:al|als|e|es|ed)\b/i,
  /\b(?:gate|deaf|unfit|neutral|shelf)\b/i,
  /\b(?:seats?|lanes?|feed|trial|workbench|rooms?)\b/i,
  /\bcontents\//,
  /\bshared functions?\b|\bisolation `?(?:shared|fresh)\b/i,
] as const;

/** Plain English on a page; in the code they were names of what has another name now. */
const REPLACED_IN_CODE = [
  /\b(?:remed(?:y|ies)|examine|surroundings|quietly)\b/i,
  /(?<!in )\bplaces?\b/i,
  /\b(?:its|their|the|a) turn\b/i,
] as const;

/** Banned words as others have them: enums of the API, log lines of egress, operating systems, names of packages. */
const QUOTED = new RegExp(
  [
    String.raw`[A-Z_]*REFUSED\b`,
    String.raw`\brefused: `,
    String.raw`["'\x60][Rr]efused["'\x60]`,
    String.raw`onnection (?:was )?refused`,
    String.raw`(?:further ones are |/|\.\* ?)refused\b`,
    String.raw`\bparser\.feed\(`,
    String.raw`"neutral"`,
  ].join("|"),
  "g",
);

/** The banned words in the source of a program, its texts and the words of its names included. */
export function bannedWordsInSource(source: string): string[] {
  const words = source.replace(QUOTED, "").replace(/([a-z0-9])([A-Z])/g, "$1 $2").replaceAll(
    "_",
    " ",
  );
  return [...wordsIn(words, BANNED), ...wordsIn(words, REPLACED_IN_CODE)];
}

/** The banned words in a page, in the order of the list. */
export function bannedWordsIn(text: string): string[] {
  return wordsIn(text, BANNED);
}

function wordsIn(text: string, phrases: readonly RegExp[]): string[] {
  return phrases.flatMap((phrase) => [...text.matchAll(new RegExp(phrase, `${phrase.flags}g`))])
    .map(([found]) => found);
}
