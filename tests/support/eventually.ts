/** How long something may take to come about; a bound for what never does, not a measurement. */
const PATIENCE_MS = 30_000;
const PROBE_INTERVAL_MS = 10;

/** Repeats `probe` until it answers something. */
export async function eventually<T>(
  probe: () => Promise<T | undefined>,
  what = "what was waited for",
): Promise<T> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const found = await probe();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error(`In ${PATIENCE_MS} ms ${what} did not come about`);
    await new Promise((resolve) => setTimeout(resolve, PROBE_INTERVAL_MS));
  }
}
