/**
 * Requests of the server itself: small documents that it reads under the address policy of functions, and requests on behalf
 * of a function, under the rules of its egress.
 */
import { type IncomingMessage, request, type RequestOptions } from "node:http";
import type { Socket } from "node:net";
import { Buffer } from "node:buffer";
import { formatBytes } from "../../config/mod.ts";
import { gatherBytes } from "../../shared/gathered_bytes.ts";
import { addressPolicy } from "./addresses.ts";
import type { EgressOptions } from "./proxy.ts";
import { Router } from "./route.ts";
import { Allowlist } from "./allowlist.ts";
import { EgressError } from "./error.ts";
import { formatEndpoint, parseAbsolute } from "./target.ts";

/** A request that the server itself sends over a checked connection. */
interface OwnRequest {
  readonly options: RequestOptions;
  readonly body?: string | Uint8Array;
  /** Bound of the whole request. */
  readonly timeoutMs: number;
}

/** Sends a request, reads what it needs of the answer, and closes the connection. Redirects are not followed. */
async function ownRequest<T>(
  socket: Socket,
  { options, body, timeoutMs }: OwnRequest,
  read: (answer: IncomingMessage) => Promise<T>,
): Promise<T> {
  const late = setTimeout(() => socket.destroy(new Error("it took too long")), timeoutMs);
  try {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const outgoing = request({ ...options, createConnection: () => socket }, resolve);
    outgoing.on("error", reject);
    outgoing.end(body);
    return await read(await promise);
  } finally {
    clearTimeout(late);
    socket.destroy();
  }
}

/** Longest wait for a whole document. */
const GET_TIMEOUT_MS = 5_000;

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
    const sent = { options, timeoutMs: GET_TIMEOUT_MS };
    return await ownRequest(socket, sent, (answer) => bodyOf(answer, maxBytes));
  };
}

async function bodyOf(answer: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
  if (answer.statusCode !== 200) throw new Error(`its status is ${answer.statusCode}`);
  return await gatherBytes(
    answer as AsyncIterable<Uint8Array>,
    maxBytes,
    () => new Error(`it has more than ${formatBytes(maxBytes)}`),
  );
}

/** Longest wait for the whole answer to a post. */
const POST_TIMEOUT_MS = 10_000;
/** Bytes of an answer that are read: only its status counts. */
const ANSWER_BYTES_MAX = 64 * 1024;

/** A request with a body. */
interface PostRequest {
  readonly url: string;
  /** The allowlist of the function; undefined for a request of the server itself, to any host. */
  readonly allowlist: readonly string[] | undefined;
  /** `Content-Type` is JSON by default. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
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
    if (to === undefined) throw new EgressError("EGRESS_DENIED", "it is not an http or https URL");
    if (allowlist !== undefined && !new Allowlist(allowlist).allows(to)) {
      const endpoint = formatEndpoint(to);
      throw new EgressError("EGRESS_DENIED", `${endpoint} is not in the outboundNetworkAllowlist`);
    }
    const socket = await (to.tls ? router.connectTls(to) : router.connect(to));
    const options = {
      method: "POST",
      path: to.path,
      headers: {
        "Content-Type": "application/json",
        ...headers,
        "Host": to.authority,
        "Content-Length": Buffer.byteLength(body),
        "Connection": "close",
      },
      setHost: false,
    };
    return await ownRequest(socket, { options, body, timeoutMs: POST_TIMEOUT_MS }, statusOf);
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
