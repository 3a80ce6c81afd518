const SLUG_CHARS_MAX = 63;

/** The name of a function as the slug of its endpoint; empty for a name without letters and digits. */
export function slugOf(name: string): string {
  const slug = name.toLowerCase().replace(/[^a-z0-9]+/g, "-").slice(0, SLUG_CHARS_MAX);
  return slug.replace(/^-|-$/g, "");
}
