/** The settings of a trigger on the wire: one of `schedule`, `webhook` and `http`. */
import { z } from "@hono/zod-openapi";
import ipaddr from "ipaddr.js";
import { exceeds, formatBytes, quoted } from "../../config/mod.ts";
import { TRIGGER_SECRET_CHARS_MAX } from "../../domain/triggers/secrets.ts";
import {
  WEBHOOK_METHODS,
  type WebhookMethod,
  type WebhookMethodKind,
} from "../../domain/triggers/settings.ts";
import { isDiscordKey } from "../../domain/triggers/signatures/presets.ts";
import { type Complete, complete, type Fields } from "../../resources/field.ts";
import { CORS, TRIGGER_SETTINGS, WEBHOOK_METHODS as METHODS } from "../../resources/triggers.ts";
import { HEADER_NAME } from "../../shared/http_headers.ts";
import { SLUG, SLUG_CHARS_MAX } from "../../shared/slugs.ts";
import { ownMessage } from "../messages/of_schema.ts";
import { textIn } from "../primitives.ts";
import { requestShape } from "../resource.ts";

const INPUT_BYTES_MAX = 64 * 1024;
const HOST_CHARS_MAX = 253;

const HOST = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

const headerName = textIn.regex(HEADER_NAME, { error: "must be the name of a header" });

const input = z.record(z.string(), z.unknown(), { error: "must be a JSON object" }).refine(
  (input) => Buffer.byteLength(JSON.stringify(input)) <= INPUT_BYTES_MAX,
  {
    error: ({ input }) =>
      exceeds(Buffer.byteLength(JSON.stringify(input)), INPUT_BYTES_MAX, formatBytes) +
      " as JSON",
  },
).openapi({ type: "object", additionalProperties: true });

const sourceCidr = textIn.refine((text) => ipaddr.isValidCIDR(text), {
  error: ({ input }) =>
    `must be a network such as 192.0.2.0/24 or 2001:db8::/32; it is ${quoted(input)}`,
});

export const secretText = textIn.max(TRIGGER_SECRET_CHARS_MAX);

/** An entry of CORS. Values that no browser sends would match nothing, or break the header. */
function corsEntry(isValid: (text: string) => boolean, rule: string) {
  const error = ({ input }: { readonly input?: unknown }) => `${rule}; it is ${quoted(input)}`;
  return textIn.refine((text) => text === "*" || isValid(text), { error });
}

/** As browsers send it: scheme, host and port in lower case, without a path. Hosts have no patterns. */
function isOrigin(text: string): boolean {
  if (text === "null") return true;
  if (text.includes("*")) return false;
  const url = URL.parse(text);
  if (url === null) return false;
  return text === (url.origin === "null" ? `${url.protocol}//${url.host}` : url.origin);
}

/** The rules that the table names. */
const RULES = {
  object: input,
  headerName,
  sourceCidr,
  secret: secretText.openapi({ writeOnly: true }),
  verifyToken: secretText.min(1, { error: "must not be empty; absent, the stored one is kept" })
    .openapi({ writeOnly: true }),
  jwksUrl: textIn.refine((text) => URL.canParse(text) && new URL(text).protocol === "https:", {
    error: "must be an https URL",
  }),
  publicKey: textIn.regex(/^[0-9a-f]{64}$/i, {
    error: "must be 64 hexadecimal digits",
    abort: true,
  }).refine(isDiscordKey, { error: "must be a public key of Ed25519" }),
  slug: textIn.regex(SLUG, {
    error: `must have 1 to ${SLUG_CHARS_MAX} lower-case letters, digits and hyphens, ` +
      "and begin and end with a letter or digit",
  }),
  host: textIn.transform((host) => host.toLowerCase()).refine(
    (host) => host === "" || (HOST.test(host) && host.length <= HOST_CHARS_MAX),
    { error: "must be a host name without a port" },
  ).openapi({ type: "string" }),
  origin: corsEntry(
    isOrigin,
    'must be an origin as browsers send it, such as https://example.com, or "*"',
  ),
  method: corsEntry((name) => HEADER_NAME.test(name), 'must be the name of a method, or "*"'),
  header: corsEntry((name) => HEADER_NAME.test(name), 'must be the name of a header, or "*"'),
};

/** What a request says: the value of an enum that means its default says nothing. */
function said<T extends object>(fields: Fields, values: T): T {
  const given = Object.entries(values).filter(([name, value]) =>
    fields[name]?.kind !== "oneOf" || !String(value).endsWith("_UNSPECIFIED")
  );
  return Object.fromEntries(given) as T;
}

export const scheduleIn = ownMessage(z.object(requestShape(TRIGGER_SETTINGS.schedule, RULES)))
  .transform((given) => said(TRIGGER_SETTINGS.schedule, given));

const webhookMessage = z.object(requestShape(TRIGGER_SETTINGS.webhook, RULES))
  .superRefine((webhook, context) => {
    const given = WEBHOOK_METHODS.filter((method) => webhook[method] !== undefined);
    if (given.length > 1) {
      const message = `must have one of ${WEBHOOK_METHODS.join(", ")}, not ${given.join(" and ")}`;
      context.addIssue({ code: "custom", message });
    }
  });

export const webhookIn = ownMessage(webhookMessage, ["listenerId"])
  .transform((webhook) => {
    const kind = WEBHOOK_METHODS.find((method) => webhook[method] !== undefined);
    const given: object = kind === undefined ? {} : { ...webhook[kind] };
    const { secret, ...method } = given as { readonly secret?: string };
    const own = Object.entries(webhook).filter(([name]) => !Object.hasOwn(METHODS, name));
    return {
      ...said(
        TRIGGER_SETTINGS.webhook,
        Object.fromEntries(own) as Omit<typeof webhook, WebhookMethodKind>,
      ),
      secret,
      method: kind === undefined ? undefined : methodOf(kind, method),
    };
  });

/** Fills in the defaults of a method. */
function methodOf(kind: WebhookMethodKind, given: object): WebhookMethod {
  const { fields } = METHODS[kind];
  return { kind, ...complete(fields, given) } as WebhookMethod;
}

const corsMessage = z.object(requestShape(CORS.fields, RULES)).superRefine(
  ({ allowCredentials, allowOrigins = [], exposeHeaders = [] }, context) => {
    if (!allowCredentials) return;
    const issue = (field: string, message: string) =>
      context.addIssue({ code: "custom", path: [field], message });
    if (allowOrigins.includes("*")) {
      issue(
        "allowOrigins",
        "must name the origins: any page could use the credentials of its visitors",
      );
    }
    if (exposeHeaders.includes("*")) {
      issue("exposeHeaders", "must name the headers: with credentials browsers read * as a name");
    }
  },
);
const corsIn = ownMessage(corsMessage).transform(({ maxAge, ...given }) => ({
  ...complete(CORS.fields, given) as Omit<Complete<typeof CORS.fields>, "maxAge">,
  // 0 is a value of its own: no answer to a preflight request is kept.
  maxAgeMs: maxAge,
}));

export const httpIn = ownMessage(z.object({
  ...requestShape(TRIGGER_SETTINGS.http, RULES),
  cors: corsIn.optional(),
})).transform((given) => said(TRIGGER_SETTINGS.http, given));
