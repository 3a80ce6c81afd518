/** How long something may take to come about; a bound for what never does, not a measurement. */
const PATIENCE_MS = 30_000;
const PROBE_INTERVAL_MS = 10;

/** Repeats `probe` until it answers something. */
export async function eventually<T>(
  probe: () => Promise<T | undefined>,
  what = "what was waited for",
  patienceMs = PATIENCE_MS,
): Promise<T> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const found = await probe();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error(`In ${patienceMs} ms ${what} did not come about`);
    await new Promise((resolve) => setTimeout(resolve, PROBE_INTERVAL_MS));
  }
}
