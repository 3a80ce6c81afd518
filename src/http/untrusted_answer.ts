/**
 * Answers of functions. On the server's own host a browser must not take them for pages of the server, whose origin they
 * share; on any host they must not command the proxies in front of the server.
 */
import type { IncomingMessage } from "node:http";
import type { Header } from "../domain/endpoints/client.ts";
import { DomainError } from "../domain/errors.ts";

/** Scripts and forms of a page work, in an origin of its own: without cookies, storage and the server's answers. */
const CONTENT_SECURITY_POLICY = "sandbox allow-scripts allow-forms";

/**
 * Headers that no function sends, on any host. Those of caches that act on the answer alone, as `CDN-Cache-Control`
 * (RFC 9213) and tags, pass as `Cache-Control` does.
 */
const OF_NO_FUNCTION = named([
  // Answers of proxies themselves: authentication, status.
  "proxy-*",
  // nginx sends an internal location or a file instead of the answer, and changes how it buffers and limits it.
  "x-accel-*",
  // Apache, lighttpd and others send a file of the machine.
  "x-sendfile*",
  "x-lighttpd-*",
  // LiteSpeed sends an internal location, and purges its cache; Perlbal and H2O fetch another URL.
  "x-litespeed-*",
  "x-reproxy-*",
  // Envoy takes the server for unhealthy or overloaded.
  "x-envoy-*",
  // Edge Side Includes: the proxy fetches URLs that the body names.
  "surrogate-control",
  "edge-control",
  // Browsers write these names themselves. As answers they bind sessions of the whole site to the device.
  "sec-*",
  "secure-session-*",
]);

/** Headers that act on the whole origin, not on the answer alone. On a host of its own a function may send them. */
const OF_ORIGIN = named([
  // State that the browser keeps: cookies, sign-in, permissions, storage, caches.
  "set-*",
  "idp-signin-status",
  "activate-storage-access",
  "clear-site-data",
  "cache-group-*",
  // How the browser connects, and what it reports.
  "alt-*",
  "strict-transport-security",
  "public-key-pins*",
  "expect-ct",
  "nel",
  "report-to",
  // What the browser sends, and how it runs the pages of the origin.
  "accept-ch*",
  "critical-*",
  "origin-*",
  "service-worker-*",
  "use-as-dictionary",
  // What the browser notes for advertisers in the name of the site.
  "ad-auction-*",
  "attribution-reporting-*",
  "observe-browsing-topics",
  "shared-storage-*",
]);

/** What a page of the server could load of its own origin as code. */
const CODE = /^(?:script|style|xslt|manifest|.*worker|.*worklet)$/;

/** The headers of a function's answer, as the server's own host may send them. */
export function untrustedHeaders(headers: readonly Header[]): Header[] {
  return [
    ...withoutCommands(headers).filter(([name]) =>
      !OF_ORIGIN.test(name) && name.toLowerCase() !== "x-content-type-options"
    ),
    ["X-Content-Type-Options", "nosniff"],
    // Beside a policy of the function: both apply.
    ["Content-Security-Policy", CONTENT_SECURITY_POLICY],
  ];
}

/** The headers of a function's answer without those that no function sends on any host. */
function withoutCommands(headers: readonly Header[]): Header[] {
  return headers.filter(([name]) => !OF_NO_FUNCTION.test(name));
}

/** What matches the names of headers; `*` is any end. */
function named(names: readonly string[]): RegExp {
  return new RegExp(`^(?:${names.join("|").replaceAll("*", ".*")})$`, "i");
}

/**
 * Keeps answers of functions from becoming code of a page of the server.
 * @throws NOT_FOR_SCRIPTS
 */
export function assertNoCodeOfServer({ headers }: IncomingMessage): void {
  const isServiceWorker = headers["service-worker"] !== undefined;
  const isOwnCode = headers["sec-fetch-site"] === "same-origin" &&
    CODE.test(String(headers["sec-fetch-dest"] ?? ""));
  if (!isServiceWorker && !isOwnCode) return;
  throw new DomainError(
    "NOT_FOR_SCRIPTS",
    "Endpoints do not serve scripts to pages of this server: give the endpoint a host name of its own",
  );
}

/** What the server's own answers have, and a function decides on a host of its own. */
export const HEADERS_OF_SERVER = [
  "Cache-Control",
  "Content-Security-Policy",
  "Referrer-Policy",
  "X-Content-Type-Options",
] as const;

/** A header that would remove the cookies of every host of the site, those of the console among them. */
const REMOVES_COOKIES = /"(?:cookies|\*)"/i;

/** The headers of a function on a host of its own: its cookies are those of that host alone. */
export function ownHeaders(headers: readonly Header[]): Header[] {
  return withoutCommands(headers)
    .filter(([name, value]) =>
      name.toLowerCase() !== "clear-site-data" || !REMOVES_COOKIES.test(value)
    )
    .map(([name, value]) => [
      name,
      name.toLowerCase() === "set-cookie" ? value.replace(/;\s*domain\s*=[^;]*/gi, "") : value,
    ]);
}
