/** The preferences of RFC 7240 that an invocation knows. */
export interface Preferences {
  readonly respondAsync: boolean;
  /** Seconds. */
  readonly wait: number | undefined;
}

/** Reads a `Prefer` header; what it does not know, or cannot read, is ignored, as the RFC wants. */
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

/** The `Preference-Applied` header, undefined where nothing was applied. */
export function preferenceApplied({ respondAsync, wait }: Preferences): string | undefined {
  const applied = [
    ...respondAsync ? ["respond-async"] : [],
    ...wait === undefined ? [] : [`wait=${wait}`],
  ];
  return applied.length === 0 ? undefined : applied.join(", ");
}
