/**
 * The number of the protocol between API nodes and workers: of subjects, frames, messages and sealed jobs. A change that
 * the other side cannot ignore increases it.
 */
export const PROTOCOL = 1;

/** Whether this side works with a peer of that number: its own, and the one before, so that an upgrade needs no stop. */
export function speaks(protocol: number): boolean {
  return protocol === PROTOCOL || protocol === PROTOCOL - 1;
}
