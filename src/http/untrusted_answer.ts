/**
 * Answers of functions on the server's own host. The pages of the server share its origin with them, so that a browser
 * must not take them for pages of the server.
 */
import type { IncomingMessage } from "node:http";
import { DomainError } from "../domain/errors.ts";

/** Scripts and forms of a page work, in an origin of its own: without cookies, storage and the server's answers. */
const CONTENT_SECURITY_POLICY = "sandbox allow-scripts allow-forms";

/** Headers that act on the whole origin. */
const OF_ORIGIN: ReadonlySet<string> = new Set([
  "alt-svc",
  "clear-site-data",
  "nel",
  "report-to",
  "service-worker-allowed",
  "set-cookie",
  "set-cookie2",
  "strict-transport-security",
]);

/** What a page of the server could load of its own origin as code. */
const CODE = /^(?:script|style|xslt|manifest|.*worker|.*worklet)$/;

type Header = readonly [name: string, value: string];

/** The headers of a function's answer, as the server's own host may send them. */
export function untrustedHeaders(headers: readonly Header[]): Header[] {
  return [
    ...headers.filter(([name]) => {
      const lower = name.toLowerCase();
      return !OF_ORIGIN.has(lower) && lower !== "x-content-type-options";
    }),
    ["X-Content-Type-Options", "nosniff"],
    // Beside a policy of the function: both apply.
    ["Content-Security-Policy", CONTENT_SECURITY_POLICY],
  ];
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
    "Cannot answer with code for pages of this server: use a host name of the endpoint's own",
  );
}
