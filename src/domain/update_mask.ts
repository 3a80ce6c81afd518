import { nearest, quoted } from "../config/mod.ts";
import { camelCase } from "../shared/field_names.ts";
import { invalid } from "./errors.ts";

/** An update mask on the wire: `"a,bC"`, or `{"paths": ["a", "b_c"]}`. */
export type UpdateMask = string | { readonly paths: readonly string[] };

/**
 * The fields of an update mask, in camelCase. `*` means all fields; an absent or empty mask means the fields
 * that the request has.
 *
 * @param updatable every field that may be named
 * @param given the values that the request carries; undefined is absent
 * @throws INVALID_FIELD for a path that is unknown or read-only
 */
export function maskedFields<Field extends string>(
  mask: UpdateMask | undefined,
  updatable: readonly Field[],
  given: { readonly [Name in Field]?: unknown },
): Set<Field> {
  const paths = pathsOf(mask);
  if (paths.length === 0) return new Set(updatable.filter((field) => given[field] !== undefined));
  if (paths.includes("*")) return new Set(updatable);
  return new Set(paths.map((path) => {
    const name = camelCase(path);
    const field = updatable.find((candidate) => candidate === name);
    if (field !== undefined) return field;
    const whole = updatable.find((candidate) => name.startsWith(`${candidate}.`));
    const likely = whole ?? nearest(name, updatable);
    const hint = likely === undefined ? "" : `; did you mean ${likely}?`;
    throw invalid({
      field: "updateMask",
      description: `${quoted(path)} cannot be updated; possible are ${updatable.join(", ")}${hint}`,
    });
  }));
}

/**
 * The fields of an update mask, of a resource whose name must not become empty.
 * @param resource its name in the request, for the error
 * @throws INVALID_FIELD, as {@link maskedFields} too
 */
export function namedFields<Field extends string>(
  mask: UpdateMask | undefined,
  updatable: readonly (Field | "displayName")[],
  given: { readonly [Name in Field]?: unknown } & { readonly displayName?: string | undefined },
  resource: string,
): Set<Field | "displayName"> {
  const fields = maskedFields(mask, updatable, given);
  if (!fields.has("displayName") || given.displayName) return fields;
  throw invalid({ field: `${resource}.displayName`, description: "must not be empty" });
}

/**
 * Takes the members of a map out of an update mask, such as `secret.API_KEY`: their names, and the mask with the map
 * instead. Without names the mask concerns the whole map, if it names the map at all.
 */
export function maskedMembers(
  mask: UpdateMask | undefined,
  map: string,
): {
  readonly mask: UpdateMask | undefined;
  readonly names: ReadonlySet<string> | undefined;
} {
  const begin = `${map}.`;
  const isMember = (path: string) => path.startsWith(begin) && path !== begin;
  const members = pathsOf(mask).filter(isMember);
  if (members.length === 0) return { mask, names: undefined };
  const others = pathsOf(mask).filter((path) => !isMember(path));
  const isWhole = others.includes(map) || others.includes("*");
  return {
    mask: { paths: [...others, map] },
    names: isWhole ? undefined : new Set(members.map((path) => path.slice(begin.length))),
  };
}

function pathsOf(mask: UpdateMask | undefined): string[] {
  return (typeof mask === "string" ? mask.split(",") : [...mask?.paths ?? []])
    .map((path) => path.trim()).filter((path) => path !== "");
}
