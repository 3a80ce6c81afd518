/** What the check of a request's signature finds. */

/** How far the time of a request may be from now. */
export const TIMESTAMP_TOLERANCE_MS = 5 * 60 * 1000;
const EVENT_ID_CHARS_MAX = 512;

/** A request whose sender is to be proved. */
export interface SignedRequest {
  /** By their names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly now: Date;
}

/** What the sender says of the event; `id` is undefined if every request is a new event. */
export interface VerifiedEvent {
  readonly id: string | undefined;
  readonly time: Date;
}

/**
 * The sender is proved, or not; `invalid` is a request of the sender that is wrong: too old, or without what it must
 * have. Only the operator learns the reason of a `rejected` one.
 */
export type Verdict =
  | { readonly kind: "verified"; readonly event: VerifiedEvent }
  | { readonly kind: "invalid"; readonly reason: string }
  | { readonly kind: "rejected"; readonly reason: string };

export function rejected(reason: string): Verdict {
  return { kind: "rejected", reason };
}

/**
 * The verdict on a request with a right signature.
 * @param seconds the Unix time that the sender has signed; undefined if its method has none
 */
export function verified(
  { now, seconds, id }: {
    readonly now: Date;
    readonly seconds?: string | undefined;
    readonly id: string | undefined;
  },
): Verdict {
  if (id !== undefined && id.length > EVENT_ID_CHARS_MAX) {
    const reason = `the id of the event has more than ${EVENT_ID_CHARS_MAX} characters`;
    return { kind: "invalid", reason };
  }
  if (seconds === undefined) return { kind: "verified", event: { id, time: now } };
  const time = /^\d{1,11}$/.test(seconds) ? new Date(1000 * Number(seconds)) : undefined;
  const apartMs = time === undefined ? Infinity : Math.abs(now.getTime() - time.getTime());
  if (time === undefined || apartMs > TIMESTAMP_TOLERANCE_MS) {
    const reason =
      `the timestamp ${JSON.stringify(seconds.slice(0, 20))} is not within 5 minutes of ` +
      `${Math.floor(now.getTime() / 1000)}, the time of the server`;
    return { kind: "invalid", reason };
  }
  return { kind: "verified", event: { id, time } };
}
