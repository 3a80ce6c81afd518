/** Texts and queries in the form that the trigram index takes them. */

/** Shortest text, in characters, that the index can find. */
export const TRIGRAM_CHARS = 3;
/** Most trigrams of one text that a search looks at. */
const QUERY_TRIGRAMS_MAX = 12;
/** Shortest text, in UTF-16 units, whose repetitions are left out before SQLite splits it. */
const COMPACT_MIN_UNITS = 4096;
/** Trigrams of ASCII characters. */
const ASCII_TRIGRAMS = 1 << 21;
/** Between two texts. */
export const SEPARATOR = "\n";

/** Trigrams that every row with the text has; none if the text is too short. */
export function trigramsOf(text: string): string[] {
  const chars = [...text];
  const last = chars.length - TRIGRAM_CHARS;
  const step = Math.max(1, last / (QUERY_TRIGRAMS_MAX - 1));
  const trigrams = new Set<string>();
  for (let at = 0; at <= last; at += step) {
    const from = Math.round(at);
    trigrams.add(chars.slice(from, from + TRIGRAM_CHARS).join(""));
  }
  return [...trigrams];
}

/** The query of FTS5 for the documents that have all of these trigrams. */
export function matchOf(trigrams: readonly string[]): string {
  return trigrams.map((trigram) => `"${trigram.replaceAll('"', '""')}"`).join(" AND ");
}

/**
 * A text with all trigrams of these texts. A long text becomes much shorter: parts without a new trigram are left out.
 */
export function indexedText(texts: readonly (string | null)[]): string {
  return texts.filter((text) => text !== null).map(compact).join(SEPARATOR);
}

function compact(text: string): string {
  if (text.length < COMPACT_MIN_UNITS) return text;
  const seen = new Uint8Array(ASCII_TRIGRAMS / 8);
  const parts: string[] = [];
  let partAt = -1;
  for (let at = 0; at <= text.length - TRIGRAM_CHARS; at++) {
    if (isNew(text, at, seen)) {
      if (partAt < 0) partAt = at;
    } else if (partAt >= 0) {
      parts.push(text.slice(partAt, at + TRIGRAM_CHARS - 1));
      partAt = -1;
    }
  }
  if (partAt >= 0) parts.push(text.slice(partAt));
  return parts.join(SEPARATOR);
}

/** Whether no trigram before equals this one, which is then seen; true for each one with other characters than ASCII. */
function isNew(text: string, at: number, seen: Uint8Array): boolean {
  const [a, b, c] = [text.charCodeAt(at), text.charCodeAt(at + 1), text.charCodeAt(at + 2)];
  if ((a | b | c) > 0x7f) return true;
  const trigram = a << 14 | b << 7 | c;
  const bit = 1 << (trigram & 7);
  const byte = seen[trigram >> 3] ?? 0;
  if ((byte & bit) !== 0) return false;
  seen[trigram >> 3] = byte | bit;
  return true;
}
