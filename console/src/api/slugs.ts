/** Characters of a slug, as the API limits them. */
export const SLUG_CHARS_MAX = 63;

/** The slug that a name suggests: its letters without accents, and digits; empty if it has none of them. */
export function slugOf(name: string): string {
  return name.normalize("NFKD").replace(/\p{Mark}/gu, "").toLowerCase()
    .replace(/[^a-z0-9]+/g, "-").replace(/^-/, "").slice(0, SLUG_CHARS_MAX).replace(/-$/, "");
}
