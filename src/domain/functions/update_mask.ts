import { invalid } from "../errors.ts";

/** An update mask on the wire: `"a,bC"`, or `{"paths": ["a", "b_c"]}`. */
export type UpdateMask = string | { readonly paths: readonly string[] };

/**
 * The fields of an update mask, in camelCase. `*` means all fields; an absent or empty mask means the fields
 * that the request has.
 *
 * @param updatable every field that may be named
 * @param given the fields that the request carries
 * @throws INVALID_FIELD for a path that is unknown or read-only
 */
export function maskedFields<Field extends string>(
  mask: UpdateMask | undefined,
  updatable: readonly Field[],
  given: readonly string[],
): Set<Field> {
  const paths = (typeof mask === "string" ? mask.split(",") : [...mask?.paths ?? []])
    .map((path) => path.trim()).filter((path) => path !== "");
  if (paths.length === 0) return new Set(updatable.filter((field) => given.includes(field)));
  if (paths.includes("*")) return new Set(updatable);
  return new Set(paths.map((path) => {
    const name = path.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
    const field = updatable.find((candidate) => candidate === name);
    if (field !== undefined) return field;
    throw invalid({
      field: "updateMask",
      description: `${JSON.stringify(path)} cannot be updated; possible are ${
        updatable.join(", ")
      }`,
    });
  }));
}
