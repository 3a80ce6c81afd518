/** The flags that describe a trigger. */
import { type Command, Option } from "commander";
import { z } from "zod";
import type { Api } from "../client/api.ts";
import { volumeIdOf } from "../client/find.ts";
import { type Kind, KINDS, type TriggerChange, type TriggerSettings } from "../client/triggers.ts";
import { SETTINGS_OF } from "../folder/trigger_settings.ts";
import type { JsonFlag } from "../options/common_options.ts";
import { readInput } from "../options/input.ts";
import { oneLine, UsageFailure } from "../terminal/failure.ts";
import { addWebhookOptions, webhookOf, type WebhookOptions } from "./webhook_options.ts";

export interface TriggerOptions extends WebhookOptions, JsonFlag {
  readonly cron?: string;
  readonly at?: string;
  readonly timezone?: string;
  readonly input?: string;
  readonly slug?: string;
  readonly auth?: "open" | "bearer" | "signature";
  readonly settings?: string;
  readonly volume?: string;
}

/** Adds the flags; `--settings` has what has no flag. */
export function addTriggerOptions(command: Command): void {
  command
    .option("--cron <LINE>", "A schedule: minute, hour, day, month, day of the week, or @daily")
    .option("--at <TIME>", "A schedule that runs once, at a time such as 2026-01-31T12:00:00Z")
    .option("--timezone <NAME>", "Time zone of the schedule, such as Europe/Berlin [default UTC]")
    .option(
      "--input <JSON>",
      "Input of the invocations of the schedule; @FILE reads it from a file",
    );
  addWebhookOptions(command);
  command
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
    .option("--volume <VOLUME>", "Name or id of the volume to attach to its invocations");
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
  const violations = given.error.issues.map(({ path, message }) =>
    path.length === 0 ? message : `${path.join(".")}: ${message}`
  );
  throw new UsageFailure(`Invalid --settings: ${oneLine(violations.join("; "))}`, {
    next: `give an object with one of ${KINDS.join(", ")}, as invoked.json has it`,
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

function endpointOf({ slug, auth }: TriggerOptions): TriggerSettings {
  return {
    ...slug === undefined ? {} : { slug },
    ...auth === undefined ? {} : { auth: `ENDPOINT_AUTH_${auth.toUpperCase()}` },
  };
}
