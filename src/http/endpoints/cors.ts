/**
 * Cross-Origin Resource Sharing of endpoints (https://fetch.spec.whatwg.org/#http-cors-protocol). Hono's `cors` does not
 * fit: its middleware answers every OPTIONS request, including requests for the function, sends CORS headers to origins
 * that are not allowed, and combines wildcards with credentials.
 */
import type { IncomingMessage } from "node:http";
import type { Header } from "../../domain/endpoints/client.ts";
import type { CorsSettings } from "../../domain/triggers/settings.ts";

const ANY = "*";
const MS_PER_SECOND = 1000;
const METHODS_DEFAULT = "GET, HEAD, POST";

/** Whether a browser asks if it may send a request. */
export function isPreflight({ method, headers }: IncomingMessage): boolean {
  return method === "OPTIONS" && headers.origin !== undefined &&
    headers["access-control-request-method"] !== undefined;
}

/** The headers of each answer to a request from an origin; without those of CORS if it is not allowed. */
export function corsHeaders({ headers }: IncomingMessage, cors: CorsSettings): Header[] {
  const vary: Header = ["Vary", "Origin"];
  const origin = allowedOrigin(headers.origin, cors);
  if (origin === undefined) return [vary];
  const { allowCredentials, exposeHeaders } = cors;
  return [
    ["Access-Control-Allow-Origin", origin],
    ...allowCredentials ? [["Access-Control-Allow-Credentials", "true"] as const] : [],
    ...exposeHeaders.length > 0
      ? [["Access-Control-Expose-Headers", exposeHeaders.join(", ")] as const]
      : [],
    vary,
  ];
}

/** The headers of the answer to a preflight request, besides {@link corsHeaders}. */
export function preflightHeaders({ headers }: IncomingMessage, cors: CorsSettings): Header[] {
  if (allowedOrigin(headers.origin, cors) === undefined) return [];
  const { allowMethods, allowHeaders, maxAgeMs } = cors;
  // With credentials a browser takes the wildcard for a name, so what it asks for is named.
  const named = (allowed: readonly string[], wanted: string | undefined) =>
    allowed.includes(ANY) ? wanted : allowed.join(", ") || undefined;
  const methods = named(allowMethods, headers["access-control-request-method"]);
  const allowed = named(allowHeaders, headers["access-control-request-headers"]);
  return [
    ["Access-Control-Allow-Methods", methods ?? METHODS_DEFAULT],
    ...allowed === undefined ? [] : [["Access-Control-Allow-Headers", allowed] as const],
    ...maxAgeMs === undefined
      ? []
      : [["Access-Control-Max-Age", `${Math.floor(maxAgeMs / MS_PER_SECOND)}`] as const],
  ];
}

/** The headers of a function without those of CORS, which the setting decides. */
export function withoutCors(headers: readonly Header[]): Header[] {
  return headers.filter(([name]) => !name.toLowerCase().startsWith("access-control-"));
}

function allowedOrigin(
  origin: string | undefined,
  { allowOrigins, allowCredentials }: CorsSettings,
): string | undefined {
  if (origin === undefined) return undefined;
  if (allowOrigins.includes(origin)) return origin;
  return allowOrigins.includes(ANY) && !allowCredentials ? ANY : undefined;
}
