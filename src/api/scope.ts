import type { FunctionScope } from "../domain/identity/mod.ts";
import { ALL_FUNCTIONS } from "../domain/references.ts";

/**
 * The functions that a request names, or all, as far as the caller may see them; undefined for all functions.
 * @param ids none names all functions
 */
export function idsWithin(
  ids: readonly string[] | undefined,
  scope: FunctionScope,
): readonly string[] | undefined {
  const named = ids?.length ? ids : undefined;
  if (scope === "all") return named;
  const seen = named === undefined ? [...scope].sort() : named.filter((id) => scope.has(id));
  // No function has this id: an empty list would name all functions.
  return seen.length === 0 ? [ALL_FUNCTIONS] : seen;
}
