import { formatBytes, formatDuration } from "../../../config/mod.ts";
import { gatherBytes } from "../../../shared/gathered_bytes.ts";

/** Largest response of the provider: discovery, a key set, tokens or claims. */
const RESPONSE_BYTES_MAX = 256 * 1024;
/** How long the provider may take for one response. */
export const RESPONSE_TIMEOUT_MS = 10_000;

/** The provider does not answer, or answers with an error of its own. The message says how. */
export class ProviderUnavailable extends Error {
  override name = "ProviderUnavailable";
}

/** Sends a request of `openid-client`. */
type BoundedFetch = (url: string, options: RequestInit) => Promise<Response>;

/**
 * Sends requests to the provider, bounded in time and size. It follows no redirects.
 * @param client trusts the certificate of the provider
 * @throws ProviderUnavailable, also for a status of 429 and of 500 and above
 */
export function boundedFetch(client: Deno.HttpClient): BoundedFetch {
  return async (url, options) => {
    const { host } = new URL(url);
    try {
      const response = await fetch(url, {
        ...options,
        redirect: "manual",
        signal: AbortSignal.timeout(RESPONSE_TIMEOUT_MS),
        client,
      });
      const body = await boundedBody(response, host);
      const { status, headers } = response;
      if (status === 429 || status >= 500) {
        throw new ProviderUnavailable(`${host} responds with status ${status}`);
      }
      return new Response(hasBody(status) ? body : null, { status, headers });
    } catch (error) {
      if (error instanceof ProviderUnavailable) throw error;
      throw new ProviderUnavailable(`${host} is not reachable: ${whyUnreached(error)}`);
    }
  };
}

async function boundedBody(response: Response, host: string): Promise<Uint8Array<ArrayBuffer>> {
  const tooLarge = () =>
    new ProviderUnavailable(`${host} responds with more than ${formatBytes(RESPONSE_BYTES_MAX)}`);
  return Uint8Array.from(await gatherBytes(response.body ?? [], RESPONSE_BYTES_MAX, tooLarge));
}

function hasBody(status: number): boolean {
  return status !== 204 && status !== 205 && status !== 304;
}

function whyUnreached(error: unknown): string {
  if (error instanceof DOMException && error.name === "TimeoutError") {
    return `no response within ${formatDuration(RESPONSE_TIMEOUT_MS)}`;
  }
  const message = error instanceof Error ? error.message : String(error);
  // Deno names the request in front of the reason.
  return message.replace(/^.*client error \(\w+\): /, "");
}
