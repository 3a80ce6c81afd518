/** Headers that are meant for the next hop alone: RFC 9110, section 7.6.1. */
const HOP_BY_HOP = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "expect",
]);

/** Pairs of names and values from `rawHeaders`. */
export type Headers = readonly (readonly [string, string])[];

/** The headers that go on to the other side, without those that concern this hop or that the other side gets anew. */
export function endToEnd(rawHeaders: readonly string[], renewed: readonly string[] = []): Headers {
  const pairs = pairsOf(rawHeaders);
  const dropped = new Set([...HOP_BY_HOP, ...renewed]);
  for (const [name, value] of pairs) {
    if (name.toLowerCase() !== "connection") continue;
    for (const option of value.split(",")) dropped.add(option.trim().toLowerCase());
  }
  return pairs.filter(([name]) => !dropped.has(name.toLowerCase()));
}

/** Headers as `node:http` takes them without losing any that stands several times. */
export function flat(headers: Headers): string[] {
  return headers.flatMap(([name, value]) => [name, value]);
}

function pairsOf(rawHeaders: readonly string[]): [string, string][] {
  const pairs: [string, string][] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    pairs.push([rawHeaders[at] ?? "", rawHeaders[at + 1] ?? ""]);
  }
  return pairs;
}
