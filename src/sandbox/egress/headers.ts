import { HOP_BY_HOP } from "../../shared/http_headers.ts";

/** Pairs of names and values from `rawHeaders`. */
export type Headers = readonly (readonly [string, string])[];

/** The end-to-end headers, without those in `renewed`. */
export function endToEnd(rawHeaders: readonly string[], renewed: readonly string[] = []): Headers {
  const pairs = pairsOf(rawHeaders);
  const dropped = new Set([...HOP_BY_HOP, "expect", ...renewed]);
  for (const [name, value] of pairs) {
    if (name.toLowerCase() !== "connection") continue;
    for (const option of value.split(",")) dropped.add(option.trim().toLowerCase());
  }
  return pairs.filter(([name]) => !dropped.has(name.toLowerCase()));
}

/** Headers in the form in which `node:http` keeps repeated ones. */
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
