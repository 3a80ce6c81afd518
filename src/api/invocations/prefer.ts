/** The preferences of RFC 7240 that `Invoke` applies. */
export interface Preferences {
  readonly respondAsync: boolean;
  /** How long the caller waits for the end, in seconds; undefined without a bound. */
  readonly wait: number | undefined;
}

/** Parses a `Prefer` header. Unknown and malformed preferences are ignored, as RFC 7240, section 2, requires. */
export function parsePrefer(header: string | undefined): Preferences {
  let respondAsync = false;
  let wait: number | undefined;
  for (const part of (header ?? "").split(",")) {
    const [name = "", value] = (part.split(";")[0] ?? "").split("=").map((text) => text.trim());
    if (name.toLowerCase() === "respond-async") respondAsync = true;
    const seconds = value?.replace(/^"(.*)"$/, "$1") ?? "";
    if (name.toLowerCase() === "wait" && /^\d{1,6}$/.test(seconds)) wait ??= Number(seconds);
  }
  return { respondAsync, wait };
}

/** The value of the `Preference-Applied` header; undefined if none was applied. */
export function preferenceApplied({ respondAsync, wait }: Preferences): string | undefined {
  const applied = [
    ...respondAsync ? ["respond-async"] : [],
    ...wait === undefined ? [] : [`wait=${wait}`],
  ];
  return applied.length === 0 ? undefined : applied.join(", ");
}
