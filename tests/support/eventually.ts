/** How long something may take to come about; a bound for what never does, not a measurement. */
const PATIENCE_MS = 180_000;
/** The pause between two probes grows with the wait, so that a long one takes little processor time. */
const PAUSE_MIN_MS = 10;
const PAUSE_MAX_MS = 250;
const PAUSE_OF_WAIT = 1 / 5;

/**
 * The value of a promise that a page, a process or a server settles. Playwright bounds its own waits, but neither a promise
 * that a route resolves nor the end of a response.
 */
export async function within<T>(
  promise: Promise<T>,
  what: string,
  patienceMs = PATIENCE_MS,
): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new Error(`In ${patienceMs} ms ${what} did not come about`)),
    patienceMs,
  );
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Repeats `probe` until it answers something. */
export async function eventually<T>(
  probe: () => T | undefined | Promise<T | undefined>,
  what = "what was waited for",
  patienceMs = PATIENCE_MS,
): Promise<T> {
  const started = Date.now();
  for (;;) {
    const found = await probe();
    if (found !== undefined) return found;
    const waited = Date.now() - started;
    if (waited > patienceMs) throw new Error(`In ${patienceMs} ms ${what} did not come about`);
    const pauseMs = Math.min(Math.max(PAUSE_MIN_MS, waited * PAUSE_OF_WAIT), PAUSE_MAX_MS);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}
