/** Messages about what starts functions, and about calls without further attempts. All are additions of this server. */
import type { Attempt, FunctionInvocationStatus, InvocationTrigger } from "./api_types.ts";
import type { JSONObject } from "./json.ts";

/** Calls at the times of a cron line, or at one time. */
export interface ScheduleTrigger {
  /** Minute, hour, day, month, day of the week; or `@daily` and the like. */
  cronSpec?: string;
  /** RFC 3339. */
  at?: string;
  /** IANA name; UTC by default. */
  timezone?: string;
  /** No run before; RFC 3339. */
  start?: string;
  input?: JSONObject;
  catchUp?: "CATCH_UP_UNSPECIFIED" | "CATCH_UP_NONE" | "CATCH_UP_LAST" | "CATCH_UP_ALL";
  overlap?: "OVERLAP_UNSPECIFIED" | "OVERLAP_ALLOW" | "OVERLAP_SKIP" | "OVERLAP_QUEUE";
}

/** A secret in a request; no answer has it. */
interface WithSecret {
  secret?: string;
}

/** Calls by the deliveries of a sender, which has one way to prove itself. */
export interface WebhookTrigger {
  /** Read-only. */
  listenerId?: string;
  allowSourceCidrs?: string[];
  maxBytes?: number;
  response?:
    | "WEBHOOK_RESPONSE_UNSPECIFIED"
    | "WEBHOOK_RESPONSE_ACCEPTED"
    | "WEBHOOK_RESPONSE_FUNCTION";
  eventIdHeader?: string;
  /** What GET and HEAD are answered. */
  handshake?:
    | "WEBHOOK_HANDSHAKE_UNSPECIFIED"
    | "WEBHOOK_HANDSHAKE_META"
    | "WEBHOOK_HANDSHAKE_DROPBOX"
    | "WEBHOOK_HANDSHAKE_PING";
  /** Of `WEBHOOK_HANDSHAKE_META`, in a request; no answer has it. */
  verifyToken?: string;
  hmac?: Record<string, never>;
  jwt?: { jwksUrl?: string };
  capabilityUrl?: Record<string, never>;
  standardWebhooks?: WithSecret;
  github?: WithSecret;
  stripe?: WithSecret;
  slack?: WithSecret;
  discord?: { publicKey?: string };
  header?: WithSecret & {
    name?: string;
    prefix?: string;
    encoding?:
      | "SIGNATURE_ENCODING_UNSPECIFIED"
      | "SIGNATURE_ENCODING_HEX"
      | "SIGNATURE_ENCODING_BASE64"
      | "SIGNATURE_ENCODING_PLAIN";
  };
}

/** Calls by HTTP requests. */
export interface HttpTrigger extends WithSecret {
  slug?: string;
  auth?:
    | "ENDPOINT_AUTH_UNSPECIFIED"
    | "ENDPOINT_AUTH_OPEN"
    | "ENDPOINT_AUTH_BEARER"
    | "ENDPOINT_AUTH_SIGNATURE";
  host?: string;
  cors?: {
    allowOrigins?: string[];
    allowMethods?: string[];
    allowHeaders?: string[];
    exposeHeaders?: string[];
    allowCredentials?: boolean;
    /** Such as `"600s"`. */
    maxAge?: string;
  };
  /** Whether invocations have the first KiB of a body of text. */
  recordBody?: boolean;
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
  /** `reason`: why no call was started. */
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

/** A call without further attempts. */
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
