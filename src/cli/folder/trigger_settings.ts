/** The settings of triggers as people write them: which there are, and what the server takes for absent ones. */
import { z } from "zod";
import type { Kind, TriggerSettings } from "../client/triggers.ts";

/**
 * Settings of which the names are checked. The server checks the values, but ignores what it does not know.
 * @param nested those that have settings of their own
 */
function settings(
  names: readonly string[],
  nested: Readonly<Record<string, z.ZodType>> = {},
): z.ZodType<TriggerSettings> {
  const plain = Object.fromEntries(names.map((name) => [name, z.unknown().optional()]));
  const all = [...names, ...Object.keys(nested)];
  return z.strictObject({ ...plain, ...nested }, {
    error: (issue) => {
      if (issue.code !== "unrecognized_keys") return undefined;
      const unknown = issue.keys.map((key) => JSON.stringify(key)).join(", ");
      return `has no setting ${unknown}; it has ${all.length === 0 ? "none" : all.join(", ")}`;
    },
  });
}

const none = settings([]).nullish();
const secret = settings(["secret"]).nullish();

/** The settings of each kind. */
export const SETTINGS_OF: Readonly<Record<Kind, z.ZodType<TriggerSettings>>> = {
  schedule: settings(["cronSpec", "at", "timezone", "start", "input", "catchUp", "overlap"]),
  webhook: settings([
    ...["allowSourceCidrs", "maxBytes", "response", "eventIdHeader", "handshake", "verifyToken"],
  ], {
    hmac: none,
    jwt: settings(["jwksUrl"]).nullish(),
    capabilityUrl: none,
    standardWebhooks: secret,
    github: secret,
    stripe: secret,
    slack: secret,
    discord: settings(["publicKey"]).nullish(),
    header: settings(["name", "prefix", "encoding", "secret"]).nullish(),
  }),
  http: settings(["slug", "auth", "secret", "host", "recordBody"], {
    cors: settings([
      "allowOrigins",
      "allowMethods",
      "allowHeaders",
      "exposeHeaders",
      "allowCredentials",
      "maxAge",
    ]).nullish(),
  }),
};

/** What the server takes for absent settings. */
const DEFAULTS: Readonly<Record<Kind, TriggerSettings>> = {
  schedule: {
    timezone: "UTC",
    input: {},
    catchUp: "CATCH_UP_NONE",
    overlap: "OVERLAP_ALLOW",
  },
  webhook: {
    allowSourceCidrs: [],
    maxBytes: 65_536,
    response: "WEBHOOK_RESPONSE_ACCEPTED",
  },
  http: { auth: "ENDPOINT_AUTH_BEARER", recordBody: false },
};
const HEADER_DEFAULTS = { prefix: "", encoding: "SIGNATURE_ENCODING_HEX" };
const CORS_DEFAULTS = {
  allowOrigins: [],
  allowMethods: [],
  allowHeaders: [],
  exposeHeaders: [],
  allowCredentials: false,
};

/** Settings as the server answers them. */
export function complete(kind: Kind, given: TriggerSettings): TriggerSettings {
  const whole: Record<string, unknown> = { ...DEFAULTS[kind], ...present(given) };
  for (const field of ["at", "start"]) {
    const time = Date.parse(String(whole[field]));
    if (!Number.isNaN(time)) whole[field] = new Date(time).toISOString();
  }
  const { header, cors, host, maxBytes } = whole;
  if (isObject(header)) whole["header"] = { ...HEADER_DEFAULTS, ...present(header) };
  if (isObject(cors)) whole["cors"] = withSeconds({ ...CORS_DEFAULTS, ...present(cors) });
  if (typeof host === "string") whole["host"] = host.toLowerCase();
  if (typeof maxBytes === "string") whole["maxBytes"] = Number(maxBytes);
  return whole;
}

/** The settings that say something: null, 0, an empty text and an unspecified value of an enum mean the default. */
function present(given: object): TriggerSettings {
  return Object.fromEntries(
    Object.entries(given).filter(([, value]) =>
      value !== null && value !== undefined && value !== "" && value !== 0 && value !== "0" &&
      !(typeof value === "string" && value.endsWith("_UNSPECIFIED"))
    ),
  );
}

function withSeconds({ maxAge, ...cors }: TriggerSettings): TriggerSettings {
  const [, seconds] = /^(\d+(?:\.\d+)?)s$/.exec(String(maxAge)) ?? [];
  if (maxAge === undefined) return cors;
  return { ...cors, maxAge: seconds === undefined ? maxAge : `${Number(seconds)}s` };
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
