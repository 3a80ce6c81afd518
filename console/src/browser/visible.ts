/**
 * Runs something while the reader sees the page: it begins now or once the page is shown, and ends while it is hidden.
 * Returns what ends it for good.
 *
 * Connections that stay open are for such pages alone. By HTTP/1.1 a browser has six connections to a server, for all its
 * tabs, and a seventh tab would load nothing. Tabs of a window hide each other.
 * @param begin returns what ends it
 */
export function whileVisible(begin: () => () => void): () => void {
  let end: (() => void) | undefined;
  const change = () => {
    if (!document.hidden) return end ??= begin();
    end?.();
    end = undefined;
  };
  document.addEventListener("visibilitychange", change);
  change();
  return () => {
    document.removeEventListener("visibilitychange", change);
    end?.();
  };
}
