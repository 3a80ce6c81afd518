/** Slugs of endpoints: the last part of their address. */

export const SLUG_CHARS_MAX = 63;

/** Lower-case letters, digits and hyphens, with a letter or digit at both ends. */
export const SLUG = new RegExp(`^[a-z0-9](?:[a-z0-9-]{0,${SLUG_CHARS_MAX - 2}}[a-z0-9])?$`);

/** The slug that a name suggests: its letters without accents, and digits; empty if it has none of them. */
export function slugOf(name: string): string {
  return name.normalize("NFKD").replace(/\p{Mark}/gu, "").toLowerCase()
    .replace(/[^a-z0-9]+/g, "-").replace(/^-/, "").slice(0, SLUG_CHARS_MAX).replace(/-$/, "");
}
