/** `file:` URLs and the paths that they stand for. */

/** The absolute path that a `file:` URL names, or `undefined` when it is none or cannot name a file. */
export function fromFileUrl(url: string): string | undefined {
  if (!URL.canParse(url)) return undefined;
  const { protocol, host, pathname } = new URL(url);
  if (protocol !== "file:" || host !== "") return undefined;
  // An encoded slash is no separator in a URL but one in a path.
  if (/%2f|%00/i.test(pathname)) return undefined;
  try {
    return decodeURIComponent(pathname);
  } catch {
    return undefined;
  }
}
