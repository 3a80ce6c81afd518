import { randomBytes } from "node:crypto";
import { countOf } from "../../config/mod.ts";
import type { Store, Writers } from "../../store/mod.ts";
import type { DeliveryRow } from "../../store/deliveries.ts";
import type { ScheduleRow } from "../../store/schedules.ts";
import type { TriggerRow } from "../../store/triggers.ts";
import { DomainError, invalid, invalidTarget } from "../errors.ts";
import type { UpdateMask } from "../functions/update_mask.ts";
import type { Ids } from "../ids.ts";
import { locks } from "../locks.ts";
import type { ListPage, PageQuery, Pages } from "../paging.ts";
import { anyFunction, liveFunction } from "../references.ts";
import { liveVolume } from "../volumes/volumes.ts";
import { assertFree } from "./addresses.ts";
import {
  changedFields,
  type ChangedTrigger,
  checkName,
  newSettings,
  type TriggerChange,
  updatedSettings,
} from "./changes.ts";
import { checkHost, checkWebhook, type TriggerLimits } from "./limits.ts";
import { timeAfter, timesAfter } from "./schedule_times.ts";
import {
  checkSecret,
  makeSecret,
  type SecretForm,
  secretFormOf,
  TriggerSecrets,
} from "./secrets.ts";
import { settingsColumns, settingsOf, type TriggerSettings } from "./settings.ts";

/** Scheduled times that are shown ahead. */
const NEXT_RUNS = 5;
const LISTENER_ID_BYTES = 20;
const OLD_SECRET_DEFAULT_MS = 24 * 60 * 60 * 1000;
const OLD_SECRET_MAX_MS = 30 * OLD_SECRET_DEFAULT_MS;

const NO_SECRET = { sealedSecret: null, sealedOldSecret: null, oldSecretUntil: null } as const;

/** A trigger with its settings and its times. */
export interface TriggerView {
  readonly row: TriggerRow;
  readonly settings: TriggerSettings;
  readonly lastRun: LastRun | undefined;
  /** The next times of a schedule that is not paused, RFC 3339. */
  readonly nextRuns: readonly string[];
}

/** The last time, or the last delivery. */
export interface LastRun {
  readonly time: string;
  readonly invocationId: string | null;
  /** Why nothing was started. */
  readonly reason: string | null;
}

/** A secret that is shown once. */
export interface ShownSecret {
  readonly form: SecretForm;
  readonly value: string;
}

/** A trigger after a request, and the secret that the request has made. */
export interface MadeTrigger {
  readonly trigger: TriggerView;
  readonly secret: ShownSecret | undefined;
}

/** What triggers are built from. */
export interface TriggerParts {
  readonly store: Store;
  readonly secrets: TriggerSecrets;
  readonly pages: Pages;
  readonly ids: Ids;
  readonly limits: TriggerLimits;
  /** Base URL of the server. */
  readonly url: string;
  /** Called after the times of schedules have changed. */
  readonly onPlanned: () => void;
}

/** Triggers: what starts a function besides calls of the API. */
export class Triggers {
  constructor(private readonly parts: TriggerParts) {}

  /** @throws INVALID_FIELD, TRIGGER_ALREADY_EXISTS, TRIGGER_LIMIT, VOLUME_NOT_FOUND, FUNCTION_NOT_FOUND */
  async create(functionId: string, change: TriggerChange): Promise<MadeTrigger> {
    const fn = await liveFunction(this.parts.store.read, functionId);
    const { id, time } = this.parts.ids.nextWithTime();
    const changed = newSettings(change, time);
    checkWebhook(changed.settings, this.parts.limits);
    checkHost(changed.settings, this.parts.limits);
    const made = this.#secretFor(changed, undefined);
    const now = time.toISOString();
    const row: TriggerRow = {
      ...settingsColumns(changed.settings),
      id,
      functionId: fn.id,
      displayName: checkName(change.displayName),
      paused: change.paused ? 1 : 0,
      volumeId: change.vfsId || null,
      listenerId: changed.settings.kind === "webhook" ? newListenerId() : null,
      ...NO_SECRET,
      ...made === undefined ? {} : { sealedSecret: this.parts.secrets.seal(id, made.value) },
      createdAt: now,
      updatedAt: now,
    };
    return await this.#write(fn.id, change, async (tx) => {
      await liveFunction(tx, fn.id);
      const count = (await tx.triggers.idsOf([fn.id])).get(fn.id)?.length ?? 0;
      const { maxTriggers } = this.parts.limits;
      if (count >= maxTriggers) throw tooMany(fn.id, maxTriggers);
      await this.#assertFree(tx, row);
      await tx.triggers.insert(row);
      await this.#plan(tx, row, changed.settings, time);
      return { row, secret: changed.secret === undefined ? made : undefined };
    });
  }

  /** @throws TRIGGER_NOT_FOUND, FUNCTION_NOT_FOUND */
  async get(functionId: string, id: string): Promise<TriggerView> {
    return await this.#view(await this.row(functionId, id));
  }

  /** The triggers of a function, newest first. */
  async list(functionId: string, query: PageQuery): Promise<ListPage<TriggerView>> {
    const fn = await anyFunction(this.parts.store.read, functionId);
    const page = this.parts.pages.open(["triggers", fn.id], query);
    const { rows, next } = await this.parts.store.read.triggers.ofFunction(fn.id, page);
    return { list: await this.#views(rows), nextPageToken: page.tokenFor(next) };
  }

  /** Changes the masked fields. @throws as {@link create}, and TRIGGER_NOT_FOUND */
  async update(
    functionId: string,
    id: string,
    change: TriggerChange,
    mask: UpdateMask | undefined,
  ): Promise<MadeTrigger> {
    const { kind } = await this.row(functionId, id);
    const fields = changedFields(change, mask, kind);
    return await this.#write(functionId, change, async (tx) => {
      const before = await this.#current(tx, functionId, id);
      const now = new Date();
      const changed = updatedSettings(settingsOf(before), change, fields, now);
      checkWebhook(changed.settings, this.parts.limits);
      // A host stored under earlier settings stays until an update names it.
      if (fields.has("http") || fields.has("http.host")) {
        checkHost(changed.settings, this.parts.limits);
      }
      const made = this.#secretFor(changed, before);
      const row: TriggerRow = {
        ...before,
        ...settingsColumns(changed.settings),
        ...fields.has("displayName") ? { displayName: checkName(change.displayName) } : {},
        ...fields.has("paused") ? { paused: change.paused ? 1 : 0 } : {},
        ...fields.has("vfsId") ? { volumeId: change.vfsId || null } : {},
        ...made === undefined
          ? keptSecret(before, changed.settings)
          : { ...NO_SECRET, sealedSecret: this.parts.secrets.seal(id, made.value) },
        updatedAt: now.toISOString(),
      };
      await this.#assertFree(tx, row);
      await tx.triggers.update(id, row);
      if (changed.changesTimes || row.paused !== before.paused) {
        await this.#plan(tx, row, changed.settings, now);
      }
      return { row, secret: changed.secret === undefined ? made : undefined };
    });
  }

  /** Deletes a trigger with its deliveries; its invocations stay. @throws TRIGGER_NOT_FOUND */
  async delete(functionId: string, id: string): Promise<void> {
    const row = await this.row(functionId, id);
    await this.parts.store.write(
      (tx) => tx.triggers.delete(row.id),
      "durable",
      [locks.ofFunction(functionId)],
    );
  }

  /**
   * Replaces the secret. The one before is accepted for a time, too.
   * @param given the new secret; undefined to make one
   * @param expireOldAfterMs 0 ends the old one at once
   * @throws TRIGGER_NOT_FOUND, INVALID_FIELD
   */
  async rotateSecret(
    functionId: string,
    id: string,
    given: string | undefined,
    expireOldAfterMs = OLD_SECRET_DEFAULT_MS,
  ): Promise<ShownSecret> {
    const row = await this.row(functionId, id);
    const form = secretFormOf(settingsOf(row));
    if (form === undefined) {
      throw invalidTarget(`Cannot rotate the secret of trigger ${id}`, "it has no secret");
    }
    if (expireOldAfterMs > OLD_SECRET_MAX_MS) {
      throw invalid({
        field: "expireOldAfter",
        description: `must be at most ${OLD_SECRET_MAX_MS / 1000}s (30 days)`,
      });
    }
    if (given !== undefined) checkSecret(form, given, "secret");
    const value = given ?? makeSecret(form);
    const now = new Date();
    await this.parts.store.write(
      async (tx) => {
        const current = await this.#current(tx, functionId, id);
        await tx.triggers.update(id, {
          sealedSecret: this.parts.secrets.seal(id, value),
          sealedOldSecret: current.sealedSecret,
          oldSecretUntil: new Date(now.getTime() + expireOldAfterMs).toISOString(),
          updatedAt: now.toISOString(),
        });
      },
      "durable",
      [locks.ofFunction(functionId)],
    );
    return { form, value };
  }

  /** The deliveries of a webhook, newest first. @throws TRIGGER_NOT_FOUND */
  async deliveries(
    functionId: string,
    id: string,
    query: PageQuery,
  ): Promise<ListPage<DeliveryRow>> {
    const row = await this.row(functionId, id);
    const page = this.parts.pages.open(["deliveries", row.id], query);
    const { rows, next } = await this.parts.store.read.deliveries.ofTrigger(row.id, page);
    return { list: rows, nextPageToken: page.tokenFor(next) };
  }

  /** The address of a webhook whose path is its secret. */
  capabilityUrl({ listenerId }: TriggerRow, token: string): string {
    return `${this.parts.url}/api/v1/webhooks/incoming/${listenerId}/t/${token}`;
  }

  /** @throws TRIGGER_NOT_FOUND, FUNCTION_NOT_FOUND */
  async row(functionId: string, id: string): Promise<TriggerRow> {
    const row = await this.parts.store.read.triggers.get(id);
    if (row?.functionId === functionId) return row;
    await anyFunction(this.parts.store.read, functionId);
    throw notFound(functionId, id);
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

  /** Runs a write of a trigger under the locks of its function and of what it names. */
  async #write(
    functionId: string,
    { vfsId, http }: TriggerChange,
    statements: (
      tx: Writers,
    ) => Promise<{ readonly row: TriggerRow; readonly secret: ShownSecret | undefined }>,
  ): Promise<MadeTrigger> {
    const { row, secret } = await this.parts.store.write(
      statements,
      "durable",
      [
        locks.ofFunction(functionId),
        ...vfsId ? [locks.ofVolume(vfsId)] : [],
        ...http === undefined ? [] : [locks.triggerAddresses],
      ],
    );
    this.parts.onPlanned();
    return { trigger: await this.#view(row), secret };
  }

  /** @throws TRIGGER_ALREADY_EXISTS, VOLUME_NOT_FOUND */
  async #assertFree(tx: Writers, row: TriggerRow): Promise<void> {
    await assertFree(tx, row, this.parts.limits.hosts.domain);
    if (row.volumeId !== null) await liveVolume(tx, row.volumeId);
  }

  /** The trigger as this transaction sees it. */
  async #current(tx: Writers, functionId: string, id: string): Promise<TriggerRow> {
    const row = await tx.triggers.get(id);
    if (row !== undefined) return row;
    throw notFound(functionId, id);
  }

  /** Plans the next time of a schedule: after now, and after the last time that was taken. */
  async #plan(tx: Writers, row: TriggerRow, settings: TriggerSettings, now: Date): Promise<void> {
    if (settings.kind !== "schedule") return;
    const last = (await tx.schedules.of([row.id])).get(row.id)?.lastAt;
    const after = new Date(Math.max(now.getTime(), Date.parse(last ?? "1970-01-01T00:00:00Z")));
    const next = row.paused === 1 ? undefined : timeAfter(settings.schedule, after);
    await tx.schedules.plan(row.id, next?.toISOString() ?? null);
  }

  async #view(row: TriggerRow): Promise<TriggerView> {
    const [view] = await this.#views([row]);
    return view as TriggerView;
  }

  async #views(rows: readonly TriggerRow[]): Promise<TriggerView[]> {
    const { schedules, deliveries } = this.parts.store.read;
    const ids = rows.map(({ id }) => id);
    const [planned, delivered] = await Promise.all([schedules.of(ids), deliveries.lastOf(ids)]);
    const now = new Date();
    return rows.map((row) => {
      const settings = settingsOf(row);
      const isRunning = settings.kind === "schedule" && row.paused === 0;
      const next = isRunning ? timesAfter(settings.schedule, now, NEXT_RUNS) : [];
      return {
        row,
        settings,
        lastRun: lastRunOf(planned.get(row.id), delivered.get(row.id)),
        nextRuns: next.map((time) => time.toISOString()),
      };
    });
  }
}

function lastRunOf(
  schedule: ScheduleRow | undefined,
  delivery: DeliveryRow | undefined,
): LastRun | undefined {
  if (delivery !== undefined) {
    const { receivedAt, invocationId, reason } = delivery;
    return { time: receivedAt, invocationId, reason };
  }
  if (schedule === undefined || schedule.lastAt === null) return undefined;
  const { lastAt, lastInvocationId, lastReason } = schedule;
  return { time: lastAt, invocationId: lastInvocationId, reason: lastReason };
}

/** The field of a request that gives the secret. */
function secretFieldOf(settings: TriggerSettings): string {
  return settings.kind === "webhook"
    ? `trigger.webhook.${settings.webhook.method.kind}.secret`
    : `trigger.${settings.kind}.secret`;
}

/** What decides about the form of a secret and who knows it. */
function methodOf(settings: TriggerSettings): string {
  return settings.kind === "webhook" ? settings.webhook.method.kind : secretFormOf(settings) ?? "";
}

/** The secrets that stay: none if the trigger has none any more. */
function keptSecret(before: TriggerRow, settings: TriggerSettings): Partial<TriggerRow> {
  if (secretFormOf(settings) !== undefined || before.sealedSecret === null) return {};
  return NO_SECRET;
}

/** A listener's id is no secret, but nobody guesses one. */
function newListenerId(): string {
  return randomBytes(LISTENER_ID_BYTES).toString("base64url");
}

function notFound(functionId: string, id: string): DomainError {
  return new DomainError(
    "TRIGGER_NOT_FOUND",
    `Cannot find trigger ${JSON.stringify(id)} of function ${functionId}: it does not exist`,
  );
}

function tooMany(functionId: string, max: number): DomainError {
  return new DomainError(
    "TRIGGER_LIMIT",
    `Cannot create a trigger of function ${functionId}: it has ${countOf(max, "trigger")}, ` +
      "the limit (--max-triggers)",
  );
}
