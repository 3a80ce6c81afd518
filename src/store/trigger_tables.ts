/** The tables of triggers, in the conventions of `schema.ts`. */

/** What starts a function, besides requests to the API. */
export interface TriggerTable {
  id: string;
  functionId: string;
  /** Unique among the triggers of its function. */
  displayName: string;
  kind: "schedule" | "webhook" | "http";
  paused: number;
  /** The volume of its invocations; null for that of its function. */
  volumeId: string | null;
  /** JSON of what belongs to its kind, without secrets. */
  settings: string;
  /** The last part of the path of a webhook. */
  listenerId: string | null;
  /** The part of the path, and the host name, of an endpoint. */
  slug: string | null;
  host: string | null;
  /** Its secret, sealed under the master key and bound to its id; null without a secret. */
  sealedSecret: Uint8Array | null;
  /** The secret that was replaced, and up to when it is accepted. */
  sealedOldSecret: Uint8Array | null;
  oldSecretUntil: string | null;
  /** The text that a handshake of WEBHOOK_HANDSHAKE_META must have, sealed as the secret; null for other handshakes. */
  sealedVerifyToken: Uint8Array | null;
  createdAt: string;
  updatedAt: string;
}

/** The times of a schedule. */
export interface ScheduleTable {
  triggerId: string;
  /** Null if it is paused, or no time follows. */
  nextAt: string | null;
  /** The last time that was taken. */
  lastAt: string | null;
  /** The invocation of that time, skipped or not. */
  lastInvocationId: string | null;
  /** Why no invocation was started. */
  lastReason: string | null;
  /** The last of its times that waited for an earlier run, by OVERLAP_QUEUE; null before any did. */
  queuedTo: string | null;
}

/** A request to a webhook URL. */
export interface DeliveryTable {
  id: string;
  triggerId: string;
  receivedAt: string;
  status: "STARTED" | "REPEAT" | "REFUSED";
  /** The invocation that it started, or that an earlier delivery of the event had started. */
  invocationId: string | null;
  /** Why it was rejected. */
  reason: string | null;
  /** The event that it started an invocation for: a repeat within 7 days starts none. Null for other deliveries. */
  eventId: string | null;
}

export interface TriggerSchema {
  triggers: TriggerTable;
  schedules: ScheduleTable;
  deliveries: DeliveryTable;
}
