/** Changes of the search of an address, in which pages keep their filters. */

/** New values of some members; undefined, empty text and an empty list remove a member. */
export type SearchChange<Search> = { readonly [P in keyof Search]?: Search[P] | undefined };

/**
 * Changes the address. The update gets the search that the address has by then: a page that shows it may be older, and a
 * choice that is made meanwhile would be lost.
 */
export type ChangeSearch<Search> = (update: (search: Search) => Search) => void;

/** The search with the change. */
export function changed<Search extends object>(
  search: Search,
  change: SearchChange<Search>,
): Search {
  const members = Object.entries({ ...search, ...change }).filter(([, value]) =>
    value !== undefined && value !== "" && !(Array.isArray(value) && value.length === 0)
  );
  return Object.fromEntries(members) as Search;
}
