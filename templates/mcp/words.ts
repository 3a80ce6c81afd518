/** The words of a text in any language, with how often each occurs; the most frequent first. */
export function countWords(text: string): { word: string; count: number }[] {
  const counts = new Map<string, number>();
  const segments = new Intl.Segmenter(undefined, { granularity: "word" }).segment(text);
  for (const { segment, isWordLike } of segments) {
    const word = segment.toLowerCase();
    if (isWordLike) counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return [...counts].map(([word, count]) => ({ word, count })).toSorted((a, b) =>
    b.count - a.count
  );
}
