/** Requests of recordings: which are equal, which is the nearest, and how their parts are masked. */
import { distance } from "fastest-levenshtein/esm/mod.js";

/** A request as a recording has it. */
interface Request {
  readonly verb: string;
  readonly path: string;
  readonly body?: unknown;
}

/** Characters of a request that a comparison reads, and that a message shows. */
const COMPARED_CHARS_MAX = 2000;
const SHOWN_CHARS_MAX = 300;
/** Characters, after the common start of two requests, that a comparison counts the edits of. */
const DIFFERING_CHARS_MAX = 200;
/**
 * The work of one search for the nearest request, in pairs of characters. The search runs in the server's process in one
 * step, and its texts are chosen by a commit. Two requests without a common start take 40,000 pairs.
 */
const SEARCH_PAIRS_MAX = 1_000_000;
const PATH_CHARS_MAX = 16_384;

/** Why a text is no path and query of a tenant; undefined if it is one. */
export function pathViolation(path: string): string | undefined {
  if (path.length > PATH_CHARS_MAX) return `must have at most ${PATH_CHARS_MAX} characters`;
  if (!/^\/[\x21-\x7e]*$/.test(path) || path.startsWith("//")) {
    return "must be a path with its query, such as /api/v1/users?page_size=10";
  }
  try {
    partsOf(path);
    return undefined;
  } catch {
    return "must be encoded as in a URL";
  }
}

/** The same text for equal requests: neither the order of parameters nor that of fields counts. */
export function requestKey({ verb, path, body }: Request): string {
  const { segments, query } = partsOf(path);
  const sorted = query.map(([name, value]) => `${name}=${value}`).toSorted();
  const text = body === undefined ? "" : ` ${JSON.stringify(sortFields(body))}`;
  return `${verb} ${segments.join("/")}${sorted.length === 0 ? "" : `?${sorted.join("&")}`}${text}`;
}

/**
 * The key that is the nearest to a key, as far as {@link SEARCH_PAIRS_MAX} allow: a recording of long requests that have
 * little in common is compared in part.
 * @returns undefined without any key
 */
export function nearestKey(key: string, keys: Iterable<string>): string | undefined {
  let best: string | undefined;
  let least = Infinity;
  let pairs = 0;
  for (const candidate of keys) {
    const same = commonStart(key, candidate);
    const end = Math.min(same + DIFFERING_CHARS_MAX, COMPARED_CHARS_MAX);
    const [own, other] = [key.slice(same, end), candidate.slice(same, end)];
    pairs += same + own.length * other.length;
    if (pairs > SEARCH_PAIRS_MAX) break;
    const edits = distance(own, other);
    if (edits < least) [best, least] = [candidate, edits];
  }
  return best;
}

/** How many characters are the same at the start of both, at most {@link COMPARED_CHARS_MAX}. */
function commonStart(a: string, b: string): number {
  const end = Math.min(a.length, b.length, COMPARED_CHARS_MAX);
  for (let at = 0; at < end; at++) {
    if (a.charCodeAt(at) !== b.charCodeAt(at)) return at;
  }
  return end;
}

/** A key, cut for a message. */
export function shownKey(key: string): string {
  return key.length <= SHOWN_CHARS_MAX ? key : `${key.slice(0, SHOWN_CHARS_MAX).toWellFormed()}...`;
}

/** A path whose segments and parameters are changed, encoded again. */
export function mapPath(
  path: string,
  change: {
    segment(text: string, at: number): string;
    parameter(name: string, text: string): string;
  },
): string {
  const { segments, query } = partsOf(path);
  const changed = segments.map((segment, at) => encodeURIComponent(change.segment(segment, at)))
    .join("/");
  const parameters = query.map(([name, value]) =>
    [name, change.parameter(name, value)].map(encodeURIComponent).join("=")
  );
  return parameters.length === 0 ? changed : `${changed}?${parameters.join("&")}`;
}

/** @throws {URIError} for a wrong encoding */
function partsOf(path: string): {
  readonly segments: readonly string[];
  readonly query: readonly (readonly [name: string, value: string])[];
} {
  const [start = "", ...rest] = path.split("?");
  const query = [...new URLSearchParams(rest.join("?"))];
  return { segments: start.split("/").map(decodeURIComponent), query };
}

function sortFields(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortFields);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).toSorted(([a], [b]) => a < b ? -1 : 1)
      .map(([name, inner]) => [name, sortFields(inner)]),
  );
}
