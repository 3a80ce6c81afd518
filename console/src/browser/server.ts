/** The server of this page may restart while the page is open. */

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
