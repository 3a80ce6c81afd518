import { randomBytes } from "node:crypto";
import { z } from "zod";
import { Failure, oneLine } from "../terminal/failure.ts";
import { needsAddition } from "./api_error.ts";
import { allNamed } from "./candidates.ts";
import { flag, listOf, optionalText } from "./fields.ts";
import type { FunctionName } from "./schemas.ts";
import { SessionClient } from "./session.ts";

const TRIGGERS = "/api/v1/functions/{function_id}/triggers";
const TRIGGER = `${TRIGGERS}/{id}` as const;

/** Triggers that are searched for a name. */
const MAX_CANDIDATES = 1000;

/** The time of a schedule of a local server, in place of a time that has passed. */
export const PASSED_AT = "9999-12-31T00:00:00.000Z";

/** Settings of one kind, as the API and `invoked.json` have them. */
const Settings = z.record(z.string(), z.unknown());
export type TriggerSettings = z.output<typeof Settings>;

export const KINDS = ["schedule", "webhook", "http"] as const;
export type Kind = (typeof KINDS)[number];

export const Trigger = z.object({
  id: z.string(),
  functionId: z.string(),
  displayName: z.string(),
  paused: flag,
  vfsId: optionalText,
  schedule: Settings.optional(),
  webhook: Settings.optional(),
  http: Settings.optional(),
  lastRun: z.object({
    time: z.string(),
    invocationId: z.string().optional(),
    reason: z.string().optional(),
  }).optional(),
  nextRuns: listOf(z.string()),
  createdAt: z.string(),
  updatedAt: z.string(),
});
export type Trigger = z.output<typeof Trigger>;

const Secrets = z.object({
  webhookHmacSecret: z.string().optional(),
  webhookSecret: z.string().optional(),
  webhookCapabilityUrl: z.string().optional(),
});
/** The secrets that are shown once; the command makes the verify token, the server makes the others. */
export interface TriggerSecrets extends z.output<typeof Secrets> {
  readonly webhookVerifyToken?: string;
}

const TriggerResponse = z.object({ trigger: Trigger });
const MadeResponse = TriggerResponse.extend(Secrets.shape);
export type MadeTrigger = z.output<typeof MadeResponse>;
const AppliedResponse = z.object({
  list: z.array(Trigger),
  secrets: z.array(Secrets.extend({ triggerId: z.string() })),
});
type AppliedChanges = z.output<typeof AppliedResponse>;

const Delivery = z.object({
  id: z.string(),
  receivedAt: z.string(),
  status: z.string(),
  invocationId: z.string().optional(),
  reason: z.string().optional(),
});
export type Delivery = z.output<typeof Delivery>;

/** What a request sets of a trigger. */
export interface TriggerChange {
  readonly displayName?: string;
  readonly paused?: boolean;
  readonly vfsId?: string;
  readonly schedule?: TriggerSettings;
  readonly webhook?: TriggerSettings;
  readonly http?: TriggerSettings;
}

/** A change of one trigger: without an id it is created, without a trigger it is deleted. */
export interface WantedChange {
  readonly id?: string;
  readonly trigger?: TriggerChange;
  readonly updateMask?: string;
}

/** The triggers of functions: one method for each operation. */
export class TriggerApi extends SessionClient {
  /** Newest first. */
  async list(fn: FunctionName, limit: number): Promise<Trigger[]> {
    const what = `Failed to list the triggers of ${oneLine(fn.displayName)}`;
    const sent = { path: { function_id: fn.id } };
    const list = this.session.list(what, `GET ${TRIGGERS}`, Trigger, limit, sent);
    return await needsAddition("triggers", list);
  }

  /**
   * The trigger of a name, of an id or the beginning of one.
   * @throws {Failure} for an unknown trigger, and for several matches
   */
  async find(fn: FunctionName, name: string): Promise<Trigger> {
    const all = await this.list(fn, MAX_CANDIDATES);
    const found = allNamed(all, name, ({ id, displayName }) => [id, displayName]);
    const [trigger] = found;
    if (trigger !== undefined && found.length === 1) return trigger;
    const what = `Trigger ${JSON.stringify(oneLine(name))} of ${oneLine(fn.displayName)}`;
    throw new Failure(
      trigger === undefined
        ? `${what} not found: the function has no trigger with this name or id`
        : `${what} is ambiguous: the ids of ${found.length} triggers begin with this text`,
      { next: "list them with invoked trigger list" },
    );
  }

  async create(fn: FunctionName, change: TriggerChange): Promise<MadeTrigger> {
    const what = `Failed to create trigger ${oneLine(change.displayName ?? "")}`;
    const sent = { path: { function_id: fn.id }, body: { trigger: change } };
    return await this.session.call(what, `POST ${TRIGGERS}`, MadeResponse, sent);
  }

  /** @param updateMask undefined for the fields of the change */
  async update(
    before: Trigger,
    trigger: TriggerChange,
    updateMask?: string,
  ): Promise<MadeTrigger> {
    const what = `Failed to update trigger ${oneLine(before.displayName)}`;
    const sent = { ...of(before), body: { trigger, updateMask } };
    return await this.session.call(what, `PATCH ${TRIGGER}`, MadeResponse, sent);
  }

  /**
   * Makes all changes, or none. Answers what is created or changed, in their order, and the secrets that were made.
   * @param validateOnly checks them, and answers nothing
   */
  async apply(
    fn: FunctionName,
    changes: readonly WantedChange[],
    validateOnly = false,
  ): Promise<AppliedChanges> {
    const what = `Failed to change the triggers of ${oneLine(fn.displayName)}`;
    const body = { changes: [...changes], ...validateOnly ? { validateOnly } : {} };
    const sent = { path: { function_id: fn.id }, body };
    const answer = this.session.call(what, `POST ${TRIGGERS}/apply`, AppliedResponse, sent);
    return await needsAddition("triggers", answer);
  }

  async delete(trigger: Trigger): Promise<void> {
    const what = `Failed to delete trigger ${oneLine(trigger.displayName)}`;
    await this.session.call(what, `DELETE ${TRIGGER}`, z.unknown(), { ...of(trigger), body: {} });
  }

  /** Starts the invocation of a schedule; returns that invocation. */
  async run(trigger: Trigger): Promise<string> {
    const what = `Failed to run trigger ${oneLine(trigger.displayName)}`;
    const schema = z.object({ invocationId: z.string() });
    const sent = { ...of(trigger), body: {} };
    return (await this.session.call(what, `POST ${TRIGGER}/run`, schema, sent)).invocationId;
  }

  /** @param secret undefined to make a new secret @param expireOldAfterMs undefined for the default of the server */
  async rotateSecret(
    trigger: Trigger,
    { secret, expireOldAfterMs }: {
      readonly secret?: string | undefined;
      readonly expireOldAfterMs?: number | undefined;
    },
  ): Promise<TriggerSecrets> {
    const what = `Failed to rotate the secret of trigger ${oneLine(trigger.displayName)}`;
    const expireOldAfter = expireOldAfterMs === undefined
      ? undefined
      : `${expireOldAfterMs / 1000}s`;
    const sent = { ...of(trigger), body: { secret, expireOldAfter } };
    return await this.session.call(what, `POST ${TRIGGER}/rotate_secret`, Secrets, sent);
  }

  /** Newest first. */
  async deliveries(trigger: Trigger, limit: number): Promise<Delivery[]> {
    const what = `Failed to list the deliveries of trigger ${oneLine(trigger.displayName)}`;
    const operation = `GET ${TRIGGER}/deliveries` as const;
    return await this.session.list(what, operation, Delivery, limit, of(trigger));
  }
}

/** The path parameters of a trigger. */
function of({ functionId, id }: Trigger) {
  return { path: { function_id: functionId, id } };
}

/** The kind of a trigger. */
export function kindOf(trigger: Pick<Trigger, Kind>): Kind {
  return KINDS.find((kind) => trigger[kind] !== undefined) ?? "http";
}

/** The time of a schedule that does not repeat, for people. */
export function shownAt(at: unknown): string {
  return at === PASSED_AT ? "passed" : String(at);
}

const TOKEN_BYTES = 32;
const WITH_TOKEN = "WEBHOOK_HANDSHAKE_META";

/**
 * A change with a new verify token, if its handshake needs a token and neither the change nor the trigger has a token.
 * @param before the trigger on the server; undefined for a new trigger
 */
export function withVerifyToken(
  change: TriggerChange,
  before: Trigger | undefined,
): { readonly change: TriggerChange; readonly made: Pick<TriggerSecrets, "webhookVerifyToken"> } {
  const { webhook } = change;
  const isMissing = webhook?.["handshake"] === WITH_TOKEN &&
    webhook["verifyToken"] === undefined && before?.webhook?.["handshake"] !== WITH_TOKEN;
  if (!isMissing) return { change, made: {} };
  const verifyToken = randomBytes(TOKEN_BYTES).toString("hex");
  return {
    change: { ...change, webhook: { ...webhook, verifyToken } },
    made: { webhookVerifyToken: verifyToken },
  };
}
