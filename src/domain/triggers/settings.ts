/** What a trigger is set to, by its kind. The store has it as JSON. */
import { type Complete, complete } from "../../resources/field.ts";
import {
  type CORS,
  HTTP,
  SCHEDULE,
  WEBHOOK,
  WEBHOOK_METHODS as METHOD_FIELDS,
} from "../../resources/triggers.ts";
import type { SIGNATURE_ENCODINGS } from "../../resources/words.ts";
import type { TriggerRow } from "../../store/triggers.ts";
import { invalid } from "../errors.ts";

export const TRIGGER_NAME_CHARS_MAX = 256;
/** How long deliveries are kept. A repeat of an event within it starts nothing. */
export const DELIVERY_KEPT_MS = 7 * 24 * 60 * 60 * 1000;

/** Starts a function at times. Exactly one of `cronSpec` and `at` is set. */
export type ScheduleSettings = Complete<typeof SCHEDULE>;

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
    readonly encoding: Exclude<
      (typeof SIGNATURE_ENCODINGS)[number],
      "SIGNATURE_ENCODING_UNSPECIFIED"
    >;
  };
export type WebhookMethodKind = WebhookMethod["kind"];

export const WEBHOOK_METHODS = Object.keys(METHOD_FIELDS) as readonly WebhookMethodKind[];

/** Starts a function with each delivery to its webhook URL. */
export type WebhookSettings = Complete<typeof WEBHOOK> & { readonly method: WebhookMethod };
export type WebhookHandshake = NonNullable<WebhookSettings["handshake"]>;

/** The Cross-Origin Resource Sharing of an endpoint. */
export type CorsSettings = Omit<Complete<typeof CORS["fields"]>, "maxAge"> & {
  /** How long a browser may keep the answer to a preflight request; undefined for its own default. */
  readonly maxAgeMs?: number | undefined;
};

/** Starts a function with each request to its address. */
export type HttpSettings = Complete<typeof HTTP> & { readonly cors?: CorsSettings | undefined };

/** What a trigger is set to. */
export type TriggerSettings =
  | { readonly kind: "schedule"; readonly schedule: ScheduleSettings }
  | { readonly kind: "webhook"; readonly webhook: WebhookSettings }
  | { readonly kind: "http"; readonly http: HttpSettings };
export type TriggerKind = TriggerSettings["kind"];

/** The settings of a row. Rows of earlier versions lack fields that were added since. */
export function settingsOf({ kind, settings }: TriggerRow): TriggerSettings {
  return completeSettings(kind, JSON.parse(settings));
}

/** Fills in the defaults. @throws INVALID_FIELD for what is missing */
export function completeSettings(kind: TriggerKind, given: object): TriggerSettings {
  switch (kind) {
    case "schedule":
      return { kind, schedule: complete(SCHEDULE, given) };
    case "webhook": {
      const { method } = given as Partial<WebhookSettings>;
      if (method !== undefined) return { kind, webhook: { ...complete(WEBHOOK, given), method } };
      const description = `must have exactly one of ${WEBHOOK_METHODS.join(", ")}`;
      throw invalid({ field: "trigger.webhook", description });
    }
    case "http": {
      const { cors } = given as Partial<HttpSettings>;
      const http = { ...complete(HTTP, given), ...cors === undefined ? {} : { cors } };
      if (http.slug !== "") return { kind, http };
      throw invalid({ field: "trigger.http.slug", description: "must not be empty" });
    }
  }
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
