/** Rules of HTTP for header fields (RFC 9110). */

/** Fields of one connection, which no intermediary forwards (section 7.6.1). */
export const HOP_BY_HOP: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** Headers by which the server names a request and its invocation. */
export const OF_SERVER: ReadonlySet<string> = new Set(["request-id", "invocation-id"]);

/** The name of a field (section 5.1), with a limit of its length. */
export const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/;

/** A character that the value of a field cannot have (section 5.5). */
export const NO_HEADER_VALUE = /[^\t\x20-\x7e\x80-\xff]/;
