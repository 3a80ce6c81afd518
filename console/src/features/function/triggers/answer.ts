/** Requests of the page to a function instead of the API: no credential of the reader goes with them. */

/** Bytes of an answer that are read. */
const BYTES_MAX = 256 * 1_024;

/** What came back so far. */
export interface ReceivedAnswer {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
  /** Whether the body goes on, ended, was longer than what is read, or broke off. */
  readonly state: "open" | "ended" | "cut" | "broken";
  readonly ms: number;
}

/**
 * Sends a request without the session, and reports the answer as it comes. Throws what `fetch` throws; an answer that
 * breaks off is reported.
 */
export async function send(
  url: string,
  init: RequestInit,
  report: (answer: ReceivedAnswer) => void,
): Promise<void> {
  const started = performance.now();
  const response = await fetch(url, { ...init, credentials: "omit", redirect: "manual" });
  const answered = { status: response.status, headers: [...response.headers] };
  const say = (body: string, state: ReceivedAnswer["state"]) =>
    report({ ...answered, body, state, ms: performance.now() - started });
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  say(text, "open");
  const reader = response.body?.getReader();
  try {
    for (let part = await reader?.read(); part?.value; part = await reader?.read()) {
      text += decoder.decode(part.value, { stream: true });
      size += part.value.length;
      if (size >= BYTES_MAX) {
        await reader?.cancel();
        return say(text, "cut");
      }
      say(text, "open");
    }
    say(text + decoder.decode(), "ended");
  } catch {
    say(text, "broken");
  }
}
