/** The writes of triggers, inside the transactions of their requests. */
import { randomBytes } from "node:crypto";
import { countOf } from "../../config/mod.ts";
import type { Writers } from "../../store/mod.ts";
import type { TriggerRow } from "../../store/triggers.ts";
import { DomainError, invalid, notFound } from "../errors.ts";
import type { Invocations } from "../invocations/invocations.ts";
import { liveVolume } from "../volumes/volumes.ts";
import { assertFree } from "./addresses.ts";
import {
  type ChangedTrigger,
  checkName,
  newSettings,
  type TriggerChange,
  updatedSettings,
} from "./changes.ts";
import { checkHost, checkWebhook, type TriggerLimits } from "./limits.ts";
import { skipUntaken } from "./scheduled_invocations.ts";
import { timeAfter } from "./schedule_times.ts";
import {
  checkSecret,
  makeSecret,
  type SecretForm,
  secretFormOf,
  type TriggerSecrets,
} from "./secrets.ts";
import { settingsColumns, settingsOf, type TriggerSettings } from "./settings.ts";

const LISTENER_ID_BYTES = 20;
const VERIFY_TOKEN = "trigger.webhook.verifyToken";
const NO_SECRET = { sealedSecret: null, sealedOldSecret: null, oldSecretUntil: null } as const;

/** A secret that is shown once. */
export interface ShownSecret {
  readonly form: SecretForm;
  readonly value: string;
}

/** A trigger as it was written, and the secret that the request has made. */
export interface WrittenTrigger {
  readonly row: TriggerRow;
  readonly secret: ShownSecret | undefined;
}

/** A trigger as it is to be written. */
export interface TriggerDraft extends WrittenTrigger {
  readonly settings: TriggerSettings;
  /** Whether its next time is to be planned anew. */
  readonly isPlanned: boolean;
  readonly time: Date;
}

/** A trigger that is to be changed. */
export interface TriggerRevision extends TriggerDraft {
  readonly before: TriggerRow;
}

/** Makes the rows of triggers, and writes them. */
export class TriggerWrites {
  constructor(
    private readonly parts: {
      readonly secrets: TriggerSecrets;
      readonly limits: TriggerLimits;
      readonly invocations: Pick<Invocations, "skippedRow">;
    },
  ) {}

  /** A new trigger. @throws INVALID_FIELD */
  draft(
    functionId: string,
    change: TriggerChange,
    { id, time }: { readonly id: string; readonly time: Date },
  ): TriggerDraft {
    const changed = newSettings(change, time);
    const { settings } = changed;
    checkWebhook(settings, this.parts.limits);
    checkHost(settings, this.parts.limits);
    const made = this.#secretFor(changed, undefined);
    const now = time.toISOString();
    const row: TriggerRow = {
      ...settingsColumns(settings),
      id,
      functionId,
      displayName: checkName(change.displayName),
      paused: change.paused ? 1 : 0,
      volumeId: change.vfsId || null,
      listenerId: settings.kind === "webhook" ? newWebhookUrlId() : null,
      ...NO_SECRET,
      ...made === undefined ? {} : { sealedSecret: this.parts.secrets.seal(id, made.value) },
      sealedVerifyToken: this.#verifyTokenFor(changed, id, null),
      createdAt: now,
      updatedAt: now,
    };
    const secret = changed.secret === undefined ? made : undefined;
    return { row, settings, secret, isPlanned: true, time };
  }

  /** A trigger after a change of these fields. @throws INVALID_FIELD */
  revise(before: TriggerRow, change: TriggerChange, fields: ReadonlySet<string>): TriggerRevision {
    const time = new Date();
    const changed = updatedSettings(settingsOf(before), change, fields, time);
    const { settings } = changed;
    checkWebhook(settings, this.parts.limits);
    // A host stored under earlier settings stays until an update names it.
    if (fields.has("http") || fields.has("http.host")) checkHost(settings, this.parts.limits);
    const made = this.#secretFor(changed, before);
    const row: TriggerRow = {
      ...before,
      ...settingsColumns(settings),
      ...fields.has("displayName") ? { displayName: checkName(change.displayName) } : {},
      ...fields.has("paused") ? { paused: change.paused ? 1 : 0 } : {},
      ...fields.has("vfsId") ? { volumeId: change.vfsId || null } : {},
      ...made === undefined
        ? keptSecret(before, settings)
        : { ...NO_SECRET, sealedSecret: this.parts.secrets.seal(before.id, made.value) },
      sealedVerifyToken: this.#verifyTokenFor(changed, before.id, before.sealedVerifyToken),
      updatedAt: time.toISOString(),
    };
    const secret = changed.secret === undefined ? made : undefined;
    const isPlanned = changed.changesTimes || row.paused !== before.paused;
    return { row, settings, secret, isPlanned, time, before };
  }

  /** @throws TRIGGER_LIMIT, TRIGGER_ALREADY_EXISTS, VOLUME_NOT_FOUND */
  async insert(tx: Writers, draft: TriggerDraft): Promise<WrittenTrigger> {
    const { functionId } = draft.row;
    const count = (await tx.triggers.idsOf([functionId])).get(functionId)?.length ?? 0;
    const { maxTriggers } = this.parts.limits;
    if (count >= maxTriggers) throw tooMany(functionId, maxTriggers);
    await this.#assertFree(tx, draft.row);
    await tx.triggers.insert(draft.row);
    await plan(tx, draft);
    return draft;
  }

  /** @throws TRIGGER_ALREADY_EXISTS, VOLUME_NOT_FOUND */
  async update(tx: Writers, draft: TriggerRevision): Promise<WrittenTrigger> {
    await this.#assertFree(tx, draft.row);
    if (draft.isPlanned) {
      const change = draft.row.paused > draft.before.paused ? "paused" : "edited";
      await skipUntaken(tx, this.parts.invocations, draft.before, change, draft.time);
    }
    await tx.triggers.update(draft.row.id, draft.row);
    await plan(tx, draft);
    return draft;
  }

  /** Deletes a trigger with its deliveries. */
  async delete(tx: Writers, row: TriggerRow): Promise<void> {
    await skipUntaken(tx, this.parts.invocations, row, "deleted", new Date());
    await tx.triggers.delete(row.id);
  }

  async #assertFree(tx: Writers, row: TriggerRow): Promise<void> {
    await assertFree(tx, row, this.parts.limits.hosts.domain);
    if (row.volumeId !== null) await liveVolume(tx, row.volumeId);
  }

  /** The secret that a change needs: the given one, one that is made, or undefined if the stored one stays. */
  #secretFor(
    { settings, secret }: ChangedTrigger,
    before: TriggerRow | undefined,
  ): ShownSecret | undefined {
    const form = secretFormOf(settings);
    if (form === undefined) {
      if (secret === undefined) return undefined;
      const description =
        "must be absent: only signed webhooks and endpoints with ENDPOINT_AUTH_SIGNATURE have one";
      throw invalid({ field: secretFieldOf(settings), description });
    }
    if (secret !== undefined) {
      checkSecret(form, secret, secretFieldOf(settings));
      return { form, value: secret };
    }
    const isKept = before !== undefined && before.sealedSecret !== null &&
      methodOf(settingsOf(before)) === methodOf(settings);
    return isKept ? undefined : { form, value: makeSecret(form) };
  }

  /** The sealed verify token after a change: the given one, or the stored one. @throws INVALID_FIELD */
  #verifyTokenFor(
    { settings, verifyToken }: ChangedTrigger,
    id: string,
    stored: Uint8Array | null,
  ): Uint8Array | null {
    const isNeeded = settings.kind === "webhook" &&
      settings.webhook.handshake === "WEBHOOK_HANDSHAKE_META";
    if (!isNeeded) {
      if (verifyToken === undefined) return null;
      const description = "must be absent: only WEBHOOK_HANDSHAKE_META has one";
      throw invalid({ field: VERIFY_TOKEN, description });
    }
    if (verifyToken !== undefined) return this.parts.secrets.sealVerifyToken(id, verifyToken);
    if (stored !== null) return stored;
    const description = "must be given with WEBHOOK_HANDSHAKE_META: a text of your choice, which " +
      "you also enter at the sender";
    throw invalid({ field: VERIFY_TOKEN, description });
  }
}

/** The trigger as this transaction sees it. @throws TRIGGER_NOT_FOUND */
export async function current(tx: Writers, functionId: string, id: string): Promise<TriggerRow> {
  const row = await tx.triggers.get(id);
  if (row?.functionId === functionId) return row;
  throw triggerNotFound(functionId, id);
}

/** Plans the next time of a schedule: after now, and after the last time that was taken. */
async function plan(tx: Writers, { row, settings, isPlanned, time }: TriggerDraft): Promise<void> {
  if (!isPlanned || settings.kind !== "schedule") return;
  const last = (await tx.schedules.of([row.id])).get(row.id)?.lastAt;
  const after = new Date(Math.max(time.getTime(), Date.parse(last ?? "1970-01-01T00:00:00Z")));
  const next = row.paused === 1 ? undefined : timeAfter(settings.schedule, after);
  await tx.schedules.plan(row.id, next?.toISOString() ?? null);
}

/** The field of a request that gives the secret. */
function secretFieldOf(settings: TriggerSettings): string {
  return settings.kind === "webhook"
    ? `trigger.webhook.${settings.webhook.method.kind}.secret`
    : `trigger.${settings.kind}.secret`;
}

/**
 * What decides about the form of a secret and who knows it. A secret that has signed is no token that each delivery shows,
 * and the reverse.
 */
function methodOf(settings: TriggerSettings): string {
  const form = secretFormOf(settings) ?? "";
  return settings.kind === "webhook" ? `${settings.webhook.method.kind} ${form}` : form;
}

/** The secrets that stay: none if the trigger has none any more. */
function keptSecret(before: TriggerRow, settings: TriggerSettings): Partial<TriggerRow> {
  if (secretFormOf(settings) !== undefined || before.sealedSecret === null) return {};
  return NO_SECRET;
}

/** The id of a webhook URL is no secret, but nobody guesses one. */
function newWebhookUrlId(): string {
  return randomBytes(LISTENER_ID_BYTES).toString("base64url");
}

export function triggerNotFound(functionId: string, id: string): DomainError {
  return notFound("TRIGGER_NOT_FOUND", "Trigger", id, `of function ${functionId} does not exist`);
}

function tooMany(functionId: string, max: number): DomainError {
  return new DomainError(
    "TRIGGER_LIMIT",
    `Too many triggers: function ${functionId} has ${countOf(max, "trigger")}, ` +
      "the limit (--max-triggers)",
  );
}
