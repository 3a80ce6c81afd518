/** The path of a request, as its client sent it: a proxy in front and the server must read one path the same way. */
import { DomainError } from "../domain/errors.ts";

/** `.` or `..` as a segment, also with `%2e` for a dot (https://url.spec.whatwg.org/#single-dot-path-segment). */
const DOT_SEGMENT = /(?:^|\/)((?:\.|%2e){1,2})(?=\/|$)/i;
const HTTP_ORIGIN = /^https?:\/\/[^/?#]*/i;
/** A letter, digit or other character that needs no encoding in any path: RFC 3986, section 2.3. */
const ENCODED_UNRESERVED = /%(?:2[de]|3\d|[46][1-9a-f]|[57][0-9a]|5f|7e)/gi;

/**
 * What is wrong with the target of a request, before a URL is made of it; undefined for a right one. What a URL drops or
 * rewrites beside dot segments never comes here: `node:http` rejects tabs, `@hono/node-server` backslashes.
 */
export function targetViolation(target: string): string | undefined {
  const [, segment] = DOT_SEGMENT.exec(pathIn(target.replace(HTTP_ORIGIN, ""))) ?? [];
  return segment === undefined
    ? undefined
    : `The path of the request has the dot segment "${segment}": send the path to which it leads`;
}

/** The part of a path that all operations share. Slashes behind it enclose ids, of which an empty one is no other path. */
const SHARED_PREFIX = /^\/+(?:(?:api|auth)\/+v1\/+)?/;

/**
 * What routes are compared with. Its fixed parts are not decoded: a proxy that lets no stranger to `/api` would pass on
 * `/%61pi`. A server URL that ends in a slash makes clients, C1's SDKs among them, send paths with two of them.
 */
export function pathOf({ url }: Request): string {
  const path = rawPath(url);
  if (!path.includes("//")) return path;
  return path.replace(SHARED_PREFIX, (prefix) => prefix.replace(/\/+/g, "/"));
}

/** The path of a URL as it is, without decoding: the parameters of a route are decoded after it matched. */
function rawPath(url: string): string {
  return pathIn(url.slice(url.indexOf("/", url.indexOf("://") + 3)));
}

/**
 * The error for a path that no route has, but that would have one if its letters were decoded.
 * @param isRoute whether a route has a path
 */
export function encodedPathViolation(
  method: string,
  path: string,
  isRoute: (path: string) => boolean,
): DomainError | undefined {
  const [encoded] = path.match(ENCODED_UNRESERVED) ?? [];
  if (encoded === undefined || !isRoute(path.replace(ENCODED_UNRESERVED, decodeURIComponent))) {
    return undefined;
  }
  const violation =
    `has ${encoded} for ${JSON.stringify(decodeURIComponent(encoded))}: fixed parts of ` +
    "a path must not be percent-encoded";
  return new DomainError(
    "INVALID_FIELD",
    `No operation matches ${method} ${path}: the path ${violation}`,
    {
      violations: [{ field: "path", description: violation }],
    },
  );
}

function pathIn(target: string): string {
  return target.replace(/[?#].*$/s, "");
}
