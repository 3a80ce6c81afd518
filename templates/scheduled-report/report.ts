/** How often each error begins with its word, such as `TIMEOUT`. */
export function countWords(errors: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const error of errors) {
    const word = /^[A-Z_]+/.exec(error)?.[0] ?? "OTHER";
    counts[word] = (counts[word] ?? 0) + 1;
  }
  return counts;
}
