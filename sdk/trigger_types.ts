/** Messages about triggers, and about invocations without further attempts. All are additions of this server. */
import type { Attempt, FunctionInvocationStatus, InvocationTrigger } from "./api_types.ts";
import type { HttpTrigger, ScheduleTrigger, WebhookTriggerSettings } from "./settings_types.ts";

/** Invocations by the deliveries of a sender, which has one way to prove itself. */
export interface WebhookTrigger extends WebhookTriggerSettings {
  /** Read-only. */
  listenerId?: string;
}

/** What starts a function: exactly one of `schedule`, `webhook` and `http`. */
export interface Trigger {
  id?: string;
  functionId?: string;
  displayName?: string;
  paused?: boolean;
  vfsId?: string;
  schedule?: ScheduleTrigger;
  webhook?: WebhookTrigger;
  http?: HttpTrigger;
  /** `reason`: why no invocation was started. */
  lastRun?: { time?: string; invocationId?: string; reason?: string };
  /** RFC 3339. */
  nextRuns?: string[];
  createdAt?: Date;
  updatedAt?: Date;
}

/** Secrets that the server made; each is returned once. */
export interface ShownSecrets {
  webhookHmacSecret?: string;
  webhookSecret?: string;
  webhookCapabilityUrl?: string;
}

/** A request to a webhook. */
export interface Delivery {
  id?: string;
  /** RFC 3339. */
  receivedAt?: string;
  status?:
    | "DELIVERY_STATUS_UNSPECIFIED"
    | "DELIVERY_STATUS_STARTED"
    | "DELIVERY_STATUS_REPEAT"
    | "DELIVERY_STATUS_REFUSED";
  invocationId?: string;
  reason?: string;
}

/** An invocation without further attempts. */
export interface DeadLetter {
  id?: string;
  functionId?: string;
  invocationId?: string;
  /** Oldest first. */
  attempts?: Attempt[];
  /** Of its last attempt. */
  error?: string;
  /** RFC 3339. */
  parkedAt?: string;
}

/** Which invocations an operation on many finds. */
export interface InvocationFilter {
  /** Empty: all functions. */
  functionIds?: string[];
  status?: FunctionInvocationStatus;
  /** Only those with a `failure`, or only those without; both if it is absent. */
  failed?: boolean;
  triggerKind?: NonNullable<InvocationTrigger["kind"]>;
  /** Only those with this `failure`, such as `TIMEOUT`. */
  errorWord?: string;
  /** RFC 3339, inclusive. */
  since?: string;
  /** RFC 3339, exclusive. */
  until?: string;
  /** Text in input, output or error. */
  query?: string;
  idPrefix?: string;
  parentInvocationId?: string;
}
