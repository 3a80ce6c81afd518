/** The results in the order of the items, of which `limit` are under way at a time. */
export async function mapSome<T, R>(
  items: readonly T[],
  limit: number,
  map: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const waiting = [...items.entries()];
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      results[next[0]] = await map(next[1]);
    }
  };
  await Promise.all(Array.from({ length: limit }, work));
  return results;
}
