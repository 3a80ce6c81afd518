/** What a request says of a trigger, and the settings that follow. */
import type { Wanted } from "../../resources/field.ts";
import {
  type HTTP,
  type SCHEDULE,
  TRIGGER_SETTINGS,
  type WEBHOOK,
} from "../../resources/triggers.ts";
import { characters, exceeds } from "../../config/mod.ts";
import { invalid } from "../errors.ts";
import { maskedFields, type UpdateMask } from "../update_mask.ts";
import { checkTimes } from "./schedule_times.ts";
import {
  completeSettings,
  type CorsSettings,
  TRIGGER_NAME_CHARS_MAX,
  type TriggerKind,
  type TriggerSettings,
  WEBHOOK_METHODS,
  type WebhookMethod,
  type WebhookSettings,
} from "./settings.ts";

/** The fields of a trigger that a caller can set. Absent ones get their defaults, or stay as they are. */
export interface TriggerChange {
  readonly displayName?: string | undefined;
  readonly paused?: boolean | undefined;
  /** Empty for the volume of the function. */
  readonly vfsId?: string | undefined;
  readonly schedule?: Wanted<typeof SCHEDULE> | undefined;
  readonly webhook?:
    | Wanted<typeof WEBHOOK> & Secret & VerifyToken & {
      readonly method?: WebhookMethod | undefined;
    }
    | undefined;
  readonly http?:
    | Wanted<typeof HTTP> & Secret & {
      readonly cors?: CorsSettings | undefined;
    }
    | undefined;
}

interface Secret {
  /** Its new secret. */
  readonly secret?: string | undefined;
}

interface VerifyToken {
  /** The new text that its handshakes must have. */
  readonly verifyToken?: string | undefined;
}

export const TRIGGER_KINDS = ["schedule", "webhook", "http"] as const satisfies TriggerKind[];

const UPDATABLE: readonly string[] = [
  "displayName",
  "paused",
  "vfsId",
  ...TRIGGER_KINDS,
  ...TRIGGER_KINDS.flatMap((kind) =>
    Object.keys(TRIGGER_SETTINGS[kind]).map((field) => `${kind}.${field}`)
  ),
];

/** What follows from a request. */
export interface ChangedTrigger {
  readonly settings: TriggerSettings;
  /** The secret that the request gives. */
  readonly secret: string | undefined;
  /** The verify token that the request gives. */
  readonly verifyToken: string | undefined;
  /** Whether the times of a schedule are others than before. */
  readonly changesTimes: boolean;
}

/** The settings of a new trigger. @throws INVALID_FIELD */
export function newSettings(change: TriggerChange, now: Date): ChangedTrigger {
  const kinds = TRIGGER_KINDS.filter((kind) => change[kind] !== undefined);
  const [kind] = kinds;
  if (kind === undefined || kinds.length > 1) {
    throw invalid({
      field: "trigger",
      description: `must have exactly one of ${TRIGGER_KINDS.join(", ")}`,
    });
  }
  const settings = completeSettings(kind, change[kind] ?? {});
  check(settings, true, now);
  return {
    settings,
    secret: secretOf(change, kind),
    verifyToken: change.webhook?.verifyToken,
    changesTimes: kind === "schedule",
  };
}

/** The fields that an update changes, the nested ones as `schedule.cronSpec`. @throws INVALID_FIELD */
export function changedFields(
  change: TriggerChange,
  mask: UpdateMask | undefined,
  kind: TriggerKind,
): ReadonlySet<string> {
  const given = Object.entries(change).flatMap(([name, value]) =>
    typeof value === "object" ? fieldsOf(value).map((field) => `${name}.${field}`) : [name]
  );
  const isAll = typeof mask === "string" ? mask.trim() === "*" : mask?.paths.includes("*") === true;
  const fields = isAll
    ? ["displayName", "paused", "vfsId", kind]
    : [...maskedFields(mask, UPDATABLE, Object.fromEntries(given.map((name) => [name, true])))];
  const other = [...fields, ...isAll ? given : []].map((field) => field.split(".")[0])
    .find((name) => TRIGGER_KINDS.some((each) => each === name && each !== kind));
  if (other !== undefined) {
    throw invalid({
      field: `trigger.${other}`,
      description: `must be absent: the trigger is a ${kind}, and its kind does not change`,
    });
  }
  return new Set(fields);
}

/** The settings of a trigger after an update of these fields. @throws INVALID_FIELD */
export function updatedSettings(
  before: TriggerSettings,
  change: TriggerChange,
  fields: ReadonlySet<string>,
  now: Date,
): ChangedTrigger {
  const { kind } = before;
  const given: Record<string, unknown> = { ...change[kind] };
  const isWhole = fields.has(kind);
  const names = [...fields].filter((field) => field.startsWith(`${kind}.`))
    .map((field) => field.slice(kind.length + 1));
  const merged = isWhole ? given : { ...ownOf(before) };
  if (!isWhole) {
    for (const name of names) {
      const field = WEBHOOK_METHODS.some((method) => method === name) ? "method" : name;
      merged[field] = given[field];
      // One replaces the other, with what belongs to it alone.
      if (name === "at" && given[field] !== undefined) {
        merged["cronSpec"] = undefined;
        if (!names.includes("start")) merged["start"] = undefined;
      }
      if (name === "cronSpec" && given[field] !== undefined) merged["at"] = undefined;
    }
  }
  const settings = completeSettings(kind, merged);
  const changesTimes = timesOf(settings) !== timesOf(before);
  check(settings, changesTimes, now);
  const hasSecret = isWhole || names.length > 0;
  return {
    settings,
    secret: hasSecret ? secretOf(change, kind) : undefined,
    verifyToken: isWhole || names.includes("verifyToken") ? change.webhook?.verifyToken : undefined,
    changesTimes,
  };
}

/** @throws INVALID_FIELD */
export function checkName(displayName: string | undefined): string {
  const field = "trigger.displayName";
  if (!displayName?.trim()) throw invalid({ field, description: "must not be empty" });
  if (displayName.length <= TRIGGER_NAME_CHARS_MAX) return displayName;
  const description = exceeds(displayName.length, TRIGGER_NAME_CHARS_MAX, characters);
  throw invalid({ field, description });
}

function fieldsOf(value: object): string[] {
  return Object.entries(value).filter(([, member]) => member !== undefined)
    .map(([name, member]) => name === "method" ? (member as { kind: string }).kind : name);
}

function ownOf(settings: TriggerSettings): Readonly<Record<string, unknown>> {
  switch (settings.kind) {
    case "schedule":
      return { ...settings.schedule };
    case "webhook":
      return { ...settings.webhook };
    case "http":
      return { ...settings.http };
  }
}

function secretOf(change: TriggerChange, kind: TriggerKind): string | undefined {
  return kind === "schedule" ? undefined : change[kind]?.secret || undefined;
}

/** @param isNew whether its times are others than before: those of the past must not come again */
function check(settings: TriggerSettings, isNew: boolean, now: Date): void {
  if (settings.kind === "schedule" && isNew) {
    checkTimes(settings.schedule, now, "trigger.schedule.");
  }
  if (settings.kind === "webhook") checkEventId(settings.webhook);
}

/** Ids of events are recorded; a token is not. @throws INVALID_FIELD */
function checkEventId({ method, eventIdHeader = "" }: WebhookSettings): void {
  const isToken = method.kind === "header" && method.encoding === "SIGNATURE_ENCODING_PLAIN" &&
    method.name.toLowerCase() === eventIdHeader.toLowerCase();
  if (!isToken) return;
  throw invalid({
    field: "trigger.webhook.eventIdHeader",
    description: `must not be ${eventIdHeader}, the header of the token`,
  });
}

function timesOf(settings: TriggerSettings): string {
  if (settings.kind !== "schedule") return "";
  const { cronSpec, at, timezone, start } = settings.schedule;
  return JSON.stringify([cronSpec, at, timezone, start]);
}
