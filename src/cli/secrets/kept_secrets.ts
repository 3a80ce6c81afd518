import type { RemoteFunction } from "../client/schemas.ts";

/**
 * The secrets of a function in the form of an update that keeps their values: an empty value keeps the stored value.
 */
export function keptSecrets(fn: RemoteFunction): Record<string, string> {
  return Object.fromEntries(fn.secret.map((name) => [name, ""]));
}
