/** A replacer of `JSON.stringify`, whose `this` is the object or list that holds the value. */
export type Replacer = (this: object, key: string, value: unknown) => unknown;

/**
 * A replacer that fails for what JSON drops or turns into `null` without a word: a filter would vanish, and the end of a
 * grant would be removed.
 * @param roots the objects that hold the fields of a request, each with the path before its fields, such as `body.`
 * @param fail throws; gets the path of the field, such as `body.list[0].end`, and why JSON cannot hold its value
 */
export function lossless(
  roots: Iterable<readonly [holder: unknown, prefix: string]>,
  fail: (field: string, description: string) => never,
): Replacer {
  const prefixes = new Map(roots);
  return function (key, value) {
    const prefix = prefixes.get(this);
    if (prefix === undefined) return value;
    const field = Array.isArray(this) ? `${prefix.slice(0, -1)}[${key}]` : `${prefix}${key}`;
    const loss = lossOf(this, (this as Record<string, unknown>)[key], value);
    if (loss !== undefined) fail(field, loss);
    // An object in several fields is walked at each of them, so the path is of the latest.
    if (typeof value === "object" && value !== null) prefixes.set(value, `${field}.`);
    return value;
  };
}

/** @param value what `toJSON` of the original gave, or the original itself */
function lossOf(holder: object, original: unknown, value: unknown): string | undefined {
  switch (typeof value) {
    case "number":
      return Number.isFinite(value) ? undefined : `is ${value}, not a finite number`;
    case "undefined":
      return Array.isArray(holder) ? "is undefined: a list must not have gaps" : undefined;
    case "bigint":
      return "is a bigint: use a number or text";
    case "function":
    case "symbol":
      return `is a ${typeof value}, which JSON does not have`;
  }
  if (value !== null || original === null) return undefined;
  return original instanceof Date
    ? "is an invalid date"
    : "has a method toJSON that returns null: use null itself if you mean it";
}
