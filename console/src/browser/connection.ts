/**
 * When a page may talk to its server: the server may restart while the page is open, and a hidden page keeps no
 * connection.
 */

/** The time from one question to a server that is away to the next, in ms. */
export const AWAY_POLL = 1_000;

export async function isServerReady(): Promise<boolean> {
  const response = await fetch("/readyz", { cache: "no-store" }).catch(() => undefined);
  return response?.ok === true;
}

/** Loads code of the page; while the server is away it waits. Fails if the server has it no more, as after an update. */
export async function fromServer<T>(load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    if (await isServerReady()) throw error;
  }
  do {
    await new Promise((resolve) => setTimeout(resolve, AWAY_POLL));
  } while (!await isServerReady());
  return await load();
}

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
