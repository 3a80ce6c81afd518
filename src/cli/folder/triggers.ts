/** The triggers in `invoked.json`, and how they differ from the triggers of the function on the server. */
import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import type { Api } from "../client/api.ts";
import { MissingEndpoint } from "../client/api_error.ts";
import { volumeIdOf } from "../client/find.ts";
import type { RemoteFunction } from "../client/schemas.ts";
import {
  kindOf,
  KINDS,
  type Trigger,
  type TriggerChange,
  type TriggerSecrets,
  type TriggerSettings,
  type WantedChange,
  withVerifyToken,
} from "../client/triggers.ts";
import { Failure, oneLine } from "../terminal/failure.ts";
import { note } from "../terminal/output.ts";
import { asAnswered, SETTINGS_OF } from "./trigger_settings.ts";

const TRIGGERS_MAX = 1000;

/** A trigger under its name, without its secret; its settings have the form of the API. */
export const declaredTrigger = z.strictObject({
  schedule: SETTINGS_OF.schedule.optional(),
  webhook: SETTINGS_OF.webhook.optional(),
  http: SETTINGS_OF.http.optional(),
  /** Absent: a deploy leaves it as it is on the server. */
  paused: z.boolean().optional(),
  /** Name or id of the volume of its invocations. */
  volume: z.string().min(1).optional(),
}).refine((trigger) => KINDS.filter((kind) => trigger[kind] !== undefined).length === 1, {
  error: `must have exactly one of ${KINDS.join(", ")}`,
}).refine((trigger) => !hasSecret(trigger), {
  error: "must not have a secret or a verify token: a deploy makes them; invoked trigger " +
    "rotate-secret and invoked trigger update --verify-token replace them",
});

export type DeclaredTriggers = Readonly<Record<string, z.output<typeof declaredTrigger>>>;

/** A difference of a trigger. */
export interface TriggerDifference {
  readonly name: string;
  readonly change: "added" | "changed" | "removed";
  /** The trigger on the server; undefined for an added trigger. */
  readonly before: Trigger | undefined;
  /** The trigger in the folder; undefined for a removed trigger. */
  readonly wanted: TriggerChange | undefined;
}

/**
 * The differences between the triggers of a folder and the triggers on the server; none without `triggers` in
 * `invoked.json`.
 */
export async function differencesOf(
  api: Api,
  declared: DeclaredTriggers | undefined,
  fn: RemoteFunction | undefined,
): Promise<TriggerDifference[]> {
  if (declared === undefined) return [];
  const remote = fn === undefined ? [] : await remoteTriggers(api, fn);
  const differences: TriggerDifference[] = [];
  for (const [name, { volume, paused, ...kinds }] of Object.entries(declared)) {
    const before = remote.find(({ displayName }) => displayName === name);
    const vfsId = volume === undefined ? "" : await volumeIdOf(api, volume);
    const kind = kindOf(kinds as Trigger);
    const wanted = {
      displayName: name,
      [kind]: asAnswered(kind, kinds[kind] ?? {}),
      ...paused === undefined ? {} : { paused },
      vfsId,
    };
    if (before === undefined) differences.push({ name, change: "added", before, wanted });
    else if (kindOf(before) !== kind) {
      differences.push(...replacing({ name, before, wanted }));
    } else if (!isSame(before, wanted)) {
      differences.push({ name, change: "changed", before, wanted });
    }
  }
  for (const before of remote) {
    const name = before.displayName;
    if (Object.hasOwn(declared, name)) continue;
    differences.push({ name, change: "removed", before, wanted: undefined });
  }
  return differences;
}

/** Differences that replace a trigger by another trigger of the same name. */
function replacing(
  { name, before, wanted }: Omit<TriggerDifference, "change">,
): readonly TriggerDifference[] {
  return [
    { name, change: "removed", before, wanted: undefined },
    { name, change: "added", before: undefined, wanted },
  ];
}

/**
 * Asserts that no trigger that stays has the name, slug or host that one of the folder wants.
 * @throws {Failure}
 */
export function assertNoneInTheWay(differences: readonly TriggerDifference[]): void {
  const staying = differences.flatMap(({ change, before }) =>
    change === "removed" && before !== undefined ? [before] : []
  );
  for (const { name, wanted } of differences) {
    if (wanted === undefined) continue;
    for (const before of staying) {
      const shared = sharedBy(before, wanted);
      if (shared === undefined) continue;
      throw new Failure(
        `Trigger ${oneLine(name)} conflicts with ${kindOf(before)} ${
          oneLine(before.displayName)
        } ` +
          `on the server, which has the same ${shared} and is kept without --prune; nothing was deployed`,
        {
          next:
            "delete the trigger on the server with --prune, or change the trigger in invoked.json",
        },
      );
    }
  }
}

/** What only one of two triggers can have. */
function sharedBy(before: Trigger, wanted: TriggerChange): string | undefined {
  if (before.displayName === wanted.displayName) return "name";
  return ["slug", "host"].find((field) => {
    const value = wanted.http?.[field];
    return value !== undefined && value === before.http?.[field];
  });
}

/** The secrets of a trigger that the server made and shows once. */
export interface AppliedTrigger extends TriggerSecrets {
  readonly name: string;
  readonly id: string;
  readonly change: TriggerDifference["change"];
}

/** Checks that {@link applyDifferences} would succeed, before anything is deployed. */
export async function checkDifferences(
  api: Api,
  fn: RemoteFunction,
  differences: readonly TriggerDifference[],
  prune: boolean,
): Promise<void> {
  const changes = applied(differences, prune).map((difference) => changeOf(difference).change);
  if (changes.length === 0) return;
  try {
    await api.triggers.apply(fn, changes, true);
  } catch (error) {
    note("Nothing was deployed: the server rejects a trigger of invoked.json");
    throw error;
  }
}

/**
 * Applies the triggers of the folder on the server, all or none. Other triggers on the server are kept unless they are
 * pruned.
 */
export async function applyDifferences(
  api: Api,
  fn: RemoteFunction,
  differences: readonly TriggerDifference[],
  prune: boolean,
): Promise<AppliedTrigger[]> {
  const wanted = applied(differences, prune);
  if (wanted.length === 0) return [];
  const changes = wanted.map(changeOf);
  const { list, secrets } = await api.triggers.apply(fn, changes.map(({ change }) => change));
  const answered = [...list];
  return wanted.map(({ name, change, before }, at) => {
    const id = (change === "removed" ? before : answered.shift())?.id ?? "";
    const { triggerId: _, ...secret } = secrets.find(({ triggerId }) => triggerId === id) ?? {};
    return { name, id, change, ...secret, ...changes[at]?.made };
  });
}

/** What a deploy changes. */
function applied(differences: readonly TriggerDifference[], prune: boolean): TriggerDifference[] {
  return differences.filter(({ change }) => change !== "removed" || prune);
}

/** The change of a difference, and the verify token that was made for it. */
function changeOf(
  { before, wanted }: TriggerDifference,
): { readonly change: WantedChange; readonly made: Pick<TriggerSecrets, "webhookVerifyToken"> } {
  const id = before === undefined ? {} : { id: before.id };
  if (wanted === undefined) return { change: id, made: {} };
  const { change: trigger, made } = withVerifyToken(wanted, before);
  const mask = before === undefined ? {} : { updateMask: maskOf(wanted) };
  return { change: { ...id, trigger, ...mask }, made };
}

/** The triggers of a function; none on a server of C1, which has no triggers of functions. */
export async function remoteTriggers(api: Api, fn: RemoteFunction): Promise<Trigger[]> {
  try {
    return await api.triggers.list(fn, TRIGGERS_MAX);
  } catch (error) {
    if (error instanceof MissingEndpoint) return [];
    throw error;
  }
}

function isSame(remote: Trigger, wanted: TriggerChange): boolean {
  const kind = kindOf(wanted as Trigger);
  if (remote[kind] === undefined || (remote.vfsId ?? "") !== wanted.vfsId) return false;
  if (remote.paused !== (wanted.paused ?? remote.paused)) return false;
  const { listenerId: _, ...own } = remote[kind];
  return isDeepStrictEqual(own, wanted[kind]);
}

/** The fields of a trigger that the folder decides on. */
function maskOf(wanted: TriggerChange): string {
  const fields = [kindOf(wanted as Trigger), "vfsId"];
  return (wanted.paused === undefined ? fields : [...fields, "paused"]).join();
}

function hasSecret({ webhook, http }: {
  readonly webhook?: TriggerSettings | undefined;
  readonly http?: TriggerSettings | undefined;
}): boolean {
  const parts = [http, webhook, ...Object.values(webhook ?? {})];
  return parts.some((part) =>
    typeof part === "object" && part !== null && ("secret" in part || "verifyToken" in part)
  );
}
