/** Unsaved text: kept by this browser until it is saved as a commit or discarded. */
import { useSyncExternalStore } from "react";
import { readStored, writeStored } from "../../../browser/stored.ts";

export type Files = Readonly<Record<string, string>>;

/** What the author changed since a commit. */
export interface Draft {
  /** The commit that the changes are made to; empty without one. */
  readonly base: string;
  /** The whole text of each added or changed file. */
  readonly changed: Files;
  readonly removed: readonly string[];
}

const drafts = new Map<string, Draft | undefined>();
const unkept = new Set<string>();
const listeners = new Set<() => void>();
const keyOf = (functionId: string) => `draft.${functionId}`;

export function draftOf(functionId: string): Draft | undefined {
  if (!drafts.has(functionId)) drafts.set(functionId, readStored<Draft>(keyOf(functionId)));
  return drafts.get(functionId);
}

/** A draft without a change is not kept. */
export function setDraft(functionId: string, draft: Draft | undefined): void {
  const isEmpty = draft === undefined ||
    Object.keys(draft.changed).length + draft.removed.length === 0;
  const kept = isEmpty ? undefined : draft;
  drafts.set(functionId, kept);
  if (writeStored(keyOf(functionId), kept)) unkept.delete(functionId);
  else unkept.add(functionId);
  for (const listener of listeners) listener();
}

// Another tab edits the same draft: the last edit wins in both.
addEventListener("storage", ({ key }) => {
  if (key !== null && !key.startsWith("invoked.draft.")) return;
  drafts.clear();
  for (const listener of listeners) listener();
});

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useDraft(functionId: string): Draft | undefined {
  return useSyncExternalStore(subscribe, () => draftOf(functionId));
}

/** Whether the browser could not keep the draft, as when its storage is full. */
export function useIsUnkept(functionId: string): boolean {
  return useSyncExternalStore(subscribe, () => unkept.has(functionId));
}

/** The files of the author: those of a commit with the changes of the draft. */
export function withDraft(files: Files, draft: Draft | undefined): Files {
  if (draft === undefined) return files;
  const kept = Object.entries(files).filter(([path]) => !draft.removed.includes(path));
  return { ...Object.fromEntries(kept), ...draft.changed };
}

/** The draft that makes `mine` of the files of a commit. */
export function draftBetween(base: string, files: Files, mine: Files): Draft {
  return {
    base,
    changed: Object.fromEntries(
      Object.entries(mine).filter(([path, text]) => files[path] !== text),
    ),
    removed: Object.keys(files).filter((path) => !(path in mine)),
  };
}
