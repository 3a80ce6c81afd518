/** Texts in the search of a URL, which anybody may have written. */

/** A text; the router reads one of digits as a number. */
export function textOf(value: unknown): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}

/** A text by its name; nothing for an empty one. */
export function textIn<K extends string>(name: K, value: unknown): { [P in K]?: string } {
  const text = textOf(value);
  return text === "" ? {} : { [name]: text } as { [P in K]: string };
}
