/** The flags that describe a trigger. */
import { type Command, Option } from "commander";
import type { Api } from "../client/api.ts";
import { volumeIdOf } from "../client/find.ts";
import { KINDS, type TriggerChange, type TriggerSettings } from "../client/triggers.ts";
import { readInput } from "../options/input.ts";
import { Failure } from "../terminal/failure.ts";
import { readSecret } from "./secret_input.ts";

/** Methods of webhooks as flags name them, and as the API does. */
const METHODS = {
  "hmac": "hmac",
  "capability-url": "capabilityUrl",
  "standard-webhooks": "standardWebhooks",
  "github": "github",
  "stripe": "stripe",
  "slack": "slack",
} as const;
/** Those whose senders make the secret. */
const WITH_SECRET: readonly string[] = ["standard-webhooks", "github", "stripe", "slack"];

export interface TriggerOptions {
  readonly cron?: string;
  readonly at?: string;
  readonly timezone?: string;
  readonly input?: string;
  readonly webhook?: keyof typeof METHODS;
  readonly secret?: true;
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
    .option("--at <TIME>", "A schedule of one time, RFC 3339")
    .option("--timezone <NAME>", "Time zone of the schedule, such as Europe/Berlin [default UTC]")
    .option("--input <JSON>", "Input of the calls of the schedule; @FILE reads it from a file")
    .addOption(
      new Option(
        "--webhook <METHOD>",
        "A webhook, and how its sender proves itself; discord, jwt and header need --settings",
      )
        .choices(Object.keys(METHODS)),
    )
    .option("--secret", "Take the secret of the webhook from stdin; otherwise one is made")
    .option("--slug <SLUG>", "An endpoint: its part of the path after /run/")
    .addOption(
      new Option("--auth <AUTH>", "Who may call the endpoint [default bearer]")
        .choices(["open", "bearer", "signature"]),
    )
    .option(
      "--settings <JSON>",
      `Further settings as invoked.json has them: an object with one of ${KINDS.join(", ")}; @FILE`,
    )
    .option("--volume <VOLUME>", "Name or id of the volume of its calls");
}

/** What the flags say. */
export async function changeOf(api: Api, options: TriggerOptions): Promise<TriggerChange> {
  const { volume } = options;
  const further = options.settings === undefined
    ? {}
    : JSON.parse(await readInput(options.settings)) as Record<string, TriggerSettings>;
  const unknown = Object.keys(further).find((name) => !KINDS.some((kind) => kind === name));
  if (unknown !== undefined) {
    throw new Failure(`Cannot use --settings: ${JSON.stringify(unknown)} is not a kind`, {
      next: `the kinds are ${KINDS.join(", ")}`,
      exit: "usage",
    });
  }
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

async function scheduleOf({ cron, at, timezone, input }: TriggerOptions): Promise<TriggerSettings> {
  return {
    ...cron === undefined ? {} : { cronSpec: cron },
    ...at === undefined ? {} : { at },
    ...timezone === undefined ? {} : { timezone },
    ...input === undefined ? {} : { input: JSON.parse(await readInput(input)) },
  };
}

async function webhookOf({ webhook, secret }: TriggerOptions): Promise<TriggerSettings> {
  if (webhook === undefined) return {};
  if (!secret) return { [METHODS[webhook]]: {} };
  if (WITH_SECRET.includes(webhook)) return { [METHODS[webhook]]: { secret: await readSecret() } };
  throw new Failure(`Cannot use --secret with --webhook ${webhook}: the server makes its secret`, {
    exit: "usage",
  });
}

function endpointOf({ slug, auth }: TriggerOptions): TriggerSettings {
  return {
    ...slug === undefined ? {} : { slug },
    ...auth === undefined ? {} : { auth: `ENDPOINT_AUTH_${auth.toUpperCase()}` },
  };
}
