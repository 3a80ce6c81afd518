/**
 * What an author changed since a commit, as a draft of this browser that all its tabs share. A tab writes every
 * change at once and shows what others write. What two tabs write at the same time is kept by both: each has the
 * other's as a rival until the author decides.
 */
import { useSyncExternalStore } from "react";
import { holdInTab, onStored, readHeld, readStored, writeStored } from "../../../browser/stored.ts";
import { type FileContents, isSameContent, own } from "../../../parts/files.ts";

export type Files = FileContents;

/** What the author changed since a commit. */
export interface Draft {
  /** The commit that the changes are made to; empty without one. */
  readonly base: string;
  /** The whole content of each added or changed file. */
  readonly changed: Files;
  readonly removed: readonly string[];
}

/** How many files a draft changes. */
export function sizeOf({ changed, removed }: Draft): number {
  return Object.keys(changed).length + removed.length;
}

/** The author's files: the files of a commit with the changes of the draft. */
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
      Object.entries(mine).filter(([path, content]) => !isSameContent(own(files, path), content)),
    ),
    removed: Object.keys(files).filter((path) => !Object.hasOwn(mine, path)),
  };
}

/** Changes that a draft contains, counted by the tab that made them. */
type Counts = Readonly<Record<string, number>>;

/** What the browser keeps, also without a draft: other tabs learn from it what became of theirs. */
interface Kept {
  readonly counts: Counts;
  readonly draft?: Draft | undefined;
  /** The commit that the draft became. */
  readonly savedAs?: string | undefined;
}

interface DraftState extends Kept {
  /** What another tab made of the draft without this tab's changes. */
  readonly rival?: Kept;
  /** Whether the browser could not keep the draft, as when its storage is full. */
  readonly isUnkept?: boolean;
  /** Whether the last change came from another tab. */
  readonly isOthers?: boolean;
  /** The head that this tab knew when another tab saved the draft. */
  readonly savedOn?: string | undefined;
}

/** A page that loads anew is another tab. */
const TAB = Math.random().toString(36).slice(2, 10);
/** A draft keeps the counts of the tabs that wrote last, and drops the counts of older tabs. */
const MAX_TABS = 20;
const PREFIX = "draft.";

const states = new Map<string, DraftState>();
/** The heads that this tab knows. */
const heads = new Map<string, string>();
const listeners = new Set<() => void>();

function draftStateOf(functionId: string): DraftState {
  const state = states.get(functionId) ?? load(functionId);
  states.set(functionId, state);
  return state;
}

export function draftOf(functionId: string): Draft | undefined {
  return draftStateOf(functionId).draft;
}

/** Changes the draft in all tabs; one without a change ends it. @param savedAs the commit that it became */
export function setDraft(functionId: string, draft: Draft | undefined, savedAs?: string): void {
  const { isOthers: _, ...former } = draftStateOf(functionId);
  const kept = draft === undefined || sizeOf(draft) === 0 ? undefined : draft;
  const saved = savedAs === undefined ? {} : { savedAs, savedOn: undefined };
  put(functionId, { ...former, ...saved, counts: counted(former.counts), draft: kept });
}

/** Ends the choice between two drafts: the one that is passed becomes that of all tabs. */
export function decide(functionId: string, draft: Draft | undefined): void {
  const { counts, rival } = draftStateOf(functionId);
  put(functionId, { counts: counted(merged(counts, rival?.counts ?? {})), draft });
}

/** The head of a function, newer than what the server said last if another tab has saved since. */
export function headOf(functionId: string, known: string): string {
  heads.set(functionId, known);
  const { savedAs, savedOn } = draftStateOf(functionId);
  return savedAs !== undefined && savedOn === known ? savedAs : known;
}

export function useDraftState(functionId: string): DraftState {
  return useSyncExternalStore(subscribe, () => draftStateOf(functionId));
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function publish(functionId: string, state: DraftState): void {
  states.set(functionId, state);
  for (const listener of listeners) listener();
}

/** What the browser does not keep for all tabs it keeps for this one. */
function put(functionId: string, state: DraftState): void {
  const key = PREFIX + functionId;
  const { counts, draft, savedAs, rival } = state;
  const kept: Kept = { counts, draft, savedAs };
  const isKept = rival === undefined && writeStored(key, kept);
  holdInTab(key, isKept ? undefined : kept);
  publish(functionId, { ...state, isUnkept: !isKept && rival === undefined });
}

function load(functionId: string): DraftState {
  const key = PREFIX + functionId;
  const { counts = {}, draft, savedAs } = readStored<Kept>(key) ?? {};
  const held = readHeld<Kept>(key);
  if (held === undefined) return { counts, draft, savedAs };
  const mine = { ...held, counts: counted(held.counts) };
  const hasAll = Object.entries(counts).every(([tab, count]) => (held.counts[tab] ?? 0) >= count);
  return hasAll || isSame(held.draft, draft)
    ? { ...mine, isUnkept: true }
    : { ...mine, rival: { counts, draft } };
}

onStored((key, value) => {
  if (!key.startsWith(PREFIX)) return;
  const functionId = key.slice(PREFIX.length);
  const mine = states.get(functionId);
  const theirs = value as Kept | undefined;
  if (mine === undefined || theirs?.counts === undefined) return;
  const hasMine = (theirs.counts[TAB] ?? 0) >= (mine.counts[TAB] ?? 0);
  if (hasMine) {
    holdInTab(key, undefined);
    const isSaved = theirs.savedAs !== mine.savedAs;
    const savedOn = isSaved ? heads.get(functionId) : mine.savedOn;
    publish(functionId, { ...theirs, isOthers: true, savedOn });
  } else if (isSame(theirs.draft, mine.draft)) {
    publish(functionId, { ...mine, counts: merged(mine.counts, theirs.counts) });
  } else {
    put(functionId, { ...mine, rival: theirs });
  }
});

function isSame(one: Draft | undefined, other: Draft | undefined): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** The counts with one more change of this tab, which goes to the end. */
function counted({ [TAB]: own = 0, ...others }: Counts): Counts {
  const entries = Object.entries(others).slice(1 - MAX_TABS);
  return { ...Object.fromEntries(entries), [TAB]: own + 1 };
}

function merged(one: Counts, other: Counts): Counts {
  const greater = Object.entries(other).filter(([tab, count]) => count > (one[tab] ?? 0));
  return { ...one, ...Object.fromEntries(greater) };
}
