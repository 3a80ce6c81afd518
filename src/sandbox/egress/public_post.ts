/** Requests of the server itself on behalf of a function, under the rules of its egress. */
import { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import { addressPolicy } from "./addresses.ts";
import { Allowlist } from "./allowlist.ts";
import { EgressFault } from "./fault.ts";
import { ownRequest } from "./own_request.ts";
import type { EgressOptions } from "./proxy.ts";
import { Router } from "./route.ts";
import { formatEndpoint, parseAbsolute } from "./target.ts";

/** Longest wait for the whole answer. */
const TIMEOUT_MS = 10_000;
/** Bytes of an answer that are read: only its status counts. */
const ANSWER_BYTES_MAX = 64 * 1024;

/** A request with a body. */
interface PostRequest {
  readonly url: string;
  /** The allowlist of the function. */
  readonly allowlist: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * Sends a request, and answers its status. Redirects are not followed. Rejects with an `Error` whose message says why no
 * answer came.
 */
export type PublicPost = (post: PostRequest) => Promise<number>;

/** Whether functions with this allowlist may send requests to a URL. */
export function isAllowed(
  url: string,
  allowlist: readonly string[],
): "allowed" | "denied" | "no-url" {
  const to = parseAbsolute(url);
  if (to === undefined) return "no-url";
  return new Allowlist(allowlist).allows(to) ? "allowed" : "denied";
}

/** Posts to addresses that functions may reach. */
export function publicPost(
  { allowPrivate, ca }: Pick<EgressOptions, "allowPrivate" | "ca">,
): PublicPost {
  const router = new Router(addressPolicy(allowPrivate), ca);
  return async ({ url, allowlist, headers, body }) => {
    const to = parseAbsolute(url);
    if (to === undefined) throw new EgressFault("EGRESS_DENIED", "it is not an http or https URL");
    if (!new Allowlist(allowlist).allows(to)) {
      const endpoint = formatEndpoint(to);
      throw new EgressFault("EGRESS_DENIED", `${endpoint} is not in the outboundNetworkAllowlist`);
    }
    const socket = await (to.tls ? router.connectTls(to) : router.connect(to));
    const options = {
      method: "POST",
      path: to.path,
      headers: {
        ...headers,
        "Host": to.authority,
        "Content-Type": "application/json",
        "Content-Length": Buffer.byteLength(body),
        "Connection": "close",
      },
      setHost: false,
    };
    return await ownRequest(socket, { options, body, timeoutMs: TIMEOUT_MS }, statusOf);
  };
}

/** Reads the answer to its end, so that the host need not see its connection break. */
async function statusOf(answer: IncomingMessage): Promise<number> {
  let bytes = 0;
  for await (const chunk of answer as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > ANSWER_BYTES_MAX) break;
  }
  return answer.statusCode ?? 0;
}
