/** The settings of a trigger on the wire: one of `schedule`, `webhook` and `http`. */
import { z } from "@hono/zod-openapi";
import ipaddr from "ipaddr.js";
import { exceeds, formatBytes, quoted } from "../../config/mod.ts";
import { TRIGGER_SECRET_CHARS_MAX } from "../../domain/triggers/secrets.ts";
import {
  CATCH_UPS,
  ENDPOINT_AUTHS,
  OVERLAPS,
  SIGNATURE_ENCODINGS,
  SOURCE_CIDRS_MAX,
  WEBHOOK_HANDSHAKES,
  WEBHOOK_METHODS,
  WEBHOOK_RESPONSES,
  type WebhookMethod,
} from "../../domain/triggers/settings.ts";
import { isDiscordKey } from "../../domain/triggers/signatures/presets.ts";
import { HEADER_NAME } from "../../shared/http_headers.ts";
import { SLUG, SLUG_CHARS_MAX } from "../../shared/slugs.ts";
import { countIn, durationIn, textIn, timestampIn } from "../primitives.ts";

const INPUT_BYTES_MAX = 64 * 1024;
const CORS_ENTRIES_MAX = 100;
const PREFIX_CHARS_MAX = 64;
const HOST_CHARS_MAX = 253;

const HOST = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** An enum of a request, without the value that means the default. */
function enumIn<const Values extends readonly string[]>(values: Values, name: string) {
  return z.enum(values)
    .transform((value) =>
      value.endsWith("_UNSPECIFIED")
        ? undefined
        : value as Exclude<Values[number], `${string}_UNSPECIFIED`>
    ).openapi(name, { type: "string", enum: [...values] });
}

const headerName = textIn.regex(HEADER_NAME, { error: "must be the name of a header" });

export const scheduleIn = z.object({
  cronSpec: textIn.optional().openapi({
    description: "minute, hour, day, month, day of the week; or @daily and the like",
    example: "0 9 * * 1-5",
  }),
  at: timestampIn.optional().openapi({
    type: "string",
    format: "date-time",
    description: "The one time of a schedule that does not repeat",
  }),
  timezone: textIn.optional().openapi({ description: "IANA name, default UTC" }),
  start: timestampIn.optional().openapi({
    type: "string",
    format: "date-time",
    description: "No run before",
  }),
  input: z.record(z.string(), z.unknown(), { error: "must be a JSON object" }).refine(
    (input) => Buffer.byteLength(JSON.stringify(input)) <= INPUT_BYTES_MAX,
    {
      error: ({ input }) =>
        exceeds(Buffer.byteLength(JSON.stringify(input)), INPUT_BYTES_MAX, formatBytes) +
        " as JSON",
    },
  ).optional().openapi({ type: "object", additionalProperties: true }),
  catchUp: enumIn(CATCH_UPS, "invoked.CatchUp").optional(),
  overlap: enumIn(OVERLAPS, "invoked.Overlap").optional(),
});

const sourceCidr = textIn.refine((text) => ipaddr.isValidCIDR(text), {
  error: ({ input }) =>
    `must be a network such as 192.0.2.0/24 or 2001:db8::/32; it is ${quoted(input)}`,
});

export const secretText = textIn.max(TRIGGER_SECRET_CHARS_MAX);

const secretIn = secretText.optional().openapi({
  writeOnly: true,
  description: "Never returned. If absent, a new trigger gets one, which is returned once",
});

const withSecret = z.object({ secret: secretIn });

/** The ways to prove a sender, one of which a webhook has. */
const methodsIn = {
  hmac: z.object({}),
  jwt: z.object({
    jwksUrl: textIn.refine((text) => URL.canParse(text) && new URL(text).protocol === "https:", {
      error: "must be an https URL",
    }),
  }),
  capabilityUrl: z.object({}),
  standardWebhooks: withSecret,
  github: withSecret,
  stripe: withSecret,
  slack: withSecret,
  discord: z.object({
    publicKey: textIn.regex(/^[0-9a-f]{64}$/i, {
      error: "must be 64 hexadecimal digits",
      abort: true,
    })
      .refine(isDiscordKey, { error: "must be a public key of Ed25519" }),
  }),
  header: z.object({
    name: headerName,
    prefix: textIn.max(PREFIX_CHARS_MAX).optional(),
    encoding: enumIn(SIGNATURE_ENCODINGS, "invoked.SignatureEncoding").optional(),
    secret: secretIn,
  }),
} satisfies Record<WebhookMethod["kind"], z.ZodObject>;

export const webhookIn = z.object({
  allowSourceCidrs: z.array(sourceCidr).max(SOURCE_CIDRS_MAX).optional(),
  maxBytes: countIn.optional().openapi({
    description: "Largest body in bytes; 0 or absent: 65,536",
  }),
  response: enumIn(WEBHOOK_RESPONSES, "invoked.WebhookResponse").optional(),
  eventIdHeader: headerName.optional(),
  handshake: enumIn(WEBHOOK_HANDSHAKES, "invoked.WebhookHandshake").optional(),
  verifyToken: secretText.min(1, { error: "must not be empty; absent, the stored one is kept" })
    .optional().openapi({
      writeOnly: true,
      description: "Never returned. WEBHOOK_HANDSHAKE_META needs one, others have none",
    }),
  ...z.object(methodsIn).partial().shape,
}).superRefine((webhook, context) => {
  const given = WEBHOOK_METHODS.filter((method) => webhook[method] !== undefined);
  if (given.length > 1) {
    const message = `must have one of ${WEBHOOK_METHODS.join(", ")}, not ${given.join(" and ")}`;
    context.addIssue({ code: "custom", message });
  }
}).transform((webhook) => {
  const {
    allowSourceCidrs,
    maxBytes,
    response,
    eventIdHeader,
    handshake,
    verifyToken,
    ...methods
  } = webhook;
  const kind = WEBHOOK_METHODS.find((method) => methods[method] !== undefined);
  const { secret, ...method } = (kind === undefined ? {} : { ...methods[kind] }) as {
    readonly secret?: string;
  };
  return {
    allowSourceCidrs,
    maxBytes,
    response,
    eventIdHeader,
    handshake,
    verifyToken,
    secret,
    method: kind === undefined ? undefined : methodOf({ kind, ...method }),
  };
});

/** Fills in the defaults of a method. */
function methodOf(method: { readonly kind: WebhookMethod["kind"] }): WebhookMethod {
  if (method.kind !== "header") return method as WebhookMethod;
  const { name, prefix = "", encoding = "SIGNATURE_ENCODING_HEX" } = method as Partial<
    Extract<WebhookMethod, { kind: "header" }>
  >;
  return { kind: "header", name: name ?? "", prefix, encoding };
}

/** A list of CORS. Values that no browser sends would match nothing, or break the header. */
function corsList(isValid: (text: string) => boolean, rule: string) {
  const error = ({ input }: { readonly input?: unknown }) => `${rule}; it is ${quoted(input)}`;
  return z.array(textIn.refine((text) => text === "*" || isValid(text), { error }))
    .max(CORS_ENTRIES_MAX).default([]);
}

const corsHeaderNames = corsList(
  (name) => HEADER_NAME.test(name),
  'must be the name of a header, or "*"',
);

/** As browsers send it: scheme, host and port in lower case, without a path. Hosts have no patterns. */
function isOrigin(text: string): boolean {
  if (text === "null") return true;
  if (text.includes("*")) return false;
  const url = URL.parse(text);
  if (url === null) return false;
  return text === (url.origin === "null" ? `${url.protocol}//${url.host}` : url.origin);
}

const corsIn = z.object({
  allowOrigins: corsList(
    isOrigin,
    'must be an origin as browsers send it, such as https://example.com, or "*"',
  ),
  allowMethods: corsList((name) => HEADER_NAME.test(name), 'must be the name of a method, or "*"'),
  allowHeaders: corsHeaderNames,
  exposeHeaders: corsHeaderNames,
  allowCredentials: z.boolean().default(false),
  maxAge: durationIn.optional(),
}).superRefine(({ allowCredentials, allowOrigins, exposeHeaders }, context) => {
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
}).transform(({ maxAge, ...cors }) => ({ ...cors, maxAgeMs: maxAge }));

export const httpIn = z.object({
  slug: textIn.regex(SLUG, {
    error: `must have 1 to ${SLUG_CHARS_MAX} lower-case letters, digits and hyphens, ` +
      "and begin and end with a letter or digit",
  }).optional(),
  auth: enumIn(ENDPOINT_AUTHS, "invoked.EndpointAuth").optional(),
  secret: secretIn,
  host: textIn.transform((host) => host.toLowerCase()).refine(
    (host) => host === "" || (HOST.test(host) && host.length <= HOST_CHARS_MAX),
    { error: "must be a host name without a port" },
  ).optional().openapi({ type: "string" }),
  cors: corsIn.optional(),
  recordBody: z.boolean().optional().openapi({
    description: "Records the first KiB of a request's body of text; default false",
  }),
});
