/** Small documents of other hosts that the server itself reads, under the address policy of functions. */
import { formatBytes } from "../../config/mod.ts";
import type { IncomingMessage } from "node:http";
import { addressPolicy } from "./addresses.ts";
import { ownRequest } from "./own_request.ts";
import type { EgressOptions } from "./proxy.ts";
import { Router } from "./route.ts";

const TIMEOUT_MS = 5_000;

/** Reads a document. Redirects are not followed. Rejects with an `Error` whose message says why. */
export type PublicGet = (url: URL, maxBytes: number) => Promise<Uint8Array>;

/** Reads over https, from addresses that functions may reach. */
export function publicGet(
  { allowPrivate, ca }: Pick<EgressOptions, "allowPrivate" | "ca">,
): PublicGet {
  const router = new Router(addressPolicy(allowPrivate), ca);
  return async (url, maxBytes) => {
    if (url.protocol !== "https:") throw new Error("it is not an https URL");
    const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
    const socket = await router.connectTls({ host, port: Number(url.port || 443) });
    const options = {
      path: url.pathname + url.search,
      headers: { "Host": url.host, "Accept": "application/json", "Connection": "close" },
    };
    const sent = { options, timeoutMs: TIMEOUT_MS };
    return await ownRequest(socket, sent, (answer) => bodyOf(answer, maxBytes));
  };
}

async function bodyOf(answer: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
  if (answer.statusCode !== 200) throw new Error(`its status is ${answer.statusCode}`);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of answer as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new Error(`it has more than ${formatBytes(maxBytes)}`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
