/**
 * The settings of triggers, by kind, each written once. From here follow: requests, answers, OpenAPI, update masks,
 * defaults, `invoked.json` and its JSON Schema, the types of `@c1/functions-sdk`, and the console's words.
 */
import { type Fields, NONE } from "./field.ts";
import {
  CATCH_UPS,
  ENDPOINT_AUTHS,
  OVERLAPS,
  SIGNATURE_ENCODINGS,
  WEBHOOK_HANDSHAKES,
  WEBHOOK_RESPONSES,
} from "./words.ts";

/** The time zone of a schedule that names none. */
const ZONE = "UTC";

/** Invocations at the times of a cron line, or at one time. */
export const SCHEDULE = {
  cronSpec: {
    kind: "text",
    request: "minute, hour, day, month, day of the week; or @daily and the like",
    sample: "0 9 * * 1-5",
    label: "Cron expression",
    unset: NONE,
  },
  at: {
    kind: "time",
    request: "The time of a schedule that runs once",
    label: "Time",
    unset: NONE,
  },
  timezone: {
    kind: "text",
    request: `IANA name, default ${ZONE}`,
    label: "Time zone",
    unset: { value: ZONE },
  },
  start: { kind: "time", request: "No run before", label: "Not before", unset: NONE },
  input: {
    kind: "object",
    label: "Input",
    hint: "A JSON object that each invocation receives",
    unset: { value: {} },
  },
  catchUp: {
    kind: "oneOf",
    values: CATCH_UPS,
    schema: "invoked.CatchUp",
    answer: "What the server does about runs that it missed while it was stopped",
    label: "Missed while the server was down",
    labels: {
      CATCH_UP_NONE: "Skip all",
      CATCH_UP_LAST: "Run the last one",
      CATCH_UP_ALL: "Run all",
    },
    unset: { value: "CATCH_UP_NONE" },
  },
  overlap: {
    kind: "oneOf",
    values: OVERLAPS,
    schema: "invoked.Overlap",
    answer: "What the server does when a run is due while an earlier run is active",
    label: "Due while an earlier run is active",
    labels: {
      OVERLAP_ALLOW: "Run both",
      OVERLAP_SKIP: "Skip the later run",
      OVERLAP_QUEUE: "Wait for the earlier run",
    },
    unset: { value: "OVERLAP_ALLOW" },
  },
} as const satisfies Fields;

const SECRET = {
  kind: "text",
  rule: "secret",
  label: "Secret",
  request:
    "Never returned. If absent, the server generates a secret for a new trigger and returns " +
    "the secret once",
  isHidden: true,
  unset: NONE,
} as const;
const SIGNED = { kind: "group", unset: NONE, fields: { secret: SECRET } } as const;

/** The ways to prove a sender, one of which a webhook has. */
export const WEBHOOK_METHODS = {
  hmac: { kind: "group", answer: "C1's signature", unset: NONE, fields: {} },
  jwt: {
    kind: "group",
    answer: "C1's token",
    always: ["jwksUrl"],
    needed: ["jwksUrl"],
    unset: NONE,
    fields: { jwksUrl: { kind: "text", rule: "jwksUrl", label: "JWKS URL", unset: NONE } },
  },
  capabilityUrl: { kind: "group", answer: "A secret path", unset: NONE, fields: {} },
  standardWebhooks: SIGNED,
  github: SIGNED,
  stripe: SIGNED,
  slack: SIGNED,
  discord: {
    kind: "group",
    always: ["publicKey"],
    needed: ["publicKey"],
    unset: NONE,
    fields: { publicKey: { kind: "text", rule: "publicKey", label: "Public key", unset: NONE } },
  },
  header: {
    kind: "group",
    answer: "HMAC-SHA256 of the body in a header, or the secret itself",
    always: ["name"],
    needed: ["name"],
    unset: NONE,
    fields: {
      name: { kind: "text", rule: "headerName", label: "Signature header", unset: NONE },
      prefix: { kind: "text", max: 64, label: "Signature prefix", unset: { value: "" } },
      encoding: {
        kind: "oneOf",
        values: SIGNATURE_ENCODINGS,
        schema: "invoked.SignatureEncoding",
        answer: "",
        label: "Encoding",
        labels: {
          SIGNATURE_ENCODING_HEX: "Hexadecimal",
          SIGNATURE_ENCODING_BASE64: "Base64",
          SIGNATURE_ENCODING_PLAIN: "None: the secret itself",
        },
        unset: { value: "SIGNATURE_ENCODING_HEX" },
      },
      secret: SECRET,
    },
  },
} as const satisfies Fields;

/** The largest body of a webhook, unless it is set. */
const WEBHOOK_BYTES = 65_536;
/** Invocations by the deliveries of a sender. */
export const WEBHOOK = {
  allowSourceCidrs: {
    kind: "list",
    max: 256,
    rule: "sourceCidr",
    label: "Allowed source networks",
    unset: { value: [] },
  },
  maxBytes: {
    kind: "count",
    min: 1,
    max: { flag: "--max-webhook" },
    request: "Largest body in bytes; 0 or absent: 65,536",
    label: "Maximum body size in bytes",
    unset: { value: WEBHOOK_BYTES },
  },
  response: {
    kind: "oneOf",
    values: WEBHOOK_RESPONSES,
    schema: "invoked.WebhookResponse",
    answer: "",
    label: "Response",
    labels: {
      WEBHOOK_RESPONSE_ACCEPTED: "At once, when the invocation is stored",
      WEBHOOK_RESPONSE_FUNCTION: "What the function returns",
    },
    unset: { value: "WEBHOOK_RESPONSE_ACCEPTED" },
  },
  eventIdHeader: { kind: "text", rule: "headerName", label: "Event id header", unset: NONE },
  handshake: {
    kind: "oneOf",
    values: WEBHOOK_HANDSHAKES,
    schema: "invoked.WebhookHandshake",
    answer: "Response to GET and HEAD; absent: 405, as for unknown URLs",
    label: "Response to GET and HEAD",
    labels: {
      WEBHOOK_HANDSHAKE_META: "Meta: the challenge, for the verify token",
      WEBHOOK_HANDSHAKE_DROPBOX: "Dropbox: the challenge",
      WEBHOOK_HANDSHAKE_PING: "Trello, Mailchimp: 200",
    },
    unset: NONE,
  },
} as const satisfies Fields;
const VERIFY_TOKEN = {
  kind: "text",
  rule: "verifyToken",
  label: "Verify token",
  request: "Never returned. Required for WEBHOOK_HANDSHAKE_META; other handshakes have no token",
  isHidden: true,
  unset: NONE,
} as const;

const CORS_LIST = { kind: "list", max: 100, isDefaultShown: true, unset: { value: [] } } as const;
/** The Cross-Origin Resource Sharing of an endpoint. */
export const CORS = {
  kind: "group",
  schema: "invoked.CrossOriginSharing",
  unset: NONE,
  fields: {
    allowOrigins: {
      ...CORS_LIST,
      rule: "origin",
      label: "Origins",
      placeholder: "https://app.example.com",
    },
    allowMethods: { ...CORS_LIST, rule: "method", label: "Methods", placeholder: "GET" },
    allowHeaders: {
      ...CORS_LIST,
      rule: "header",
      label: "Request headers",
      placeholder: "Content-Type",
    },
    exposeHeaders: {
      ...CORS_LIST,
      rule: "header",
      label: "Response headers that pages may read",
      placeholder: "ETag",
    },
    allowCredentials: {
      kind: "flag",
      isDefaultShown: true,
      label: "Credentials",
      unset: { value: false },
    },
    maxAge: {
      kind: "duration",
      min: 0,
      max: Infinity,
      label: "Cache preflight responses for",
      placeholder: "10m",
      unset: NONE,
    },
  },
} as const satisfies Fields[string];

/** Invocations by HTTP requests. */
export const HTTP = {
  slug: { kind: "text", rule: "slug", label: "Slug", unset: { value: "" } },
  auth: {
    kind: "oneOf",
    values: ENDPOINT_AUTHS,
    schema: "invoked.EndpointAuth",
    answer: "",
    label: "Who may call",
    labels: {
      ENDPOINT_AUTH_BEARER: "Holders of an access token",
      ENDPOINT_AUTH_SIGNATURE: "Senders that sign",
      ENDPOINT_AUTH_OPEN: "Anybody",
    },
    unset: { value: "ENDPOINT_AUTH_BEARER" },
  },
  host: { kind: "text", rule: "host", label: "Custom host", unset: NONE },
  recordBody: {
    kind: "flag",
    request: "Records the first KiB of a request's text body",
    label: "Record the first KiB of text bodies",
    unset: { value: false },
  },
} as const satisfies Fields;

/** What each kind of a trigger can be set to. */
export const TRIGGER_SETTINGS = {
  schedule: SCHEDULE,
  webhook: { ...WEBHOOK, verifyToken: VERIFY_TOKEN, ...WEBHOOK_METHODS },
  http: { ...HTTP, secret: SECRET, cors: CORS },
} as const satisfies Readonly<Record<string, Fields>>;
