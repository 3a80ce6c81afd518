import type { Command } from "commander";
import type { Api, Files } from "./client/api.ts";
import { findCommit } from "./client/find.ts";
import type { RemoteFunction } from "./client/schemas.ts";
import { folderOf, shownPath } from "../builder/source_tree.ts";
import { type Change, changesBetween } from "./folder/changes.ts";
import { readFunctionFiles } from "./folder/files.ts";
import { readFields, readNameOrId } from "./folder/manifest.ts";
import { paintPatch, patchOf } from "./folder/patches.ts";
import { differencesOf } from "./folder/triggers.ts";
import { KINDS, type Trigger, type TriggerChange } from "./client/triggers.ts";
import { note, printJson } from "./terminal/output.ts";
import type { JsonFlag } from "./options/common_options.ts";
import { addFunctionAction, COMMIT_HELP, FUNCTION } from "./options/function_argument.ts";

/** `invoked diff`: the differences between two commits, or between a commit and the folder. */
export function register(command: Command): void {
  command
    .argument(...FUNCTION)
    .argument("[from]", COMMIT_HELP)
    .argument("[to]", "Id, HEAD or tag of the other commit [default the files of this folder]");
  addFunctionAction(
    command,
    ["invoked diff", "invoked diff hello v1 HEAD"],
    async (api, fn, from: string | undefined, to: string | undefined, { json }: JsonFlag) => {
      const before = await filesOf(api, fn, from ?? "HEAD");
      const after = to === undefined
        ? await readFunctionFiles(Deno.cwd())
        : await filesOf(api, fn, to);
      const folderFromRoot = rootedFolder(after) || rootedFolder(before);
      const changes = changesBetween(before, after)
        .map((change) => {
          const path = shownPath(change.path, folderFromRoot);
          return { ...change, path, patch: patchOf(change, path, before, after) };
        });
      const all = to === undefined ? [...changes, ...await triggerChanges(api, fn)] : changes;
      if (json) return printJson(all);
      if (all.length === 0) return note("No differences");
      for (const { patch } of all) console.log(paintPatch(patch));
    },
  );
}

/** The differences between the triggers of the folder and on the server. */
async function triggerChanges(
  api: Api,
  fn: RemoteFunction,
): Promise<(Change & { readonly patch: string })[]> {
  const named = await readNameOrId(Deno.cwd());
  const isOfFolder = named !== undefined && [fn.id, fn.displayName].includes(named);
  const declared = isOfFolder ? await readFields(Deno.cwd(), ["triggers"]) : undefined;
  const differences = await differencesOf(api, declared?.triggers, fn);
  return differences.map(({ name, change, before, wanted }) => {
    const path = `trigger ${name}`;
    const [old, now] = [before, wanted].map((trigger) =>
      new TextEncoder().encode(textOfTrigger(trigger))
    );
    const files = (content: Uint8Array | undefined) =>
      new Map([[path, content ?? new Uint8Array()]]);
    return { path, change, patch: patchOf({ path, change }, path, files(old), files(now)) };
  });
}

/** What a folder can say of a trigger, as lines. */
function textOfTrigger(trigger: TriggerChange | Trigger | undefined): string {
  if (trigger === undefined) return "";
  const kind = KINDS.find((each) => trigger[each] !== undefined) ?? "http";
  const { listenerId: _, ...settings } = trigger[kind] ?? {};
  const volume = trigger.vfsId ? { volume: trigger.vfsId } : {};
  return `${JSON.stringify({ [kind]: settings, ...volume }, null, 2)}\n`;
}

async function filesOf(api: Api, fn: RemoteFunction, reference: string): Promise<Files> {
  const id = await findCommit(api, fn, reference);
  return (await api.commit(fn, id, { showPurged: true })).files;
}

/** From the root of a commit to the function's folder; empty without a valid root. */
function rootedFolder(files: Files): string {
  const folder = folderOf(files);
  return typeof folder === "string" ? folder : "";
}
