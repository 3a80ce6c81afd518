/** Where the end of a call goes: to another function, or to a URL. */

/** The settings of a function that name a destination, with what their calls have done. */
export const DESTINATION_EVENTS = ["onSuccess", "onFailure"] as const;
export type DestinationEvent = (typeof DESTINATION_EVENTS)[number];

/** A destination as it is stored. */
export type Target = { readonly functionId: string } | { readonly url: string };

/** The stored destination. */
export function targetOf(json: string): Target {
  return JSON.parse(json) as Target;
}
