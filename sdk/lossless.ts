/** A replacer of `JSON.stringify`, whose `this` is the object or list that holds the value. */
export type Replacer = (this: object, key: string, value: unknown) => unknown;

/** The field that is a request as a whole, in errors. */
const WHOLE = "request";

/**
 * A replacer that fails for what JSON drops or turns into `null` without a word: a filter would vanish, and the end of a
 * grant would be removed.
 * @param message has the parts of a request, each a value or an object of fields
 * @param paths of the parts by their names in the message, such as `list` for what errors call `list.end`; empty for a part
 * that has the fields of the request itself. Other members of the message are not checked.
 * @param fail throws; gets the path of the field, such as `body.list[0].end`, and why JSON cannot hold its value
 */
export function lossless(
  message: object,
  paths: Readonly<Record<string, string>>,
  fail: (field: string, description: string) => never,
): Replacer {
  const known = new Map<object, string>();
  const pathOf = (holder: object, key: string): string | undefined => {
    if (holder === message) return paths[key];
    const above = known.get(holder);
    if (above === undefined) return undefined;
    if (Array.isArray(holder)) return `${above}[${key}]`;
    return above === "" ? key : `${above}.${key}`;
  };
  return function (key, value) {
    const path = pathOf(this, key);
    if (path === undefined) return value;
    const loss = lossOf(this, (this as Record<string, unknown>)[key], value);
    if (loss !== undefined) fail(path === "" ? WHOLE : path, loss);
    // An object in several fields is walked at each of them, so the path is of the latest.
    if (typeof value === "object" && value !== null) known.set(value, path);
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
