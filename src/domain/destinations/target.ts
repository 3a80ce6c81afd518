/** Where the end of a call goes: to another function, or to a URL. */

/** The settings of a function that name a destination, with what their calls have done. */
export const DESTINATION_EVENTS = ["onSuccess", "onFailure"] as const;
export type DestinationEvent = (typeof DESTINATION_EVENTS)[number];

/** A destination as it is stored. */
export type Target = { readonly functionId: string } | { readonly url: string };

/** A destination as a caller gives it; an empty one means none. */
export interface WantedTarget {
  readonly functionId?: string | undefined;
  readonly url?: string | undefined;
  /** Of a URL; absent or empty keeps the stored one. */
  readonly secret?: string | undefined;
}

/** The text that is stored; null for none. */
export function targetColumn({ functionId, url }: WantedTarget = {}): string | null {
  if (functionId) return JSON.stringify({ functionId } satisfies Target);
  return url ? JSON.stringify({ url } satisfies Target) : null;
}

/** The stored destination. */
export function targetOf(json: string): Target {
  return JSON.parse(json) as Target;
}
