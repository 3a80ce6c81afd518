/** What a trigger is set to, by its kind. The store has it as JSON. */
import type { TriggerRow } from "../../store/triggers.ts";

export const TRIGGER_NAME_CHARS_MAX = 256;
export const WEBHOOK_BYTES_DEFAULT = 64 * 1024;
/** How long deliveries are kept. A repeat of an event within it starts nothing. */
export const DELIVERY_KEPT_MS = 7 * 24 * 60 * 60 * 1000;
export const SOURCE_CIDRS_MAX = 256;

/** What becomes of the times that passed while no server ran: none of them, the last, or all are run. */
export const CATCH_UPS = [
  "CATCH_UP_UNSPECIFIED",
  "CATCH_UP_NONE",
  "CATCH_UP_LAST",
  "CATCH_UP_ALL",
] as const;
export type CatchUp = Exclude<(typeof CATCH_UPS)[number], "CATCH_UP_UNSPECIFIED">;

/** What becomes of a time while an earlier run goes on: it runs, too, is skipped, or waits. */
export const OVERLAPS = [
  "OVERLAP_UNSPECIFIED",
  "OVERLAP_ALLOW",
  "OVERLAP_SKIP",
  "OVERLAP_QUEUE",
] as const;
export type Overlap = Exclude<(typeof OVERLAPS)[number], "OVERLAP_UNSPECIFIED">;

/** When a sender gets its answer: once the call is durable, or with what the function returns. */
export const WEBHOOK_RESPONSES = [
  "WEBHOOK_RESPONSE_UNSPECIFIED",
  "WEBHOOK_RESPONSE_ACCEPTED",
  "WEBHOOK_RESPONSE_FUNCTION",
] as const;
export type WebhookResponse = Exclude<
  (typeof WEBHOOK_RESPONSES)[number],
  "WEBHOOK_RESPONSE_UNSPECIFIED"
>;

/** What a webhook answers to GET and HEAD, by which a sender checks the address before it delivers. */
export const WEBHOOK_HANDSHAKES = [
  "WEBHOOK_HANDSHAKE_UNSPECIFIED",
  "WEBHOOK_HANDSHAKE_META",
  "WEBHOOK_HANDSHAKE_DROPBOX",
  "WEBHOOK_HANDSHAKE_PING",
] as const;
export type WebhookHandshake = Exclude<
  (typeof WEBHOOK_HANDSHAKES)[number],
  "WEBHOOK_HANDSHAKE_UNSPECIFIED"
>;

/** The form of an HMAC in a header; PLAIN: the secret itself instead of an HMAC. */
export const SIGNATURE_ENCODINGS = [
  "SIGNATURE_ENCODING_UNSPECIFIED",
  "SIGNATURE_ENCODING_HEX",
  "SIGNATURE_ENCODING_BASE64",
  "SIGNATURE_ENCODING_PLAIN",
] as const;
export type SignatureEncoding = Exclude<
  (typeof SIGNATURE_ENCODINGS)[number],
  "SIGNATURE_ENCODING_UNSPECIFIED"
>;

/** Who may call an endpoint: anyone, holders of an access token, or senders that sign. */
export const ENDPOINT_AUTHS = [
  "ENDPOINT_AUTH_UNSPECIFIED",
  "ENDPOINT_AUTH_OPEN",
  "ENDPOINT_AUTH_BEARER",
  "ENDPOINT_AUTH_SIGNATURE",
] as const;
export type EndpointAuth = Exclude<(typeof ENDPOINT_AUTHS)[number], "ENDPOINT_AUTH_UNSPECIFIED">;

/** Starts a function at times. Exactly one of `cronSpec` and `at` is set. */
export interface ScheduleSettings {
  /** Five fields: minute, hour, day, month, day of the week. */
  readonly cronSpec?: string | undefined;
  /** The one time of a schedule that does not repeat, RFC 3339. */
  readonly at?: string | undefined;
  /** Name of the IANA time zone database. */
  readonly timezone: string;
  /** No run before this time, RFC 3339. */
  readonly start?: string | undefined;
  /** The input of its calls. */
  readonly input: Readonly<Record<string, unknown>>;
  readonly catchUp: CatchUp;
  readonly overlap: Overlap;
}

/** How a webhook proves who sent it. */
export type WebhookMethod =
  | { readonly kind: "hmac" | "capabilityUrl" }
  | { readonly kind: "standardWebhooks" | "github" | "stripe" | "slack" }
  /** A key set for the tokens of C1's form. */
  | { readonly kind: "jwt"; readonly jwksUrl: string }
  /** An Ed25519 public key, in hex. */
  | { readonly kind: "discord"; readonly publicKey: string }
  /** The HMAC-SHA256 of the body, or the secret itself, in a header after a prefix such as `sha256=`. */
  | {
    readonly kind: "header";
    readonly name: string;
    readonly prefix: string;
    readonly encoding: SignatureEncoding;
  };
export type WebhookMethodKind = WebhookMethod["kind"];

export const WEBHOOK_METHODS = [
  "hmac",
  "jwt",
  "capabilityUrl",
  "standardWebhooks",
  "github",
  "stripe",
  "slack",
  "discord",
  "header",
] as const satisfies readonly WebhookMethodKind[];

/** Starts a function with each delivery to its listener. */
export interface WebhookSettings {
  /** Networks that may send; empty for all. */
  readonly allowSourceCidrs: readonly string[];
  /** Largest body. */
  readonly maxBytes: number;
  readonly response: WebhookResponse;
  readonly method: WebhookMethod;
  /** The header with the id of the event, where the method names none. */
  readonly eventIdHeader?: string | undefined;
  /** Undefined: GET and HEAD get the answer of an address that does not exist. */
  readonly handshake?: WebhookHandshake | undefined;
}

/** The Cross-Origin Resource Sharing of an endpoint. */
export interface CorsSettings {
  readonly allowOrigins: readonly string[];
  readonly allowMethods: readonly string[];
  readonly allowHeaders: readonly string[];
  readonly exposeHeaders: readonly string[];
  readonly allowCredentials: boolean;
  /** How long a browser may keep the answer to a preflight request; undefined for its own default. */
  readonly maxAgeMs?: number | undefined;
}

/** Starts a function with each request to its address. */
export interface HttpSettings {
  /** The part of the path after `/run/`. */
  readonly slug: string;
  readonly auth: EndpointAuth;
  /** A host name of its own. */
  readonly host?: string | undefined;
  readonly cors?: CorsSettings | undefined;
  /** Whether invocations have the first KiB of a body of text. Triggers stored earlier lack it. */
  readonly recordBody?: boolean | undefined;
}

/** What a trigger is set to. */
export type TriggerSettings =
  | { readonly kind: "schedule"; readonly schedule: ScheduleSettings }
  | { readonly kind: "webhook"; readonly webhook: WebhookSettings }
  | { readonly kind: "http"; readonly http: HttpSettings };
export type TriggerKind = TriggerSettings["kind"];

/** The settings of a row. */
export function settingsOf({ kind, settings }: TriggerRow): TriggerSettings {
  return { kind, [kind]: JSON.parse(settings) } as unknown as TriggerSettings;
}

/** The columns of settings. */
export function settingsColumns(
  settings: TriggerSettings,
): Pick<TriggerRow, "kind" | "settings" | "slug" | "host"> {
  const { kind } = settings;
  const own = kind === "schedule"
    ? settings.schedule
    : kind === "webhook"
    ? settings.webhook
    : settings.http;
  const address = kind === "http" ? settings.http : undefined;
  return {
    kind,
    settings: JSON.stringify(own),
    slug: address?.slug ?? null,
    host: address?.host ?? null,
  };
}
