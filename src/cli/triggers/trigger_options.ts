/** The flags that describe a trigger. */
import { type Command, Option } from "commander";
import { z } from "zod";
import type { Api } from "../client/api.ts";
import { volumeIdOf } from "../client/find.ts";
import { type Kind, KINDS, type TriggerChange, type TriggerSettings } from "../client/triggers.ts";
import { SETTINGS_OF } from "../folder/trigger_settings.ts";
import { readInput } from "../options/input.ts";
import { Failure, oneLine } from "../terminal/failure.ts";
import { readSecret } from "./secret_input.ts";

/** Methods of webhooks as flags name them, and as the API does. */
const METHODS = {
  "hmac": "hmac",
  "jwt": "jwt",
  "capability-url": "capabilityUrl",
  "standard-webhooks": "standardWebhooks",
  "github": "github",
  "stripe": "stripe",
  "slack": "slack",
  "discord": "discord",
  "header": "header",
} as const;
type Method = keyof typeof METHODS;
/** Those whose secret may be the sender's. */
const WITH_SECRET: readonly Method[] = ["standard-webhooks", "github", "stripe", "slack", "header"];
/** Why the others take none. */
const WITHOUT_SECRET: Partial<Record<Method, string>> = {
  "jwt": "its sender alone has a key",
  "discord": "its sender alone has a key",
};

/** Flags of one method alone: the method, the field of its settings, and whether the method needs it. */
const METHOD_FLAGS = {
  jwksUrl: { flag: "--jwks-url", method: "jwt", field: "jwksUrl", isNeeded: true },
  publicKey: { flag: "--public-key", method: "discord", field: "publicKey", isNeeded: true },
  signatureHeader: { flag: "--signature-header", method: "header", field: "name", isNeeded: true },
  signaturePrefix: {
    flag: "--signature-prefix",
    method: "header",
    field: "prefix",
    isNeeded: false,
  },
  signatureEncoding: {
    flag: "--signature-encoding",
    method: "header",
    field: "encoding",
    isNeeded: false,
  },
} as const;
type MethodFlag = keyof typeof METHOD_FLAGS;

export interface TriggerOptions {
  readonly cron?: string;
  readonly at?: string;
  readonly timezone?: string;
  readonly input?: string;
  readonly webhook?: Method;
  readonly secret?: true;
  readonly jwksUrl?: string;
  readonly publicKey?: string;
  readonly signatureHeader?: string;
  readonly signaturePrefix?: string;
  readonly signatureEncoding?: "hex" | "base64";
  readonly slug?: string;
  readonly auth?: "open" | "bearer" | "signature";
  readonly settings?: string;
  readonly volume?: string;
  readonly json?: true;
}

/** Adds the flags; `--settings` has what has no flag. */
export function addTriggerOptions(command: Command): void {
  command
    .option("--cron <LINE>", "A schedule: minute, hour, day, month, day of the week, or @daily")
    .option("--at <TIME>", "A schedule of one run, at a time such as 2026-01-31T12:00:00Z")
    .option("--timezone <NAME>", "Time zone of the schedule, such as Europe/Berlin [default UTC]")
    .option("--input <JSON>", "Input of the calls of the schedule; @FILE reads it from a file")
    .addOption(
      new Option("--webhook <METHOD>", "A webhook, and how its sender is authenticated")
        .choices(Object.keys(METHODS)),
    )
    .option("--secret", "Take the secret of the webhook from stdin; otherwise one is made")
    .option("--jwks-url <URL>", "With --webhook jwt: https URL of the key set of the sender")
    .option("--public-key <HEX>", "With --webhook discord: the public key of the application")
    .option(
      "--signature-header <NAME>",
      "With --webhook header: name of the header with the HMAC-SHA256",
    )
    .option(
      "--signature-prefix <TEXT>",
      "With --webhook header: text before the HMAC, such as sha256=",
    )
    .addOption(
      new Option(
        "--signature-encoding <ENCODING>",
        "With --webhook header: form of the HMAC [default hex]",
      )
        .choices(["hex", "base64"]),
    )
    .option("--slug <SLUG>", "An endpoint, at the path /run/SLUG")
    .addOption(
      new Option("--auth <AUTH>", "Who may call the endpoint [default bearer]")
        .choices(["open", "bearer", "signature"]),
    )
    .option(
      "--settings <JSON>",
      `Further settings, as in invoked.json: an object with one of ${
        KINDS.join(", ")
      }; @FILE reads it`,
    )
    .option("--volume <VOLUME>", "Name or id of the volume to attach to its calls");
}

/** What the flags say. */
export async function changeOf(api: Api, options: TriggerOptions): Promise<TriggerChange> {
  const { volume } = options;
  const further = await furtherOf(options);
  const flags = {
    schedule: await scheduleOf(options),
    webhook: await webhookOf(options),
    http: endpointOf(options),
  };
  const kinds = KINDS.flatMap((kind) => {
    const settings = { ...further[kind], ...flags[kind] };
    const isGiven = kind in further || Object.keys(settings).length > 0;
    return isGiven ? [[kind, settings] as const] : [];
  });
  return {
    ...Object.fromEntries(kinds),
    ...volume === undefined ? {} : { vfsId: await volumeIdOf(api, volume) },
  };
}

type FurtherSettings = { readonly [Each in Kind]?: TriggerSettings | undefined };

/** What `--settings` says. @throws {Failure} for names that no trigger has */
async function furtherOf({ settings }: TriggerOptions): Promise<FurtherSettings> {
  if (settings === undefined) return {};
  const given = z.strictObject(SETTINGS_OF).partial().safeParse(
    JSON.parse(await readInput(settings, "--settings")),
  );
  if (given.success) return given.data;
  const faults = given.error.issues.map(({ path, message }) =>
    path.length === 0 ? message : `${path.join(".")}: ${message}`
  );
  throw new Failure(`Cannot use --settings: ${oneLine(faults.join("; "))}`, {
    next: `give an object with one of ${KINDS.join(", ")}, as invoked.json has it`,
    exit: "usage",
  });
}

async function scheduleOf({ cron, at, timezone, input }: TriggerOptions): Promise<TriggerSettings> {
  return {
    ...cron === undefined ? {} : { cronSpec: cron },
    ...at === undefined ? {} : { at },
    ...timezone === undefined ? {} : { timezone },
    ...input === undefined ? {} : { input: JSON.parse(await readInput(input)) },
  };
}

async function webhookOf(options: TriggerOptions): Promise<TriggerSettings> {
  const { webhook, secret } = options;
  const fields = methodFieldsOf(options);
  if (webhook === undefined) return {};
  if (!secret) return { [METHODS[webhook]]: fields };
  if (WITH_SECRET.includes(webhook)) {
    return { [METHODS[webhook]]: { ...fields, secret: await readSecret() } };
  }
  const why = WITHOUT_SECRET[webhook] ?? "the server makes its secret";
  throw new Failure(`Cannot use --secret with --webhook ${webhook}: ${why}`, { exit: "usage" });
}

/** The settings of the method that have flags. @throws {Failure} for a flag that is missing, or of another method */
function methodFieldsOf(options: TriggerOptions): TriggerSettings {
  const fields: Record<string, string> = {};
  for (const name of Object.keys(METHOD_FLAGS) as MethodFlag[]) {
    const { flag, method, field, isNeeded } = METHOD_FLAGS[name];
    const value = options[name];
    const isOf = options.webhook === method;
    if (value === undefined && isOf && isNeeded) {
      throw new Failure(`Cannot use --webhook ${method}: ${flag} is missing`, { exit: "usage" });
    }
    if (value === undefined) continue;
    if (!isOf) {
      throw new Failure(`Cannot use ${flag}: it needs --webhook ${method}`, { exit: "usage" });
    }
    fields[field] = field === "encoding" ? `SIGNATURE_ENCODING_${value.toUpperCase()}` : value;
  }
  return fields;
}

function endpointOf({ slug, auth }: TriggerOptions): TriggerSettings {
  return {
    ...slug === undefined ? {} : { slug },
    ...auth === undefined ? {} : { auth: `ENDPOINT_AUTH_${auth.toUpperCase()}` },
  };
}
