/**
 * The number of the protocol between API nodes and workers: of subjects, frames, messages and sealed jobs. A change
 * that the other side cannot ignore increases it. Each side reports its own number, and both use the lower number.
 */
export const PROTOCOL = 5;

/** Protocols that this side speaks, in words. */
export const PROTOCOLS_TEXT = `${PROTOCOL - 1} to ${PROTOCOL + 1}`;

/**
 * Whether this side works with a peer of that number. Each side speaks its own number and the number before, so
 * neighbouring versions share the lower number: an upgrade by one version needs no downtime.
 */
export function speaks(protocol: number): boolean {
  return Math.abs(protocol - PROTOCOL) <= 1;
}

/** How long a worker holds a slot for the job of an offer. */
export const HOLD_OFFER_MS = 5_000;
