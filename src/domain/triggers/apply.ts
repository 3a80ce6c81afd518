/** Several changes of the triggers of a function, of which all are made or none. */
import type { Writers } from "../../store/mod.ts";
import { DomainError, invalid } from "../errors.ts";
import type { UpdateMask } from "../update_mask.ts";
import type { Ids } from "../ids.ts";
import { changedFields, type TriggerChange } from "./changes.ts";
import { TRIGGER_NAME_CHARS_MAX } from "./settings.ts";
import {
  current,
  type TriggerRevision,
  type TriggerWrites,
  type WrittenTrigger,
} from "./writes.ts";

/** A change of one trigger: without an id it is created, without a trigger it is deleted. */
export interface WantedChange {
  readonly id?: string | undefined;
  readonly trigger?: TriggerChange | undefined;
  readonly updateMask?: UpdateMask | undefined;
}

/** An update while the changes are made. */
interface Revision {
  readonly at: number;
  readonly draft: TriggerRevision;
}

/**
 * Makes the changes in an open transaction: deletions first, then updates, then new triggers. What only one trigger can
 * have is compared after all of it was given free. Answers what is created or updated, in the order of the changes.
 * @throws as a change alone, with the change in the fields of the error
 */
export async function applyChanges(
  tx: Writers,
  functionId: string,
  wanted: readonly WantedChange[],
  writes: TriggerWrites,
  ids: Ids,
): Promise<WrittenTrigger[]> {
  assertDistinct(wanted);
  const written = new Map<number, WrittenTrigger>();
  const revisions: Revision[] = [];
  for (const [at, change] of wanted.entries()) {
    await named(at, change, async () => {
      const { id, trigger, updateMask } = change;
      if (id === undefined) return;
      const before = await current(tx, functionId, id);
      if (trigger === undefined) return await writes.delete(tx, before);
      const fields = changedFields(trigger, updateMask, before.kind);
      revisions.push({ at, draft: writes.revise(before, trigger, fields) });
    });
  }
  for (const { draft: { row: { id } } } of revisions) {
    await tx.triggers.update(id, { displayName: passingName(id), slug: null, host: null });
  }
  for (const { at, draft } of revisions) {
    await named(at, wanted[at], async () => written.set(at, await writes.update(tx, draft)));
  }
  for (const [at, change] of wanted.entries()) {
    const { id, trigger } = change;
    if (id !== undefined || trigger === undefined) continue;
    await named(at, change, async () => {
      const draft = writes.draft(functionId, trigger, ids.nextWithTime());
      written.set(at, await writes.insert(tx, draft));
    });
  }
  return wanted.flatMap((_, at) => written.get(at) ?? []);
}

/** A name that no request can give a trigger: it is too long. */
function passingName(id: string): string {
  return id.padEnd(TRIGGER_NAME_CHARS_MAX + 1, "-");
}

/** @throws INVALID_FIELD for two changes of one trigger */
function assertDistinct(wanted: readonly WantedChange[]): void {
  const seen = new Set<string>();
  for (const [at, { id }] of wanted.entries()) {
    if (id === undefined) continue;
    if (seen.has(id)) {
      throw invalid({ field: `changes[${at}].id`, description: `${id} has another change` });
    }
    seen.add(id);
  }
}

/** Names the change in the errors of its part of the work. */
async function named<Result>(
  at: number,
  { id, trigger }: WantedChange = {},
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    const name = JSON.stringify(trigger?.displayName ?? id);
    throw new DomainError(error.reason, `Trigger ${name} was not applied: ${error.message}`, {
      violations: error.violations.map(({ field, description }) => ({
        field: `changes[${at}].${field}`,
        description,
      })),
    });
  }
}
