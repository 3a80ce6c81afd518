/** Requests of the page that are no calls of the API: no credential of the reader goes with them. */

/** Bytes of an answer that are read. */
const BYTES_MAX = 256 * 1_024;

/** What came back. */
export interface ReceivedAnswer {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
  /** Whether the body goes on. */
  readonly isCut: boolean;
  readonly ms: number;
}

/** Sends a request without the session. Throws what `fetch` throws. */
export async function send(url: string, init: RequestInit): Promise<ReceivedAnswer> {
  const started = performance.now();
  const response = await fetch(url, { ...init, credentials: "omit", redirect: "manual" });
  const { text, isCut } = await readStart(response);
  return {
    status: response.status,
    headers: [...response.headers],
    body: text,
    isCut,
    ms: performance.now() - started,
  };
}

async function readStart({ body }: Response): Promise<{ text: string; isCut: boolean }> {
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  const reader = body?.getReader();
  for (let part = await reader?.read(); part?.value; part = await reader?.read()) {
    text += decoder.decode(part.value, { stream: true });
    size += part.value.length;
    if (size < BYTES_MAX) continue;
    await reader?.cancel();
    return { text, isCut: true };
  }
  return { text: text + decoder.decode(), isCut: false };
}
