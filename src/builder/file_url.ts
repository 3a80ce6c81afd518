/** `file:` URLs and their paths. */

/** The absolute path of a `file:` URL; undefined for other URLs, and for a URL that cannot name a file. */
export function fromFileUrl(url: string): string | undefined {
  if (!URL.canParse(url)) return undefined;
  const { protocol, host, pathname } = new URL(url);
  if (protocol !== "file:" || host !== "") return undefined;
  // An encoded slash is a separator in a path, but not in a URL.
  if (/%2f|%00/i.test(pathname)) return undefined;
  try {
    return decodeURIComponent(pathname);
  } catch {
    return undefined;
  }
}
