/** What {@link post} needs of the world; tests give it another one. */
export interface World {
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  readonly pause: (milliseconds: number) => Promise<void>;
}

const ATTEMPTS = 4;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5_000;

/**
 * Posts a message and returns the number of attempts. Tries again, after a pause that doubles, if the service is busy
 * (429, after Retry-After), fails (5xx) or cannot be reached. Throws at once if it rejects the message.
 */
export async function post(url: string, text: string, world: World): Promise<number> {
  let why = "";
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const outcome = await tryOnce(url, text, world);
    if (outcome.kind === "done") return attempt;
    if (outcome.kind === "rejected") throw new Error(outcome.why);
    why = outcome.why;
    console.warn(`attempt ${attempt} failed: ${why}`);
    if (attempt === ATTEMPTS) break;
    const wanted = outcome.retryAfterMs ?? FIRST_PAUSE_MS * 2 ** (attempt - 1);
    await world.pause(Math.min(wanted, LONGEST_PAUSE_MS));
  }
  throw new Error(`gave up after ${ATTEMPTS} attempts: ${why}`);
}

type Outcome =
  | { readonly kind: "done" }
  | { readonly kind: "rejected"; readonly why: string }
  | { readonly kind: "later"; readonly why: string; readonly retryAfterMs: number | undefined };

async function tryOnce(url: string, text: string, { fetch }: World): Promise<Outcome> {
  let response: Response;
  try {
    response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ text }),
    });
  } catch (error) {
    return { kind: "later", why: String(error), retryAfterMs: undefined };
  }
  if (response.ok) return { kind: "done" };
  const why = `status ${response.status}: ${(await response.text()).slice(0, 200)}`;
  if (response.status !== 429 && response.status < 500) return { kind: "rejected", why };
  const seconds = Number(response.headers.get("retry-after") ?? NaN);
  return { kind: "later", why, retryAfterMs: seconds >= 0 ? seconds * 1000 : undefined };
}
