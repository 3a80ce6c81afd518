/** The bound of a cache by its number of entries. */

/**
 * Options of an `LRUCache` that holds up to `count` entries. Its option `max` would make every list of the cache that
 * long at once, which takes a start 10 ms for 10,000 entries, and memory that most servers never use.
 */
export function entriesUpTo(count: number): { maxSize: number; sizeCalculation: () => number } {
  return { maxSize: count, sizeCalculation: () => 1 };
}
