/** The flags that describe a webhook: its method, and what all methods have. */
import { type Command, Option } from "commander";
import type { TriggerSettings } from "../client/triggers.ts";
import { bytesOf } from "../options/common_options.ts";
import { UsageFailure } from "../terminal/failure.ts";
import { readSecrets } from "./secret_input.ts";

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
/** Why the other methods accept no secret. */
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

const HANDSHAKES = {
  meta: "WEBHOOK_HANDSHAKE_META",
  dropbox: "WEBHOOK_HANDSHAKE_DROPBOX",
  ping: "WEBHOOK_HANDSHAKE_PING",
  none: "WEBHOOK_HANDSHAKE_UNSPECIFIED",
} as const;

/** The values of the flags. */
export interface WebhookOptions {
  readonly webhook?: Method;
  readonly secret?: true;
  readonly jwksUrl?: string;
  readonly publicKey?: string;
  readonly signatureHeader?: string;
  readonly signaturePrefix?: string;
  readonly signatureEncoding?: "hex" | "base64" | "plain";
  readonly response?: "accepted" | "function";
  readonly maxBytes?: number;
  readonly allowSource?: string;
  readonly eventIdHeader?: string;
  readonly handshake?: "meta" | "dropbox" | "ping" | "none";
  readonly verifyToken?: true;
}

/** Adds the flags. */
export function addWebhookOptions(command: Command): void {
  addMethodOptions(command);
  command
    .addOption(
      new Option("--response <RESPONSE>", "When a webhook answers its sender [default accepted]")
        .choices(["accepted", "function"]),
    )
    .addOption(
      new Option("--max-bytes <BYTES>", "Largest body of a webhook [default 64KiB]")
        .argParser((text) => bytesOf("--max-bytes", text, "64KiB")),
    )
    .option("--allow-source <CIDRS>", "Networks that can send to a webhook, separated by commas")
    .option("--event-id-header <NAME>", "Header with the id of the event, if the method has none")
    .addOption(
      new Option("--handshake <HANDSHAKE>", "Response of a webhook to GET and HEAD [default none]")
        .choices(["meta", "dropbox", "ping", "none"]),
    )
    .option(
      "--verify-token",
      "Read the verify token of --handshake meta from stdin, on the line after the secret; by default the command generates a token",
    );
}

function addMethodOptions(command: Command): void {
  command
    .addOption(
      new Option("--webhook <METHOD>", "A webhook, and how its sender is authenticated")
        .choices(Object.keys(METHODS)),
    )
    .option(
      "--secret",
      "Read the webhook's secret from stdin; by default the server generates a secret",
    )
    .option("--jwks-url <URL>", "With --webhook jwt: https URL of the key set of the sender")
    .option("--public-key <HEX>", "With --webhook discord: the public key of the application")
    .option(
      "--signature-header <NAME>",
      "With --webhook header: name of the header with the HMAC-SHA256 or the secret",
    )
    .option(
      "--signature-prefix <TEXT>",
      "With --webhook header: text before the HMAC or the secret, such as sha256=",
    )
    .addOption(
      new Option(
        "--signature-encoding <ENCODING>",
        "With --webhook header: form of the HMAC; plain is the secret itself [default hex]",
      )
        .choices(["hex", "base64", "plain"]),
    );
}

/** What the flags say of a webhook. @throws {Failure} for flags that do not belong together */
export async function webhookOf(options: WebhookOptions): Promise<TriggerSettings> {
  const { webhook, secret, verifyToken } = options;
  const fields = methodFieldsOf(options);
  if (secret && webhook !== undefined && !WITH_SECRET.includes(webhook)) {
    const why = WITHOUT_SECRET[webhook] ?? "the server makes its secret";
    throw new UsageFailure(`Option --secret is not allowed with --webhook ${webhook}: ${why}`, {
      next: "omit --secret",
    });
  }
  if (secret && webhook === undefined) {
    throw new UsageFailure("Option --secret needs --webhook", {
      next: "replace the secret of a trigger by invoked trigger rotate-secret --given",
    });
  }
  const names = [...secret ? ["secret"] : [], ...verifyToken ? ["verify token"] : []];
  const given = await readSecrets(names);
  const method = { ...fields, ...secret ? { secret: given[0] } : {} };
  return {
    ...commonOf(options),
    ...webhook === undefined ? {} : { [METHODS[webhook]]: method },
    ...verifyToken ? { verifyToken: given.at(-1) } : {},
  };
}

function commonOf(
  { response, maxBytes, allowSource, eventIdHeader, handshake }: WebhookOptions,
): TriggerSettings {
  return {
    ...response === undefined ? {} : { response: `WEBHOOK_RESPONSE_${response.toUpperCase()}` },
    ...maxBytes === undefined ? {} : { maxBytes },
    ...allowSource === undefined ? {} : { allowSourceCidrs: listOf(allowSource) },
    ...eventIdHeader === undefined ? {} : { eventIdHeader },
    ...handshake === undefined ? {} : { handshake: HANDSHAKES[handshake] },
  };
}

function listOf(text: string): string[] {
  return text.split(",").map((each) => each.trim()).filter((each) => each !== "");
}

/** The settings of the method that have flags. @throws {Failure} for a flag that is missing, or of another method */
function methodFieldsOf(options: WebhookOptions): TriggerSettings {
  const fields: Record<string, string> = {};
  for (const name of Object.keys(METHOD_FLAGS) as MethodFlag[]) {
    const { flag, method, field, isNeeded } = METHOD_FLAGS[name];
    const value = options[name];
    const isOf = options.webhook === method;
    if (value === undefined && isOf && isNeeded) {
      throw new UsageFailure(`Option --webhook ${method} needs ${flag}`, {
        next: `give ${flag}; --help says what it is`,
      });
    }
    if (value === undefined) continue;
    if (!isOf) {
      throw new UsageFailure(`Option ${flag} needs --webhook ${method}`, {
        next: `give --webhook ${method}, or omit ${flag}`,
      });
    }
    fields[field] = field === "encoding" ? `SIGNATURE_ENCODING_${value.toUpperCase()}` : value;
  }
  return fields;
}
