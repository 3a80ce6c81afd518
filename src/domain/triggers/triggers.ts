import { formatDuration } from "../../config/mod.ts";
import type { Store, Writers } from "../../store/mod.ts";
import type { DeliveryRow } from "../../store/deliveries.ts";
import type { ScheduleRow } from "../../store/schedules.ts";
import type { TriggerRow } from "../../store/triggers.ts";
import { invalid, invalidTarget, ValidationOnly } from "../errors.ts";
import type { UpdateMask } from "../update_mask.ts";
import type { Ids } from "../ids.ts";
import type { Invocations } from "../invocations/invocations.ts";
import { locks } from "../locks.ts";
import type { ListPage, PageQuery, Pages } from "../paging.ts";
import { anyFunction, liveFunction } from "../references.ts";
import { applyChanges, type WantedChange } from "./apply.ts";
import { changedFields, type TriggerChange } from "./changes.ts";
import type { TriggerLimits } from "./limits.ts";
import { timesAfter } from "./schedule_times.ts";
import { checkSecret, makeSecret, secretFormOf, type TriggerSecrets } from "./secrets.ts";
import { settingsOf, type TriggerSettings } from "./settings.ts";
import {
  current,
  type ShownSecret,
  triggerNotFound,
  TriggerWrites,
  type WrittenTrigger,
} from "./writes.ts";

/** Scheduled times that are shown ahead. */
const NEXT_RUNS = 5;
const OLD_SECRET_DEFAULT_MS = 24 * 60 * 60 * 1000;
const OLD_SECRET_MAX_MS = 30 * OLD_SECRET_DEFAULT_MS;

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

/** A trigger after a request, and the secret that the request has made. */
export interface MadeTrigger {
  readonly trigger: TriggerView;
  readonly secret: ShownSecret | undefined;
}

/** What triggers are built from. */
interface TriggerParts {
  readonly store: Store;
  readonly secrets: TriggerSecrets;
  readonly pages: Pages;
  readonly ids: Ids;
  readonly limits: TriggerLimits;
  readonly invocations: Pick<Invocations, "skippedRow">;
  /** Base URL of the server. */
  readonly url: string;
  /** Called after the times of schedules have changed. */
  readonly onPlanned: () => void;
}

/** Triggers: what starts a function besides requests to the API. */
export class Triggers {
  readonly #writes: TriggerWrites;

  constructor(private readonly parts: TriggerParts) {
    this.#writes = new TriggerWrites(parts);
  }

  /** @throws INVALID_FIELD, TRIGGER_ALREADY_EXISTS, TRIGGER_LIMIT, VOLUME_NOT_FOUND, FUNCTION_NOT_FOUND */
  async create(functionId: string, change: TriggerChange): Promise<MadeTrigger> {
    const { id } = await liveFunction(this.parts.store.read, functionId);
    const draft = this.#writes.draft(id, change, this.parts.ids.nextWithTime());
    const [made] = await this.#write(id, [change], async (tx) => {
      await liveFunction(tx, id);
      return [await this.#writes.insert(tx, draft)];
    });
    return made as MadeTrigger;
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
    const [made] = await this.#write(functionId, [change], async (tx) => {
      const before = await current(tx, functionId, id);
      return [await this.#writes.update(tx, this.#writes.revise(before, change, fields))];
    });
    return made as MadeTrigger;
  }

  /**
   * Makes all changes, or none. What only one trigger can have may go from one to another.
   * @param isValidation checks them, and changes nothing
   * @returns the triggers that are created or updated, in their order
   * @throws as {@link create} and {@link update}; the error names the change
   */
  async apply(
    functionId: string,
    wanted: readonly WantedChange[],
    isValidation: boolean,
  ): Promise<MadeTrigger[]> {
    const { id } = await liveFunction(this.parts.store.read, functionId);
    const changes = wanted.flatMap(({ trigger }) => trigger === undefined ? [] : [trigger]);
    try {
      return await this.#write(id, changes, async (tx) => {
        await liveFunction(tx, id);
        const written = await applyChanges(tx, id, wanted, this.#writes, this.parts.ids);
        if (isValidation) throw new ValidationOnly();
        return written;
      });
    } catch (error) {
      if (error instanceof ValidationOnly) return [];
      throw error;
    }
  }

  /** Deletes a trigger with its deliveries; its invocations stay. @throws TRIGGER_NOT_FOUND */
  async delete(functionId: string, id: string): Promise<void> {
    await this.row(functionId, id);
    await this.parts.store.writeLocked([locks.ofFunction(functionId)], async (tx) => {
      await this.#writes.delete(tx, await current(tx, functionId, id));
    });
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
      throw invalidTarget(`Trigger ${id} is not signed`, "it has no secret to rotate");
    }
    if (expireOldAfterMs > OLD_SECRET_MAX_MS) {
      throw invalid({
        field: "expireOldAfter",
        description: `${formatDuration(expireOldAfterMs)} exceed the limit of ${
          formatDuration(OLD_SECRET_MAX_MS)
        }`,
      });
    }
    if (given !== undefined) checkSecret(form, given, "secret");
    const value = given ?? makeSecret(form);
    const now = new Date();
    await this.parts.store.writeLocked([locks.ofFunction(functionId)], async (tx) => {
      const before = await current(tx, functionId, id);
      await tx.triggers.update(id, {
        sealedSecret: this.parts.secrets.seal(id, value),
        sealedOldSecret: before.sealedSecret,
        oldSecretUntil: new Date(now.getTime() + expireOldAfterMs).toISOString(),
        updatedAt: now.toISOString(),
      });
    });
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
    return page.of(await this.parts.store.read.deliveries.ofTrigger(row.id, page));
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
    throw triggerNotFound(functionId, id);
  }

  /** Runs writes of triggers under the locks of their function and of what they name. */
  async #write(
    functionId: string,
    changes: readonly TriggerChange[],
    statements: (tx: Writers) => Promise<WrittenTrigger[]>,
  ): Promise<MadeTrigger[]> {
    const volumes = changes.flatMap(({ vfsId }) => vfsId ? [locks.ofVolume(vfsId)] : []);
    const hasAddress = changes.some(({ http }) => http !== undefined);
    const held = [
      locks.ofFunction(functionId),
      ...new Set(volumes),
      ...hasAddress ? [locks.triggerAddresses] : [],
    ];
    const written = await this.parts.store.writeLocked(held, statements);
    this.parts.onPlanned();
    const views = await this.#views(written.map(({ row }) => row));
    return written.map(({ secret }, at) => ({ trigger: views[at] as TriggerView, secret }));
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
